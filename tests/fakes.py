"""In-memory implementations of the storage ports, and a clock and telemetry for tests.

They pass the same contract suites as the real ones. Fakes made over one `Memory` share it, as
stores over one database do; `Memory` outlives them, so making new ones over it is a restart.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.errors import AccessError, StorageBusy
from bot.ports import Clock
from bot.types import Conversation, Delivery, Event, Message, Person, PersonRole, Remark, Sender, Turn
from storage.text import clean, clean_event, from_json, key_of, merged, to_json
from tests.fakes_history import FakeConversations, FakeTurns

__all__ = [
    "FakeClock",
    "FakeConversations",
    "FakeInbox",
    "FakeKeyValue",
    "FakePeople",
    "FakeTelemetry",
    "FakeTurns",
    "Memory",
]
RANK = [PersonRole.BLOCKED, PersonRole.MEMBER, PersonRole.OPERATOR, PersonRole.OWNER]


class _Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """Time stands still until `advance`."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._start = start
        self._now = 0.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self._start + self._now

    def monotonic(self) -> float:
        return self._now

    def call_later(self, seconds: float, callback: Callable[[], object]) -> _Timer:
        timer = _Timer(callback)
        heapq.heappush(self._timers, (self._now + max(seconds, 0), next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        due = asyncio.Event()
        timer = self.call_later(seconds, due.set)
        try:
            await due.wait()
        finally:
            timer.cancel()

    async def advance(self, seconds: float) -> None:
        """Let time pass: what falls due runs in order, each at its own time, and what it wakes
        runs before the next."""
        until = self._now + seconds
        await settle()
        while self._timers and self._timers[0][0] <= until:
            self._now, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
                await settle()
        self._now = until
        await settle()


async def settle(rounds: int = 20) -> None:
    """Let everything that is ready on the event loop run."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class FakeTelemetry:
    """Keeps what was counted (`counts`), observed (`durations`) and set (`gauges`)."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()
        self.durations: dict[str, list[float]] = {}
        self.gauges: dict[str, float] = {}
        self.watched: dict[str, Callable[[], float]] = {}

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        self.counts[name, frozenset(labels.items())] += amount  # type: ignore[assignment]

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        self.durations.setdefault(name, []).append(seconds)

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        self.gauges[name] = value

    def watch(self, name: str, read: Callable[[], float], /) -> None:
        self.watched[name] = read

    def total(self, name: str, **labels: str) -> float:
        """The count of `name` over all label sets that include `labels`."""
        wanted = set(labels.items())
        return sum(n for (counted, found), n in self.counts.items() if counted == name and wanted <= found)


@dataclass
class Memory:
    """What a database would hold."""

    people: dict[str, Person] = field(default_factory=dict)
    identities: dict[tuple[str, str], str] = field(default_factory=dict)
    invites: dict[str, dict[str, Any]] = field(default_factory=dict)
    redemptions: set[tuple[str, str]] = field(default_factory=set)
    conversations: dict[int, Conversation] = field(default_factory=dict)
    messages: dict[tuple[int, int], list[tuple[Message, bool]]] = field(default_factory=dict)
    turns: dict[str, tuple[Turn, int]] = field(default_factory=dict)
    """Each turn and how often its number was replaced before it."""
    deliveries: dict[tuple[str, int], Delivery] = field(default_factory=dict)
    feedback: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    values: dict[tuple[str, str, str], str] = field(default_factory=dict)
    inbox: dict[str, tuple[str, Event, str]] = field(default_factory=dict)
    """By key: state, event and reason. The order is that of arrival."""
    consumed: bool = False
    overheard: dict[tuple[int, str], tuple[str, Sender, Remark]] = field(default_factory=dict)
    leases: dict[str, tuple[str, float]] = field(default_factory=dict)


class FakeInbox:
    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = memory or Memory()
        self._queue: asyncio.Queue[Event] | None = None

    async def put(self, event: Event) -> bool:
        event = clean_event(event)
        if event.key in self.memory.inbox:
            return False
        self._wait_again(event)
        return True

    def _wait_again(self, event: Event) -> None:
        self.memory.inbox[event.key] = ("waiting", event, "")
        if self._queue is not None:
            self._queue.put_nowait(event)

    async def events(self) -> AsyncGenerator[Event, None]:
        if self.memory.consumed:
            raise StorageBusy("the inbox has a consumer already")
        self.memory.consumed = True
        self._queue = queue = asyncio.Queue[Event]()
        try:
            for state, event, _ in list(self.memory.inbox.values()):
                if state == "waiting":
                    queue.put_nowait(event)
            while True:
                yield await queue.get()
        finally:
            self._queue = None
            self.memory.consumed = False

    async def done(self, event: Event) -> None:
        if key_of(event) in self.memory.inbox:
            self.memory.inbox[key_of(event)] = ("done", event, "")

    async def pending(self, key: str) -> bool:
        return self.memory.inbox.get(clean(key), ("",))[0] == "waiting"

    async def bury(self, event: Event, reason: str) -> None:
        state, stored, _ = self.memory.inbox.get(key_of(event), ("", event, ""))
        if state == "waiting":
            self.memory.inbox[key_of(event)] = ("dead", stored, clean(reason))

    async def dead(self, limit: int = 100) -> list[tuple[Event, str]]:
        rows = [(event, reason) for state, event, reason in self.memory.inbox.values() if state == "dead"]
        return rows[::-1][:limit]

    async def revive(self, key: str) -> bool:
        state, event, _ = self.memory.inbox.get(key, ("", None, ""))
        if state != "dead" or event is None:
            return False
        self._wait_again(event)
        return True


class FakePeople:
    def __init__(self, memory: Memory | None = None, clock: Clock | None = None) -> None:
        self.memory = memory or Memory()
        self._clock = clock or FakeClock()

    async def find(self, platform: str, user_id: str) -> Person | None:
        person_id = self.memory.identities.get((clean(platform), clean(user_id)))
        return self.memory.people[person_id] if person_id else None

    async def get(self, person_id: str) -> Person | None:
        return self.memory.people.get(person_id)

    async def owner(self, platform: str) -> str:
        found = (
            user
            for (where, user), person in self.memory.identities.items()
            if where == platform and self.memory.people[person].role is PersonRole.OWNER
        )
        return next(found, "")

    async def admit(self, platform: str, sender: Sender, role: PersonRole = PersonRole.MEMBER) -> Person:
        if (known := await self.find(platform, sender.id)) is not None:
            return known
        person = Person(secrets.token_urlsafe(16), role, clean(sender.name), created_at=self._clock.time())
        self.memory.people[person.id] = person
        self.memory.identities[clean(platform), clean(sender.id)] = person.id
        return person

    async def update(
        self,
        person_id: str,
        *,
        role: PersonRole | None = None,
        language: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Person:
        person = self.memory.people.get(person_id)
        if person is None:
            raise AccessError("this person is not known here")
        person = replace(
            person,
            role=role or person.role,
            language=person.language if language is None else clean(language),
            settings=from_json(to_json(merged(person.settings, settings)), dict),
        )
        self.memory.people[person_id] = person
        return person

    def _has_owner(self) -> bool:
        return any(p.role is PersonRole.OWNER for p in self.memory.people.values())

    async def owner_code(self) -> str | None:
        if self._has_owner():
            return None
        for code in [c for c, row in self.memory.invites.items() if row["kind"] == "owner"]:
            del self.memory.invites[code]
        return self._code(kind="owner", role=PersonRole.OWNER, uses=1, expires_at=0.0, by="")

    async def invite(
        self, by: str, *, role: PersonRole = PersonRole.MEMBER, uses: int = 1, expires_at: float = 0.0
    ) -> str:
        return self._code(kind="invite", role=role, uses=uses, expires_at=expires_at, by=by)

    def _code(self, **row: Any) -> str:
        code = secrets.token_urlsafe(18)
        self.memory.invites[code] = row
        return code

    async def redeem(self, platform: str, sender: Sender, code: str) -> Person:
        known = await self.find(platform, sender.id)
        if known is not None and (code.strip(), known.id) in self.memory.redemptions:
            return known
        row = self.memory.invites.get(code.strip())
        if (
            row is None
            or row["uses"] < 1
            or (row["expires_at"] and row["expires_at"] <= self._clock.time())
            or (row["kind"] == "owner" and self._has_owner())
        ):
            raise AccessError("this invitation is unknown, used up or expired")
        if known is not None and not _rises(known.role, row["role"]):
            return known
        row["uses"] -= 1
        person = await self.admit(platform, sender, row["role"])
        self.memory.redemptions.add((code.strip(), person.id))
        return await self.update(person.id, role=row["role"])

    async def export(self, person_id: str) -> dict[str, Any]:
        turns = FakeTurns(self.memory, self._clock)
        places = turns.places(person_id)
        own = [turn for turn, _ in self.memory.turns.values() if turn.person_id == person_id]
        found = {
            "person": [p for p in [self.memory.people.get(person_id)] if p],
            "identities": [list(i) for i, p in self.memory.identities.items() if p == person_id],
            "conversations": [
                c if turns.alone(person_id, c.id) else turns.untold(c)
                for c in (self.memory.conversations[i] for i in {t.conversation_id for t in own})
            ],
            "turns": [
                t if (t.conversation_id, t.number) in places else replace(t, text="", error="", citations=())
                for t in own
            ],
            "messages": [m for p in places for m, _ in self.memory.messages.get(p, ())],
            "feedback": [v for (_, by), v in self.memory.feedback.items() if by == person_id],
            "overheard": [
                [m, r.text]
                for (_, m), (p, s, r) in self.memory.overheard.items()
                if self.memory.identities.get((p, s.id)) == person_id
            ],
            "plugins": [[k, v] for (_, scope, k), v in self.memory.values.items() if scope == person_id],
            "waiting": [
                e for s, e, _ in self.memory.inbox.values() if s != "done" and self._is(e, person_id)
            ],
        }
        return from_json(to_json(found), dict)

    def _is(self, event: Event, person_id: str) -> bool:
        return self.memory.identities.get((event.address.platform, event.sender.id)) == person_id

    async def delete(self, person_id: str) -> None:
        memory = self.memory
        for place, (platform, sender, _) in list(memory.overheard.items()):
            if memory.identities.get((platform, sender.id)) == person_id:
                del memory.overheard[place]
        for key, (_, event, _reason) in list(memory.inbox.items()):
            if self._is(event, person_id):
                memory.inbox[key] = ("done", Event(event.id, event.kind, event.address, Sender("")), "")
        FakeTurns(memory, self._clock).erase(person_id)
        memory.values = {k: v for k, v in memory.values.items() if k[1] != person_id}
        memory.invites = {k: v for k, v in memory.invites.items() if v["by"] != person_id}
        memory.identities = {k: v for k, v in memory.identities.items() if v != person_id}
        memory.people.pop(person_id, None)


def _rises(old: PersonRole, new: PersonRole) -> bool:
    return old is not PersonRole.BLOCKED and RANK.index(new) > RANK.index(old)


class FakeKeyValue:
    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = memory or Memory()

    async def get(self, plugin: str, scope: str, key: str) -> Any:
        stored = self.memory.values.get((clean(plugin), clean(scope), clean(key)))
        return None if stored is None else from_json(stored, object)

    async def put(self, plugin: str, scope: str, key: str, value: Any) -> None:
        self.memory.values[clean(plugin), clean(scope), clean(key)] = to_json(value)

    async def delete(self, plugin: str, scope: str, key: str) -> None:
        self.memory.values.pop((clean(plugin), clean(scope), clean(key)), None)

    async def items(self, plugin: str, scope: str, prefix: str = "") -> dict[str, Any]:
        place = (clean(plugin), clean(scope))
        found = {k[2]: v for k, v in self.memory.values.items() if k[:2] == place}
        return {k: from_json(found[k], object) for k in sorted(found) if k.startswith(clean(prefix))}

    async def delete_scope(self, scope: str) -> None:
        self.memory.values = {k: v for k, v in self.memory.values.items() if k[1] != clean(scope)}
