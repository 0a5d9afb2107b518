"""In-memory conversations and turns; import them from `tests.fakes`."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from bot.errors import StorageGone
from bot.types import (
    NO_THOUGHTS,
    RATINGS,
    Address,
    Conversation,
    Delivery,
    Event,
    FinishReason,
    Message,
    Role,
    Sample,
    Thoughts,
    Turn,
    TurnState,
    rating,
)
from storage.text import clean, clean_address, from_json, key_of, merged, to_json

if TYPE_CHECKING:
    from bot.ports import Clock
    from tests.fakes import Memory

T = TypeVar("T")
_ids = itertools.count(1)


def _memory(memory: Memory | None) -> Memory:
    from tests.fakes import Memory

    return memory or Memory()


def _cleaned(value: T) -> T:
    return from_json(to_json(value), type(value))


class FakeConversations:
    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = _memory(memory)

    async def open(self, address: Address) -> Conversation:
        address = clean_address(address)
        for conversation in self.memory.conversations.values():
            if conversation.address == address:
                return conversation
        return self._store(Conversation(next(_ids), address))

    async def find(self, address: Address) -> Conversation | None:
        found = (c for c in self.memory.conversations.values() if c.address == clean_address(address))
        return next(found, None)

    async def get(self, conversation_id: int) -> Conversation | None:
        return self.memory.conversations.get(conversation_id)

    async def history(
        self, conversation_id: int, *, first_turn: int, before_turn: int | None = None
    ) -> list[Message]:
        found = sorted(
            (number, rows)
            for (conversation, number), rows in self.memory.messages.items()
            if conversation == conversation_id
            and number >= first_turn
            and (before_turn is None or number < before_turn)
        )
        return [message for _, rows in found for message, shown in rows if shown]

    async def restart(self, conversation_id: int) -> Conversation:
        numbers = [t.number for t, _ in self.memory.turns.values() if t.conversation_id == conversation_id]
        first = max(numbers, default=0) + 1
        old = self._known(conversation_id)
        anew = replace(old, start_turn=first, first_turn=first, context_turn=first)
        return self._store(replace(anew, summary="", summary_tokens=0))

    async def cut(
        self, conversation_id: int, *, first_turn: int, context_turn: int, summary: str, summary_tokens: int
    ) -> Conversation:
        old = self._known(conversation_id)
        if first_turn <= old.first_turn:
            return old
        return self._store(
            replace(
                old,
                first_turn=first_turn,
                context_turn=max(old.context_turn, context_turn),
                summary=clean(summary),
                summary_tokens=summary_tokens,
            )
        )

    async def update(
        self,
        conversation_id: int,
        *,
        model: str | None = None,
        persona: str | None = None,
        title: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Conversation:
        old = self._known(conversation_id)
        return self._store(
            replace(
                old,
                model=old.model if model is None else clean(model),
                persona=old.persona if persona is None else clean(persona),
                title=old.title if title is None else clean(title),
                settings=_cleaned(merged(old.settings, settings)),
            )
        )

    async def move(self, old: Address, new: Address) -> None:
        moving, there = await self.find(old), await self.find(new)
        if moving is None or moving == there:
            return
        if there is not None and any(t.conversation_id == there.id for t, _ in self.memory.turns.values()):
            return
        if there is not None:
            del self.memory.conversations[there.id]
        self._store(replace(moving, address=clean_address(new)))

    async def listing(self, person_id: str, *, limit: int = 50, before: int = 0) -> list[Conversation]:
        asked = {t.conversation_id for t, _ in self.memory.turns.values() if t.person_id == person_id}
        ids = sorted((i for i in asked if not before or i < before), reverse=True)
        return [self.memory.conversations[i] for i in ids[:limit]]

    def _known(self, conversation_id: int) -> Conversation:
        if conversation_id not in self.memory.conversations:
            raise StorageGone(f"there is no conversation {conversation_id}")
        return self.memory.conversations[conversation_id]

    def _store(self, conversation: Conversation) -> Conversation:
        self.memory.conversations[conversation.id] = conversation
        return conversation


class FakeTurns:
    def __init__(self, memory: Memory | None = None, clock: Clock | None = None) -> None:
        from tests.fakes import FakeClock

        self.memory = _memory(memory)
        self._clock = clock or FakeClock()

    def _of(self, conversation_id: int) -> list[tuple[Turn, int]]:
        """The turns of the conversation, newest first."""
        rows = [r for r in self.memory.turns.values() if r[0].conversation_id == conversation_id]
        return sorted(rows, key=lambda r: (r[0].number, r[1]), reverse=True)

    async def begin(
        self, conversation: Conversation, event: Event, *, person_id: str, replaces: str = ""
    ) -> Turn:
        if (known := await self.of_event(key_of(event))) is not None:
            self._change(replace(known, attempts=known.attempts + 1))
            self.memory.active[conversation.id] = self._clock.time()
            return next(t for t, _ in self._of(known.conversation_id) if t.number == known.number)
        if conversation.id not in self.memory.conversations:
            raise StorageGone(f"there is no conversation {conversation.id}")
        self.memory.active[conversation.id] = self._clock.time()
        turns = self._of(conversation.id)
        old = next((t for t, _ in turns if t.id == replaces), None)
        if person_id not in self.memory.people:
            sender = (clean(event.address.platform), clean(event.sender.id))
            person_id = self.memory.identities.get(sender, person_id)
        turn = Turn(
            id=secrets.token_urlsafe(18),
            conversation_id=conversation.id,
            event_key=key_of(event),
            number=old.number if old else max((t.number for t, _ in turns), default=0) + 1,
            person_id=person_id,
            question_id=(old and old.question_id) or clean(event.message_id),
            started_at=self._clock.time(),
        )
        earlier = [t for t, _ in turns if t.number == turn.number]
        self.memory.turns[turn.id] = (turn, len(earlier))
        for replaced in earlier:
            for delivery in await self.deliveries(replaced.id):
                del self.memory.deliveries[delivery.turn_id, delivery.part]
                await self.put_delivery(replace(delivery, turn_id=turn.id))
        return turn

    def _change(self, turn: Turn) -> Turn:
        self.memory.turns[turn.id] = (turn, self.memory.turns[turn.id][1])
        return turn

    async def checkpoint(
        self,
        turn_id: str,
        text: str,
        state: TurnState = TurnState.GENERATING,
        *,
        thoughts: Thoughts = NO_THOUGHTS,
    ) -> None:
        turn = await self.get(turn_id)
        if turn is not None and not turn.state.ended:
            self._change(replace(turn, text=clean(text), state=state, thoughts=thoughts))

    async def finish(self, turn: Turn, messages: Sequence[Message] = ()) -> None:
        stored = await self.get(turn.id)
        if stored is None or stored.state in (TurnState.DONE, TurnState.CANCELLED):
            return
        kept = {k: getattr(stored, k) for k in ("event_key", "person_id", "question_id", "attempts")}
        self._change(replace(_cleaned(turn), **kept, started_at=stored.started_at))
        place = (turn.conversation_id, turn.number)
        if not messages and not turn.state.ended:
            return
        if messages:
            self.memory.said[place] = (next(_ids), self._clock.time())
        said = list(messages) or [m for m, _ in self.memory.messages.get(place, ())]
        well = turn.state in (TurnState.DONE, TurnState.CANCELLED)
        answered = any(m.role is Role.ASSISTANT and clean(m.text) for m in said)
        shown = well and (answered or turn.finish_reason == FinishReason.TAKEN)
        self.memory.messages[place] = [
            (replace(_cleaned(m), turn=turn.number, step=step), shown) for step, m in enumerate(said)
        ]

    async def get(self, turn_id: str) -> Turn | None:
        return self.memory.turns.get(turn_id, (None, 0))[0]

    async def of_event(self, event_key: str) -> Turn | None:
        return next((t for t, _ in self.memory.turns.values() if t.event_key == clean(event_key)), None)

    async def of_message(self, conversation_id: int, message_id: str) -> Turn | None:
        message_id = clean(message_id)
        shown = {d.turn_id for d in self.memory.deliveries.values() if d.message_id == message_id}
        turns = (t for t, _ in self._of(conversation_id) if t.question_id == message_id or t.id in shown)
        return next(turns, None) if message_id else None

    async def shown_by(self, address: Address, message_id: str) -> Turn | None:
        chat = replace(clean_address(address), thread="")
        for conversation in self.memory.conversations.values():
            if replace(conversation.address, thread="") == chat:
                turn = await self.of_message(conversation.id, message_id)
                if turn is not None and turn.question_id != clean(message_id):
                    return turn
        return None

    async def last(self, conversation_id: int) -> Turn | None:
        conversation = self.memory.conversations.get(conversation_id)
        turns = self._of(conversation_id)
        if conversation is None or not turns or turns[0][0].number < conversation.start_turn:
            return None
        return turns[0][0]

    async def listing(self, conversation_id: int, *, limit: int = 50, before: int = 0) -> list[Turn]:
        newest: dict[int, Turn] = {}
        for turn, _ in self._of(conversation_id):
            newest.setdefault(turn.number, turn)
        return [t for n, t in newest.items() if not before or n < before][:limit]

    async def question(self, turn: Turn) -> Message | None:
        said = self.memory.messages.get((turn.conversation_id, turn.number), ())
        return next((m for m, _ in said if m.role is Role.USER), None)

    async def deliveries(self, turn_id: str) -> list[Delivery]:
        rows = [d for d in self.memory.deliveries.values() if d.turn_id == clean(turn_id)]
        return sorted(rows, key=lambda d: d.part)

    async def put_delivery(self, delivery: Delivery) -> None:
        delivery = _cleaned(delivery)
        self.memory.deliveries[delivery.turn_id, delivery.part] = delivery

    async def drop_deliveries(self, turn_id: str, from_part: int) -> None:
        for delivery in await self.deliveries(turn_id):
            if delivery.part >= from_part:
                del self.memory.deliveries[delivery.turn_id, delivery.part]

    async def feedback(self, turn_id: str, person_id: str, value: int, reason: str = "") -> bool:
        if turn_id not in self.memory.turns:
            return False
        key, now = (turn_id, person_id), self._clock.time()
        if (before := self.memory.feedback.pop(key, None)) is not None:
            self._count(*before, self.memory.rated[key][0], -1)
        if value:
            self.memory.feedback[key], self.memory.rated[key] = (value, clean(reason)), (now, False)
            self._count(value, clean(reason), now, 1)
        return True

    async def ratings(self, turn_ids: Sequence[str], person_id: str) -> dict[str, int]:
        said = {
            turn: value for (turn, by), (value, _) in self.memory.feedback.items() if by == clean(person_id)
        }
        return {id: said[id] for id in map(clean, turn_ids) if id in said}

    def _count(self, value: int, reason: str, at: float, count: int) -> None:
        place = (RATINGS, rating(value, reason), at // 60 * 60)
        old = self.memory.samples.get(place, Sample(*place, 0, 0.0))
        self.memory.samples[place] = replace(old, count=old.count + count, total=old.total + count)

    def places(self, person_id: str) -> set[tuple[int, int]]:
        """Where the person was the first to ask."""
        rows = self.memory.turns.values()
        return {(t.conversation_id, t.number) for t, again in rows if t.person_id == person_id and not again}

    def alone(self, person_id: str, conversation_id: int) -> bool:
        return all(t.person_id == person_id for t, _ in self._of(conversation_id))

    def untold(self, conversation: Conversation) -> Conversation:
        """Without what may retell what was said."""
        settings = merged(conversation.settings, {"prepared_summary": None})
        return replace(conversation, title="", summary="", summary_tokens=0, settings=settings)

    def erase(self, person_id: str) -> None:
        """What `People.delete` does to histories."""
        memory, places = self.memory, self.places(person_id)
        own = [t for t, _ in memory.turns.values() if t.person_id == person_id]
        asked_in = {t.conversation_id for t in own}
        private = {c for c in asked_in if self.alone(person_id, c)}
        gone = {t.id for t in own}
        memory.deliveries = {k: v for k, v in memory.deliveries.items() if k[0] not in gone}
        memory.feedback = {k: v for k, v in memory.feedback.items() if k[0] not in gone and k[1] != person_id}
        memory.messages = {k: v for k, v in memory.messages.items() if k not in places}
        memory.turns = {k: v for k, v in memory.turns.items() if v[0].conversation_id not in private}
        scopes = {f"conversation:{c}" for c in private}
        memory.values = {k: v for k, v in memory.values.items() if k[1] not in scopes}
        for conversation_id in private:
            memory.conversations.pop(conversation_id, None)
        for conversation_id in asked_in - private:
            if (old := memory.conversations.get(conversation_id)) is not None:
                memory.conversations[conversation_id] = self.untold(old)
        for turn, again in list(memory.turns.values()):
            if turn.person_id == person_id:
                turn = Turn(turn.id, turn.conversation_id, f"erased:{turn.id}", turn.number, turn.state)
            elif (turn.conversation_id, turn.number) in places:
                turn = replace(turn, text="", question_id="", error="", citations=(), thoughts=NO_THOUGHTS)
            memory.turns[turn.id] = (turn, again)
