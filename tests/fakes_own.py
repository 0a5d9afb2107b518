"""A person's own conversations in memory, over the memory of `tests.fakes`."""

from __future__ import annotations

from dataclasses import replace

from bot.types import Conversation, OwnConversation, Role, TurnState
from bot.words import indexed, literal_terms
from tests.fakes import Memory
from tests.fakes_history import FakeTurns


class FakeOwnConversations:
    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = memory or Memory()
        self._turns = FakeTurns(self.memory)

    async def listing(
        self, person_id: str, *, query: str = "", limit: int = 30, before: tuple[float, int] | None = None
    ) -> list[OwnConversation]:
        asked = literal_terms(query)
        if query and not asked:
            return []
        rows = [
            self._listed(conversation)
            for conversation in self.memory.conversations.values()
            if self._own(person_id, conversation.id)
        ]
        rows.sort(key=_place, reverse=True)
        found = [r for r in (self._searched(row, asked) for row in rows) if r is not None]
        return [row for row in found if before is None or _place(row) < before][: max(0, limit)]

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

    def _searched(self, row: OwnConversation, asked: list[str]) -> OwnConversation | None:
        if not asked:
            return row
        conversation = row.conversation
        places = [p for p in self.memory.said if p[0] == conversation.id and p[1] >= conversation.start_turn]
        for place in sorted(places, reverse=True):
            messages = [m for m, _ in self.memory.messages.get(place, ())]
            said = "\n".join(m.text for m in messages if m.role in (Role.USER, Role.ASSISTANT))
            if set(asked) <= set(indexed(said)):
                return replace(row, found=said)
        return row if set(asked) <= set(indexed(conversation.title)) else None

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
