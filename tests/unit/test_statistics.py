"""Telemetry that is passed on, summed up by the minute and stored, whatever the database does."""

from __future__ import annotations

import pytest

from bot.errors import StorageError
from bot.statistics import BOUNDS, MOST_LABELS, MOST_WAITING, OTHER, Statistics, percentile
from bot.types import Sample
from tests.fakes import FakeClock, FakeTelemetry
from tests.fakes_archive import FakeStatisticsStore

START = 1_700_000_040.0
"""A whole minute."""


class World:
    def __init__(self) -> None:
        self.clock, self.store, self.onward = FakeClock(START), FakeStatisticsStore(), FakeTelemetry()
        self.statistics = Statistics(self.store, self.onward, self.clock)

    def stored(self, name: str) -> list[tuple[str, float, int, float]]:
        found = [s for s in self.store.samples.values() if s.name == name]
        return sorted((s.label, s.at - START, s.count, s.total) for s in found)


async def test_all_is_passed_on_and_what_is_charted_is_stored_each_minute_and_at_the_end() -> None:
    world = World()
    async with world.statistics.lifespan() as telemetry:
        telemetry.count("turns", state="done")
        telemetry.count("turns", 2, state="done", other="x")
        telemetry.count("elsewhere", place="x")
        telemetry.observe("stage of a plugin", 1.0)
        telemetry.gauge("level", 3.0)
        await world.clock.advance(59)
        assert world.stored("turns") == []
        await world.clock.advance(1)
        assert world.stored("turns") == [("done", 0.0, 2, 3.0)]
        telemetry.count("turns", state="failed")
    assert world.stored("turns") == [("done", 0.0, 2, 3.0), ("failed", 60.0, 1, 1.0)]
    assert world.onward.total("turns") == 4
    assert world.onward.total("elsewhere") == 1
    assert world.onward.durations == {"stage of a plugin": [1.0]}
    assert world.onward.gauges == {"level": 3.0}
    assert {s.name for s in world.store.samples.values()} == {"turns"}


async def test_labels_tell_samples_apart_and_are_bounded() -> None:
    world = World()
    world.statistics.count("tokens", 7, model="org/model", kind="prompt")
    for number in range(2 * MOST_LABELS):
        world.statistics.count("errors", kind=f"kind {number:02}")
    await world.statistics.store()
    assert world.stored("tokens") == [("prompt:org/model", 0.0, 1, 7.0)]
    errors = {label: count for label, _, count, _ in world.stored("errors")}
    assert len(errors) == MOST_LABELS + 1
    assert errors[OTHER] == MOST_LABELS


async def test_durations_fall_into_cumulative_buckets_that_give_percentiles() -> None:
    world = World()
    for seconds in (0.1, 0.1, 0.4, 0.9, 700.0):
        world.statistics.observe("turn", seconds)
    await world.statistics.store()
    (sample,) = world.store.samples.values()
    counts = dict(zip(BOUNDS, sample.buckets, strict=True))
    assert (counts[0.05], counts[0.1], counts[0.5], counts[1.0], counts[600.0]) == (0, 2, 3, 4, 4)
    assert sample.count == 5
    assert percentile(sample, 0.2) == pytest.approx(0.075)
    assert percentile(sample, 0.4) == pytest.approx(0.1)
    assert percentile(sample, 0.8) == pytest.approx(1.0)
    assert percentile(sample, 1.0) == BOUNDS[-1]
    assert percentile(Sample("turn", "", 0.0, 0, 0.0, (0,)), 0.5) is None
    assert percentile(Sample("turns", "done", 0.0, 5, 5.0), 0.5) is None


async def test_a_database_that_fails_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    async with world.statistics.lifespan() as telemetry:
        world.store.fails = StorageError("away")
        for _ in range(3):
            telemetry.count("turns", state="done")
            await world.clock.advance(60)
        assert world.stored("turns") == []
        assert len(caplog.records) == 1
        world.store.fails = None
        await world.clock.advance(60)
        assert world.stored("turns") == [("done", at, 1, 1.0) for at in (0.0, 60.0, 120.0)]
        world.store.fails = StorageError("away again")
        telemetry.count("turns", state="done")
    assert len(caplog.records) == 2
    world.store.fails = None
    await world.statistics.store()
    assert len(world.stored("turns")) == 4


async def test_what_waits_for_the_database_is_bounded() -> None:
    world = World()
    world.store.fails = StorageError("away")
    minutes = MOST_WAITING // MOST_LABELS + 2
    for _ in range(minutes):
        for label in range(MOST_LABELS):
            world.statistics.count("errors", kind=str(label))
        await world.statistics.store()
        await world.clock.advance(60)
    world.store.fails = None
    await world.statistics.store()
    kept = world.stored("errors")
    assert len(kept) == MOST_WAITING
    assert max(at for _, at, _, _ in kept) == (minutes - 1) * 60


async def test_what_is_old_is_forgotten_once_a_day() -> None:
    world, old = World(), Sample("turns", "done", START - 91 * 86_400, 1, 1.0)
    async with world.statistics.lifespan():
        await world.store.add([old])
        await world.clock.advance(60)
        assert world.stored("turns") == []
        await world.store.add([old])
        await world.clock.advance(3600)
        assert len(world.stored("turns")) == 1
        await world.clock.advance(86_400)
        assert world.stored("turns") == []


async def test_watched_levels_can_be_read_as_they_are_now() -> None:
    world, level = World(), [1.0]
    world.statistics.watch("lanes_running", lambda: level[0])
    assert world.statistics.levels() == {"lanes_running": 1.0}
    level[0] = 2
    assert world.statistics.levels() == {"lanes_running": 2.0}
    assert world.onward.watched["lanes_running"]() == 2


async def test_levels_are_looked_at_between_and_kept_with_their_mean_and_highest() -> None:
    world, levels = World(), {"lanes_running": 1.0, "people_waiting": 0.0}
    async with world.statistics.lifespan() as telemetry:
        await world.clock.advance(60)
        assert world.store.samples == {}
        for name in levels:
            telemetry.watch(name, lambda name=name: levels[name])  # type: ignore[misc]
        telemetry.watch("of a plugin", lambda: 9.0)
        await world.clock.advance(20)
        levels["people_waiting"] = 7.0
        await world.clock.advance(10)
        levels["people_waiting"] = 0.0
        assert [(s.name, s.highest) for s in world.statistics.pending()] == [
            ("lanes_running", 1.0),
            ("people_waiting", 7.0),
        ]
        await world.clock.advance(90)
        await world.clock.advance(5)
    kept = {(s.name, s.at - START): (s.count, s.total, s.highest) for s in world.store.samples.values()}
    assert kept == {
        ("lanes_running", 60.0): (5, 5.0, 1.0),
        ("people_waiting", 60.0): (5, 7.0, 7.0),
        ("lanes_running", 120.0): (6, 6.0, 1.0),
        ("people_waiting", 120.0): (6, 0.0, 0.0),
        ("lanes_running", 180.0): (2, 2.0, 1.0),
        ("people_waiting", 180.0): (2, 0.0, 0.0),
    }
