"""A person's own conversations in memory, over the memory of `tests.fakes`."""

from __future__ import annotations

import math
from dataclasses import replace

from bot.types import Conversation, OwnConversation, OwnFound, Role, TurnState
from bot.words import Sought, indexed, sought
from tests.fakes import Memory
from tests.fakes_history import FakeTurns


class FakeOwnConversations:
    def __init__(self, memory: Memory | None = None, looked_through: int = 1_000, turns: int = 5_000) -> None:
        self.memory = memory or Memory()
        self.looked_through, self.turns = looked_through, turns
        self._turns = FakeTurns(self.memory)

    async def listing(
        self, person_id: str, *, limit: int = 30, before: tuple[float, int] | None = None
    ) -> list[OwnConversation]:
        return self._after(person_id, before)[: max(0, limit)]

    async def search(
        self, person_id: str, query: str, *, limit: int = 30, before: tuple[float, int, int] | None = None
    ) -> OwnFound:
        asked, found, left = sought(query), list[OwnConversation](), self.turns
        if limit < 1 or asked == Sought():
            return OwnFound()
        at, id, amid = before or (math.inf, 0, 0)
        rows = self._after(person_id, (at, id + 1 if amid else id))
        for number, row in enumerate(rows, start=1):
            below = amid if row.conversation.id == id and amid else 1 << 31
            places = self._places(row.conversation, below)
            since = places[0][1] - left + 1 if places else 0
            seen = [place for place in places if place[1] >= since]
            left -= len(seen)
            if (match := self._searched(row, seen, asked)) is not None:
                found.append(match)
            elif len(seen) < len(places):
                return OwnFound(tuple(found), (*_place(row), since))
            if len(found) == limit or number == self.looked_through or len(seen) < len(places):
                return OwnFound(tuple(found), (*_place(row), 0) if number < len(rows) else None)
        return OwnFound(tuple(found))

    def _after(self, person_id: str, before: tuple[float, int] | None) -> list[OwnConversation]:
        rows = [
            self._listed(conversation)
            for conversation in self.memory.conversations.values()
            if self._own(person_id, conversation.id)
        ]
        rows.sort(key=_place, reverse=True)
        return [row for row in rows if before is None or _place(row) < before]

    def _own(self, person_id: str, conversation_id: int) -> bool:
        turns = [t for t, _ in self.memory.turns.values() if t.conversation_id == conversation_id]
        return bool(turns) and all(t.person_id == person_id for t in turns)

    def _listed(self, conversation: Conversation) -> OwnConversation:
        rows = [row for row in self.memory.turns.values() if row[0].conversation_id == conversation.id]
        last = max(rows, key=lambda row: (row[0].number, row[1]))[0]
        return OwnConversation(
            conversation,
            self.memory.active.get(conversation.id, 0.0),
            last.event_key,
            answering=last.state is TurnState.GENERATING,
        )

    def _places(self, conversation: Conversation, below: int) -> list[tuple[int, int]]:
        said = [p for p in self.memory.said if p[0] == conversation.id and p[1] >= conversation.start_turn]
        return sorted((place for place in said if place[1] < below), reverse=True)

    def _searched(
        self, row: OwnConversation, places: list[tuple[int, int]], asked: Sought
    ) -> OwnConversation | None:
        for place in places:
            messages = [m for m, _ in self.memory.messages.get(place, ())]
            said = "\n".join(m.text for m in messages if m.role in (Role.USER, Role.ASSISTANT))
            if asked.within(indexed(said)):
                return replace(row, found=said)
        return row if asked.within(indexed(row.conversation.title)) else None

    async def get(self, person_id: str, conversation_id: int) -> Conversation | None:
        mine = self._own(person_id, conversation_id)
        return self.memory.conversations.get(conversation_id) if mine else None

    async def delete(self, person_id: str, conversation_id: int) -> bool:
        if not self._own(person_id, conversation_id):
            return False
        memory, id = self.memory, conversation_id
        gone = {t.id for t, _ in memory.turns.values() if t.conversation_id == id}
        memory.turns = {k: v for k, v in memory.turns.items() if k not in gone}
        memory.deliveries = {k: v for k, v in memory.deliveries.items() if k[0] not in gone}
        memory.feedback = {k: v for k, v in memory.feedback.items() if k[0] not in gone}
        memory.messages = {k: v for k, v in memory.messages.items() if k[0] != id}
        memory.said = {k: v for k, v in memory.said.items() if k[0] != id}
        memory.values = {k: v for k, v in memory.values.items() if k[1] != f"conversation:{id}"}
        memory.console.shares = {k: s for k, s in memory.console.shares.items() if s.conversation_id != id}
        memory.conversations.pop(id, None)
        return True


def _place(row: OwnConversation) -> tuple[float, int]:
    return (row.active_at, row.conversation.id)
