"""What the console's charts show: telemetry, summed up by the minute and stored.

Sums wait in memory until the minute is over and are stored then, and when the service stops; a
crash loses the last minute at most. While the database fails they are kept, the newest
`MOST_WAITING` of them, and stored when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate, zip_longest

from bot.errors import StorageError
from bot.ports import Clock, StatisticsStore, Telemetry
from bot.types import Sample

log = logging.getLogger(__name__)

COUNTED: Mapping[str, tuple[str, ...]] = {
    "events": ("platform", "kind"),
    "turns": ("state",),
    "tokens": ("kind", "model"),
    "errors": ("kind",),
    "refusals": ("reason",),
    "flood_waits": ("kind",),
    "model_retries": (),
    "tool_calls": ("ok",),
    "window_cuts": (),
}
"""The counts that are kept, each with the labels that tell its samples apart; a sample's label has
their values with colons between."""
TIMED = frozenset({"queue", "context", "first_chunk", "generate", "deliver", "turn", "tool"})
"""The durations that are kept, without labels."""
LEVELS = ("lanes_running", "people_waiting")
"""The levels that are kept, of those that are watched."""
BOUNDS = (
    *(0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0),
    *(30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0),
)
"""Seconds: a duration's buckets count those that were at most so long, cumulatively."""
MINUTE = 60.0
LOOKS = 6
"""How often in a minute the levels are looked at."""
DAY = 86_400.0
KEPT_DAYS = 90
MINUTES_KEPT_DAYS = 8
MOST_LABELS = 32
"""Of one name; what comes later is `OTHER`."""
OTHER = "other"
MOST_WAITING = 20_000

Place = tuple[float, str, str]
"""The minute's beginning, the name and the label."""


@dataclass(slots=True)
class _Sum:
    count: int = 0
    total: float = 0.0
    lengths: list[int] = field(default_factory=list)
    """How many durations fell between each two bounds."""
    highest: float = 0.0

    def sample(self, place: Place) -> Sample:
        at, name, label = place
        return Sample(name, label, at, self.count, self.total, tuple(accumulate(self.lengths)), self.highest)


class Statistics:
    """`bot.ports.Telemetry`: passes all on to another, and keeps what is `COUNTED` and `TIMED`, and the
    `LEVELS` as they are every few seconds."""

    def __init__(self, store: StatisticsStore, onward: Telemetry, clock: Clock) -> None:
        self._store = store
        self._onward = onward
        self._clock = clock
        self._sums: dict[Place, _Sum] = {}
        self._waiting: list[Sample] = []
        self._labels: dict[str, set[str]] = {name: set() for name in COUNTED}
        self._watched: dict[str, Callable[[], float]] = {}
        self._forgot_at = float("-inf")
        self._failing = False

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        self._onward.count(name, amount, **labels)
        if (told := COUNTED.get(name)) is not None:
            found = self._sum(name, self._bounded(name, ":".join(labels.get(key, "") for key in told)))
            found.count += 1
            found.total += amount

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        self._onward.observe(name, seconds, **labels)
        if name in TIMED:
            found = self._sum(name, "")
            found.count += 1
            found.total += seconds
            found.lengths = found.lengths or [0] * len(BOUNDS)
            if (place := bisect_left(BOUNDS, seconds)) < len(BOUNDS):
                found.lengths[place] += 1

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        self._onward.gauge(name, value, **labels)

    def watch(self, name: str, read: Callable[[], float], /) -> None:
        self._onward.watch(name, read)
        self._watched[name] = read

    def levels(self) -> dict[str, float]:
        """What is watched, as it is now."""
        return {name: float(read()) for name, read in self._watched.items()}

    def pending(self) -> list[Sample]:
        """What was measured and is not stored yet."""
        return [*self._waiting, *(found.sample(place) for place, found in self._sums.items())]

    def _bounded(self, name: str, label: str) -> str:
        known = self._labels[name]
        if label not in known and len(known) >= MOST_LABELS:
            return OTHER
        known.add(label)
        return label

    def _sum(self, name: str, label: str) -> _Sum:
        place = (self._clock.time() // MINUTE * MINUTE, name, label)
        if (found := self._sums.get(place)) is None:
            found = self._sums[place] = _Sum()
        return found

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[Statistics]:
        """Stores each minute, and at the end what is left."""
        stop = asyncio.Event()
        storing = asyncio.create_task(self._run(stop))
        try:
            yield self
        finally:
            stop.set()
            await storing

    async def _run(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        try:
            looks = 0
            while not stop.is_set():
                pause = asyncio.create_task(self._clock.sleep(MINUTE / LOOKS))
                await asyncio.wait({pause, stopped}, return_when=asyncio.FIRST_COMPLETED)
                pause.cancel()
                self._look()
                looks += 1
                if stop.is_set() or looks % LOOKS == 0:
                    await self.store()
        finally:
            stopped.cancel()

    def _look(self) -> None:
        """Keep the levels as they are."""
        levels = self.levels()
        for name in LEVELS:
            if (level := levels.get(name)) is not None:
                found = self._sum(name, "")
                found.count += 1
                found.total += level
                found.highest = max(found.highest, level)

    async def store(self) -> None:
        """Store what was summed up. A database that fails is told once, and tried again next time."""
        self._waiting += [found.sample(place) for place, found in self._sums.items()]
        self._sums = {}
        waiting = self._waiting = self._waiting[-MOST_WAITING:]
        try:
            await self._store.add(waiting)
            self._waiting = []
            await self._forget()
        except StorageError as error:
            if not self._failing:
                log.warning("Statistics wait for the database: %s", error)
            self._failing = True
        else:
            self._failing = False

    async def _forget(self) -> None:
        """Once a day."""
        now = self._clock.time()
        if now - self._forgot_at >= DAY:
            await self._store.forget(
                before=now - KEPT_DAYS * DAY, minutes_before=now - MINUTES_KEPT_DAYS * DAY
            )
            self._forgot_at = now


def merged(samples: Iterable[Sample], step: float) -> list[Sample]:
    """Of each name, label and step one sample, the sum of all."""
    sums: dict[Place, Sample] = {}
    for sample in samples:
        at = sample.at // step * step
        place = (at, sample.name, sample.label)
        sums[place] = _added(sums[place], sample) if place in sums else replace(sample, at=at)
    return list(sums.values())


def _added(one: Sample, other: Sample) -> Sample:
    longer, shorter = sorted((one.buckets, other.buckets), key=len, reverse=True)
    last = shorter[-1] if shorter else 0
    buckets = tuple(a + b for a, b in zip_longest(longer, shorter, fillvalue=last))
    return replace(
        one,
        count=one.count + other.count,
        total=one.total + other.total,
        buckets=buckets,
        highest=max(one.highest, other.highest),
    )


def percentile(sample: Sample, share: float) -> float | None:
    """The duration that `share` of a sample's were at most, estimated within its bucket; None if it
    has no durations. What is longer than all bounds counts as the last."""
    rank, below, start = share * sample.count, 0, 0.0
    if not sample.count or not sample.buckets:
        return None
    for bound, count in zip(BOUNDS, sample.buckets, strict=False):
        if count >= rank and count > below:
            return start + (bound - start) * (rank - below) / (count - below)
        below, start = count, bound
    return start
