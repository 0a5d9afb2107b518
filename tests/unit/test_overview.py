"""The figures and charts of the console's first page, over the real statistics."""

from __future__ import annotations

import pytest

from bot.errors import StorageError
from bot.overview import Watching
from bot.statistics import Statistics, merged
from bot.types import RATINGS, Overview, Sample
from tests.fakes import FakeClock, FakeTelemetry, Memory
from tests.fakes_archive import FakeArchive, FakeStatisticsStore
from tests.fakes_core import FakeModels
from tests.fakes_service import untaught


class Desk:
    """What is measured, and what the page reads of it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeStatisticsStore()
        self.telemetry = Statistics(self.store, FakeTelemetry(), self.clock)
        archive = FakeArchive(Memory())
        self.watch = Watching(self.store, self.telemetry, archive, FakeModels(), self.clock, untaught)

    def answer(self, *, seconds: float = 1.0, state: str = "done") -> None:
        self.telemetry.count("events", platform="telegram", kind="message")
        self.telemetry.observe("first_chunk", seconds / 2)
        self.telemetry.observe("turn", seconds)
        self.telemetry.count("turns", state=state)
        for kind, tokens in (("prompt", 100), ("cached", 40), ("completion", 20)):
            self.telemetry.count("tokens", tokens, kind=kind, model="tiny")


def values(read: Overview, chart: str) -> dict[str, list[float | None]]:
    """Of a chart's series, the steps in which something was measured."""
    (found,) = (c for c in read.charts if c.key == chart)
    assert all(len(series.values) == len(read.times) for series in found.series)
    return {series.key: [v for v in series.values if v] for series in found.series}


async def test_what_was_measured_this_minute_is_there_already_and_counts_once_when_it_is_stored() -> None:
    desk = Desk()
    desk.answer()
    before = await desk.watch.overview("hour")
    await desk.telemetry.store()
    desk.answer(state="failed")
    after = await desk.watch.overview("hour")
    assert values(before, "messages") == {"telegram": [1.0]}
    assert values(after, "messages") == {"telegram": [2.0]}
    assert values(after, "answers") == {"done": [1.0], "cancelled": [], "failed": [1.0]}
    assert values(after, "tokens") == {"cached": [80.0], "fresh": [120.0], "completion": [40.0]}
    assert values(after, "cache") == {"cached": [0.4]}
    assert (after.figures.answers, after.figures.failed) == (1, 1)


@pytest.mark.parametrize(("span", "steps"), [("hour", 60), ("day", 48), ("week", 56), ("month", 30)])
async def test_each_span_has_its_steps_and_ends_with_the_present_one(span: str, steps: int) -> None:
    desk = Desk()
    desk.answer()
    await desk.telemetry.store()
    read = await desk.watch.overview(span)
    assert len(read.times) == steps
    assert read.times[-1] <= read.at < read.times[-1] + read.step
    assert {b - a for a, b in zip(read.times, read.times[1:], strict=False)} == {read.step}
    assert values(read, "messages") == {"telegram": [1.0]}


async def test_a_span_leaves_out_what_was_before_it() -> None:
    desk = Desk()
    desk.answer()
    await desk.clock.advance(3600)
    assert values(await desk.watch.overview("hour"), "messages") == {}
    assert values(await desk.watch.overview("day"), "messages") == {"telegram": [1.0]}


async def test_durations_are_percentiles_and_steps_without_any_are_gaps() -> None:
    desk = Desk()
    for _ in range(9):
        desk.answer(seconds=1.0)
    desk.answer(seconds=60.0)
    (whole,) = (c for c in (await desk.watch.overview("hour")).charts if c.key == "whole")
    p50, p95 = (series.values for series in whole.series)
    assert p50[0] is None
    assert p50[-1] is not None
    assert p50[-1] <= 1.0
    assert p95[-1] is not None
    assert p95[-1] > 45.0


async def test_causes_and_votes_are_told_apart() -> None:
    desk = Desk()
    for kind in ("ChatGone", "ModelTimeout", "ModelTimeout", "ModelTimeout"):
        desk.telemetry.count("errors", kind=kind)
    desk.telemetry.count("refusals", reason="rate")
    for label, count in (("up", 2), ("down", 1), ("helped", 1), ("unknown", 1)):
        await desk.store.add([Sample(RATINGS, label, desk.clock.time(), count, float(count))])
    read = await desk.watch.overview("day")
    assert read.causes[0] == ("errors", "ModelTimeout", 3)
    assert set(read.causes[1:]) == {("errors", "ChatGone", 1), ("refusals", "rate", 1)}
    assert values(read, "feedback") == {"up": [2.0], "down": [1.0], "helped": [1.0]}


async def test_levels_are_those_of_now_or_unknown() -> None:
    desk = Desk()
    assert (await desk.watch.overview("hour")).figures.waiting is None
    desk.telemetry.watch("events_waiting", lambda: 9)
    desk.telemetry.watch("people_waiting", lambda: 3)
    desk.telemetry.watch("lanes_running", lambda: 2)
    figures = (await desk.watch.overview("hour")).figures
    assert (figures.waiting, figures.running, figures.model, figures.generates) == (3, 2, "tiny", True)


async def test_levels_have_a_history_with_their_mean_and_highest_and_gaps_where_nobody_looked() -> None:
    desk = Desk()
    before = desk.clock.time() - 120
    await desk.store.add([Sample("people_waiting", "", before, 6, 9.0, highest=4.0)])
    await desk.store.add([Sample("people_waiting", "", before, 6, 0.0)])
    await desk.store.add([Sample("lanes_running", "", before, 4, 10.0, highest=3.0)])
    hour, day = await desk.watch.overview("hour"), await desk.watch.overview("day")
    for read in (hour, day):
        assert values(read, "waiting") == {"mean": [0.75], "most": [4.0]}
        assert values(read, "lanes") == {"mean": [2.5], "most": [3.0]}
        (chart,) = (c for c in read.charts if c.key == "waiting")
        assert [len([v for v in series.values if v is None]) for series in chart.series] == [
            len(read.times) - 1
        ] * 2


async def test_another_span_is_refused_and_a_database_that_fails_says_so() -> None:
    desk = Desk()
    with pytest.raises(KeyError):
        await desk.watch.overview("year")
    desk.store.fails = StorageError("the disk is full")
    desk.answer()
    await desk.telemetry.store()
    assert values(await desk.watch.overview("hour"), "messages") == {"telegram": [1.0]}


def test_sums_of_durations_keep_their_buckets() -> None:
    one, other = Sample("turn", "", 60.0, 1, 2.0, (0, 1)), Sample("turn", "", 90.0, 2, 3.0, (2,))
    assert merged([one, other, Sample("turn", "", 120.0, 1, 1.0)], 60.0) == [
        Sample("turn", "", 60.0, 3, 5.0, (2, 3)),
        Sample("turn", "", 120.0, 1, 1.0),
    ]
