"""In-memory implementations of the storage ports, and a clock and telemetry for tests.

They pass the same contract suites as the real ones. Fakes made over one `Memory` share it, as
stores over one database do; `Memory` outlives them, so making new ones over it is a restart.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.errors import StorageBusy
from bot.types import (
    Conversation,
    Delivery,
    Event,
    Message,
    Person,
    Place,
    Remark,
    Sample,
    Sender,
    Turn,
)
from storage.text import clean, clean_event, from_json, key_of, to_json
from tests.fakes_console import ConsoleMemory
from tests.fakes_history import FakeConversations, FakeTurns
from tests.fakes_people import FakePeople

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
    places: list[Place] = field(default_factory=list)
    messages: dict[tuple[int, int], list[tuple[Message, bool]]] = field(default_factory=dict)
    turns: dict[str, tuple[Turn, int]] = field(default_factory=dict)
    """Each turn and how often its number was replaced before it."""
    active: dict[int, float] = field(default_factory=dict)
    """When a turn of the conversation last began."""
    said: dict[tuple[int, int], tuple[int, float]] = field(default_factory=dict)
    """When each turn's messages were stored: a rising number, and the time."""
    deliveries: dict[tuple[str, int], Delivery] = field(default_factory=dict)
    feedback: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    rated: dict[tuple[str, str], tuple[float, bool]] = field(default_factory=dict)
    """Of each feedback: when, and whether somebody has seen to it."""
    samples: dict[tuple[str, str, float], Sample] = field(default_factory=dict)
    """Measurements, by name, label and minute."""
    values: dict[tuple[str, str, str], str] = field(default_factory=dict)
    inbox: dict[str, tuple[str, Event, str]] = field(default_factory=dict)
    """By key: state, event and reason. The order is that of arrival."""
    consumed: bool = False
    overheard: dict[tuple[int, str], tuple[str, Sender, Remark]] = field(default_factory=dict)
    leases: dict[str, tuple[str, float]] = field(default_factory=dict)
    console: ConsoleMemory = field(default_factory=ConsoleMemory)


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

    async def dead(self, limit: int = 100, *, before: str = "") -> list[tuple[Event, str]]:
        keys = list(self.memory.inbox)
        earlier = keys[: keys.index(before)] if before in keys else keys
        rows = [self.memory.inbox[key] for key in earlier[::-1]]
        return [(event, reason) for state, event, reason in rows if state == "dead"][:limit]

    async def count_dead(self, most: int) -> int:
        return min(sum(state == "dead" for state, _, _ in self.memory.inbox.values()), most)

    async def revive(self, key: str) -> bool:
        state, event, _ = self.memory.inbox.get(key, ("", None, ""))
        if state != "dead" or event is None:
            return False
        self._wait_again(event)
        return True


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

    async def items(
        self, plugin: str, scope: str, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        place = (clean(plugin), clean(scope))
        found = {k[2]: v for k, v in self.memory.values.items() if k[:2] == place}
        keys = [k for k in sorted(found) if k.startswith(clean(prefix))]
        further = [k for k in keys if after is None or k > clean(after)]
        return {k: from_json(found[k], object) for k in further[:limit]}

    async def delete_scope(self, scope: str) -> None:
        self.memory.values = {k: v for k, v in self.memory.values.items() if k[1] != clean(scope)}
