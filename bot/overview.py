"""How the service does, for the console's first page: charts over a span, and figures of now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from bot.ports import Archive, Clock, Models, StatisticsStore
from bot.statistics import DAY, LEVELS, Statistics, merged, percentile
from bot.types import HELPED, RATINGS, Chart, Figures, Overview, Sample, Series

SPANS: Mapping[str, tuple[float, float]] = {
    "hour": (3_600.0, 60.0),
    "day": (DAY, 1_800.0),
    "week": (7 * DAY, 3 * 3_600.0),
    "month": (30 * DAY, DAY),
}
"""Seconds that a span has, and a step of it."""
TROUBLES = ("errors", "refusals", "flood_waits")
_NAMES = ("events", "turns", "first_chunk", "turn", "tokens", *TROUBLES, RATINGS, *LEVELS)
_ASKING = frozenset({"message", "command"})
_VOTES = ("up", "down", HELPED)
MOST_CAUSES = 12

Key = Callable[[Sample], str]
"""The series that a sample belongs to; "" for none."""


class Watching:
    """`bot.ports.Watch`. `taught` tells whether there are documents of the operator's."""

    def __init__(
        self,
        store: StatisticsStore,
        statistics: Statistics,
        archive: Archive,
        models: Models,
        clock: Clock,
        taught: Callable[[], Awaitable[bool]],
    ) -> None:
        self._store = store
        self._statistics = statistics
        self._archive = archive
        self._models = models
        self._clock = clock
        self._taught = taught

    async def overview(self, span: str) -> Overview:
        _, step = SPANS[span]
        now = self._clock.time()
        since = _since(span, now)
        samples = await self._samples(_NAMES, since, now, step)
        times = tuple(since + n * step for n in range(round((now // step * step - since) / step) + 1))
        return Overview(
            now,
            step,
            await self._figures(now),
            times,
            tuple(_charts(samples, times)),
            tuple(_causes(samples)),
        )

    async def _samples(self, names: Sequence[str], since: float, now: float, step: float) -> list[Sample]:
        pending = [s for s in self._statistics.pending() if s.name in names and s.at >= since]
        stored = await self._store.range(names, since=since, until=now + 1, step=step)
        return merged([*stored, *pending], step)

    async def _figures(self, now: float) -> Figures:
        totals = await self._archive.totals()
        ended, (_, step) = Counter[str](), SPANS["day"]
        for sample in await self._samples(("turns",), _since("day", now), now, step):
            ended[sample.label] += sample.count
        levels, model = self._statistics.levels(), self._models.default()
        waiting, running = (levels.get(name) for name in ("people_waiting", "lanes_running"))
        return Figures(
            totals["people"],
            totals["conversations"],
            ended["done"],
            ended["failed"],
            None if waiting is None else int(waiting),
            None if running is None else int(running),
            model.name,
            model.generates,
            await self._taught(),
        )


def _since(span: str, now: float) -> float:
    """When the first of the span's steps begins: the present one is its last."""
    length, step = SPANS[span]
    return (now - length) // step * step + step


def _charts(samples: Sequence[Sample], times: Sequence[float]) -> Iterable[Chart]:
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_name[sample.name].append(sample)
    yield Chart("messages", "count", _counts(by_name["events"], times, _platform))
    states = ("done", "cancelled", "failed")
    yield Chart("answers", "count", _counts(by_name["turns"], times, lambda s: s.label, states))
    yield Chart("first", "seconds", _lengths(by_name["first_chunk"], times))
    yield Chart("whole", "seconds", _lengths(by_name["turn"], times))
    yield from _tokens(by_name["tokens"], times)
    yield Chart("lanes", "level", _levels(by_name["lanes_running"], times))
    yield Chart("waiting", "level", _levels(by_name["people_waiting"], times))
    troubles = [sample for name in TROUBLES for sample in by_name[name]]
    yield Chart("troubles", "count", _counts(troubles, times, lambda s: s.name, TROUBLES))
    yield Chart("feedback", "count", _counts(by_name[RATINGS], times, lambda s: s.label, _VOTES))


def _platform(sample: Sample) -> str:
    platform, _, kind = sample.label.rpartition(":")
    return platform if kind in _ASKING else ""


def _counts(
    samples: Iterable[Sample], times: Sequence[float], key: Key, keys: tuple[str, ...] = ()
) -> tuple[Series, ...]:
    """A series of the totals for each key; without `keys` for those there are, by name."""
    sums: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for sample in samples:
        sums[key(sample)][sample.at] += sample.total
    shown = keys or tuple(sorted(sums.keys() - {""}))
    return tuple(Series(k, tuple(sums[k].get(at, 0.0) for at in times)) for k in shown)


def _lengths(samples: Iterable[Sample], times: Sequence[float]) -> tuple[Series, ...]:
    found = {sample.at: sample for sample in samples}
    return tuple(
        Series(key, tuple(percentile(found[at], share) if at in found else None for at in times))
        for key, share in (("p50", 0.5), ("p95", 0.95))
    )


def _levels(samples: Iterable[Sample], times: Sequence[float]) -> tuple[Series, ...]:
    found = {sample.at: sample for sample in samples if sample.count}
    means = tuple(found[at].total / found[at].count if at in found else None for at in times)
    most = tuple(found[at].highest if at in found else None for at in times)
    return Series("mean", means), Series("most", most)


def _tokens(samples: Iterable[Sample], times: Sequence[float]) -> Iterable[Chart]:
    """What was read from the cache is part of the prompt: the first chart tells them apart."""
    kinds = ("prompt", "cached", "completion")
    prompt, cached, completion = _counts(samples, times, lambda s: s.label.partition(":")[0], kinds)
    pairs = [(p or 0.0, c or 0.0) for p, c in zip(prompt.values, cached.values, strict=True)]
    fresh = Series("fresh", tuple(max(0.0, p - c) for p, c in pairs))
    yield Chart("tokens", "count", (cached, fresh, completion))
    yield Chart(
        "cache", "share", (Series("cached", tuple(min(1.0, c / p) if p else None for p, c in pairs)),)
    )


def _causes(samples: Iterable[Sample]) -> list[tuple[str, str, int]]:
    found = Counter[tuple[str, str]]()
    for sample in samples:
        if sample.name in TROUBLES:
            found[sample.name, sample.label] += sample.count
    return [(name, label, count) for (name, label), count in found.most_common(MOST_CAUSES)]
