"""In-memory archive and statistics, over the memory of `tests.fakes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.types import (
    Conversation,
    FinishReason,
    Found,
    ListedConversation,
    ListedPerson,
    Message,
    Rated,
    Role,
    Sample,
    TurnState,
    Vote,
)
from bot.words import Sought, indexed, sought
from storage.text import clean, folded

if TYPE_CHECKING:
    from tests.fakes import Memory

RECENT = 20
NAMES = 3


class FakeArchive:
    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    async def conversations(
        self,
        *,
        limit: int = 50,
        before: tuple[float, int] | None = None,
        platform: str = "",
        person_id: str = "",
    ) -> list[ListedConversation]:
        found = (self._listed(c, person_id) for c in self.memory.conversations.values())
        rows = sorted(
            (
                row
                for row in found
                if (before is None or (row.active_at, row.conversation.id) < before)
                and platform in ("", row.conversation.address.platform)
                and (not person_id or person_id in self._askers(row.conversation.id))
            ),
            key=lambda row: (row.active_at, row.conversation.id),
            reverse=True,
        )
        return rows[: max(0, limit)]

    def _askers(self, conversation_id: int, *, after: int = 0) -> list[str]:
        """Who asked, the last first."""
        turns = [row for row in self.memory.turns.values() if row[0].conversation_id == conversation_id]
        newest = sorted(turns, key=lambda row: (-row[0].number, -row[1]))
        return list(dict.fromkeys(t.person_id for t, _ in newest if t.number > after))

    def _listed(self, conversation: Conversation, person_id: str) -> ListedConversation:
        within = [t for t, _ in self.memory.turns.values() if t.conversation_id == conversation.id]
        turns = max((t.number for t in within), default=0)
        askers = self._askers(conversation.id, after=turns - RECENT)
        names = [self.memory.people[p].name for p in askers if p in self.memory.people]
        active_at = self.memory.active.get(conversation.id, 0.0)
        if person_id:
            active_at = max((t.started_at for t in within if t.person_id == person_id), default=0.0)
        people = tuple(dict.fromkeys(filter(None, names)))[:NAMES]
        return ListedConversation(conversation, active_at, people, turns, conversation.taken_by)

    async def search(self, query: str, *, limit: int = 50, before: int = 0) -> list[Found]:
        asked = sought(query)
        if asked == Sought():
            return []
        newest = sorted(self.memory.said.items(), key=lambda item: -item[1][0])
        rows = (
            self._found(place, id, at, self._spoken(place))
            for place, (id, at) in newest
            if (not before or id < before) and asked_for(asked, self._spoken(place))
        )
        return list(rows)[: max(0, limit)]

    def _spoken(self, place: tuple[int, int]) -> list[Message]:
        rows = self.memory.messages.get(place, ())
        return [m for m, _ in rows if m.role in (Role.USER, Role.ASSISTANT)]

    def _found(self, place: tuple[int, int], id: int, at: float, said: Sequence[Message]) -> Found:
        question, answer = (
            "\n\n".join(m.text for m in said if m.role is role and m.text)
            for role in (Role.USER, Role.ASSISTANT)
        )
        return Found(self.memory.conversations[place[0]], place[1], question, answer, at, id)

    async def people(
        self, *, limit: int = 50, after: tuple[str, str] | None = None, role: str = "", name: str = ""
    ) -> list[ListedPerson]:
        last = None if after is None else (folded(after[0]), after[1])
        rows = sorted(
            (folded(p.name), p.id)
            for p in self.memory.people.values()
            if role in ("", p.role) and folded(p.name).startswith(folded(name))
        )
        page = [id for key, id in rows if last is None or (key, id) > last][: max(0, limit)]
        return [self._person(id) for id in page]

    def _person(self, person_id: str) -> ListedPerson:
        p = self.memory.people[person_id]
        accounts = tuple(sorted(i for i, owner in self.memory.identities.items() if owner == person_id))
        return ListedPerson(p.id, p.name, str(p.role), p.language, p.created_at, accounts)

    async def feedback(
        self,
        *,
        limit: int = 50,
        before: tuple[float, str, str] | None = None,
        value: int = 0,
        open_only: bool = False,
        person_id: str = "",
    ) -> list[Rated]:
        found = sorted((self._rated(*key) for key in self.memory.feedback), key=_place, reverse=True)
        rows = [
            r
            for r in found
            if (before is None or _place(r) < before)
            and value in (0, r.value)
            and not (open_only and r.handled)
            and person_id in ("", r.person_id)
        ]
        return rows[: max(0, limit)]

    def _rated(self, turn_id: str, person_id: str) -> Rated:
        value, reason = self.memory.feedback[turn_id, person_id]
        at, handled = self.memory.rated[turn_id, person_id]
        turn, _ = self.memory.turns[turn_id]
        person = self.memory.people.get(person_id)
        said = self._spoken((turn.conversation_id, turn.number))
        return Rated(
            turn=turn,
            conversation=self.memory.conversations[turn.conversation_id],
            person_id=person_id,
            person=person.name if person else "",
            question="\n\n".join(m.text for m in said if m.role is Role.USER and m.text),
            value=value,
            reason=reason,
            at=at,
            handled=handled,
        )

    async def votes(self, turn_ids: Sequence[str]) -> list[Vote]:
        found = [
            Vote(turn_id, person_id, value, reason, *self.memory.rated[turn_id, person_id])
            for (turn_id, person_id), (value, reason) in self.memory.feedback.items()
            if turn_id in turn_ids
        ]
        return sorted(found, key=lambda vote: (vote.at, vote.turn_id, vote.person_id))

    async def handled(self, turn_id: str, person_id: str, handled: bool) -> None:
        key = (turn_id, person_id)
        if key in self.memory.feedback:
            self.memory.rated[key] = (self.memory.rated[key][0], handled)

    async def pressing(self, most: int) -> Mapping[str, int]:
        taken = [c for c in self.memory.conversations.values() if c.taken_by]
        waiting = sum(self._waits(c) for c in taken)
        unhandled = sum(not handled for key, (_, handled) in self.memory.rated.items() if self._rates(key))
        return {"waiting": min(waiting, most), "feedback": min(unhandled, most)}

    def _waits(self, conversation: Conversation) -> bool:
        rows = [row for row in self.memory.turns.values() if row[0].conversation_id == conversation.id]
        last, _ = max(rows, key=lambda row: (row[0].number, row[1]), default=(None, 0))
        if last is None or last.number < conversation.start_turn:
            return False
        return last.state is TurnState.CANCELLED and last.finish_reason == FinishReason.TAKEN

    def _rates(self, key: tuple[str, str]) -> bool:
        return key in self.memory.feedback

    async def totals(self) -> Mapping[str, int]:
        return {"people": len(self.memory.people), "conversations": len(self.memory.conversations)}


def asked_for(asked: Sought, said: Sequence[Message]) -> bool:
    """Whether question and answer together hold all that is asked for."""
    return asked.within(indexed("\n".join(m.text for m in said)))


def _place(row: Rated) -> tuple[float, str, str]:
    return (row.at, row.turn.id, row.person_id)


class FakeStatisticsStore:
    """`fails` makes `add` raise."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.samples: dict[tuple[str, str, float], Sample] = memory.samples if memory is not None else {}
        self.fails: Exception | None = None

    async def add(self, samples: Sequence[Sample]) -> None:
        if self.fails is not None:
            raise self.fails
        for sample in samples:
            self._add(self.samples, sample, sample.at // 60 * 60)

    def _add(self, into: dict[tuple[str, str, float], Sample], more: Sample, at: float) -> None:
        key = (clean(more.name), clean(more.label), at)
        old = into.get(key, Sample(*key, 0, 0.0))
        size = max(len(old.buckets), len(more.buckets))
        buckets = [sum(pair) for pair in zip(*(_filled(s, size) for s in (old, more)), strict=True)]
        highest = max(old.highest, more.highest)
        into[key] = Sample(*key, old.count + more.count, old.total + more.total, tuple(buckets), highest)

    async def range(self, names: Sequence[str], *, since: float, until: float, step: float) -> list[Sample]:
        if step < 60 or step % 60:
            raise ValueError("a step is made of whole minutes")
        summed: dict[tuple[str, str, float], Sample] = {}
        for sample in self.samples.values():
            at = sample.at // step * step
            if sample.name in names and since // step * step <= at < until:
                self._add(summed, sample, at)
        return [summed[key] for key in sorted(summed)]

    async def forget(self, *, before: float, minutes_before: float = 0.0) -> None:
        for key in [k for k, s in self.samples.items() if s.at < before]:
            del self.samples[key]


def _filled(sample: Sample, size: int) -> tuple[int, ...]:
    """Buckets are cumulative: one that is missing holds as much as the last."""
    last = sample.buckets[-1] if sample.buckets else 0
    return sample.buckets + (last,) * (size - len(sample.buckets))
