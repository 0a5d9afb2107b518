"""Measurements by minute: added up, read in steps, forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.ports import StatisticsStore
from bot.types import Sample
from storage.console.statistics import SqlStatistics
from storage.db import open_database
from tests.fakes_archive import FakeStatisticsStore

MINUTE, HOUR, DAY = 60, 3600, 86_400
START = 20_000 * DAY
NO_FIXTURE_CHECK = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[StatisticsStore]:
    if request.param == "fake":
        yield FakeStatisticsStore()
        return
    async with open_database(request.getfixturevalue(f"{request.param}_ready")) as db:
        yield SqlStatistics(db)


def turns(minute: float, count: int = 1, label: str = "done") -> Sample:
    return Sample("turns", label, START + minute * MINUTE, count, float(count))


async def read(store: StatisticsStore, step: float = MINUTE, *names: str) -> list[Sample]:
    return await store.range(names or ("turns",), since=START, until=START + DAY, step=step)


async def test_samples_of_one_minute_are_added_up(store: StatisticsStore) -> None:
    await store.add([])
    await store.add([turns(0, 2), turns(0.5), turns(1), turns(0, label="failed")])
    await store.add([turns(0, 4), Sample("tokens", "prompt:m", START, 2, 12.5)])
    assert await read(store) == [turns(0, 7), turns(1), turns(0, label="failed")]
    assert await read(store, MINUTE, "tokens") == [Sample("tokens", "prompt:m", START, 2, 12.5)]
    assert await read(store, MINUTE, "none") == []
    assert await store.range([], since=START, until=START + DAY, step=MINUTE) == []


async def test_the_highest_of_a_level_stays_the_highest(store: StatisticsStore) -> None:
    for minute, highest in enumerate((2.0, 7.5, 3.0)):
        await store.add([Sample("level", "", START + minute * MINUTE, 6, 3.0, highest=highest)])
        await store.add([Sample("level", "", START + minute * MINUTE, 6, 1.0, highest=1.0)])
    first = Sample("level", "", START, 12, 4.0, highest=2.0)
    assert (await read(store, MINUTE, "level"))[0] == first
    for step in (5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR):
        assert await read(store, step, "level") == [Sample("level", "", START, 36, 12.0, highest=7.5)]


async def test_buckets_are_added_one_by_one(store: StatisticsStore) -> None:
    for buckets in ((0, 1, 1, 3), (2, 2, 2, 2), (0, 0, 0, 0)):
        await store.add([Sample("turn", "", START, 3, 1.5, buckets)])
    assert await read(store, HOUR, "turn") == [Sample("turn", "", START, 9, 4.5, (2, 3, 3, 5))]


@pytest.mark.parametrize("step", [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY])
async def test_steps_begin_at_whole_multiples_and_are_given_whole(store: StatisticsStore, step: int) -> None:
    await store.add([turns(minute) for minute in range(-1, 24 * 60 + 1, 7)])
    minutes = range(-1, 24 * 60 + 1, 7)
    expected: dict[int, int] = {}
    for minute in minutes:
        at = (START + minute * MINUTE) // step * step
        expected[at] = expected.get(at, 0) + 1
    found = await store.range(
        ["turns"], since=START + 100 * MINUTE + 1, until=START + 700 * MINUTE, step=step
    )
    first = (START + 100 * MINUTE) // step * step
    wanted = {at: n for at, n in expected.items() if first <= at < START + 700 * MINUTE}
    assert {int(s.at): s.count for s in found} == wanted
    assert [s.at for s in found] == sorted(s.at for s in found)


@pytest.mark.parametrize("step", [0, 1, 59, 61, 90, -60])
async def test_a_step_is_made_of_whole_minutes(store: StatisticsStore, step: int) -> None:
    with pytest.raises(ValueError, match="minutes"):
        await read(store, step)


async def test_what_is_forgotten_is_gone_and_hours_outlive_minutes(store: StatisticsStore) -> None:
    await store.add([turns(0), turns(90), turns(20 * 60)])
    await store.forget(before=START + HOUR, minutes_before=START + 10 * HOUR)
    hours = [int(s.at - START) // HOUR for s in await read(store, HOUR)]
    assert hours == [1, 20]
    assert turns(20 * 60) in await read(store)
    await store.forget(before=START + 2 * DAY)
    assert await read(store) == await read(store, HOUR) == await read(store, DAY) == []


@NO_FIXTURE_CHECK
@given(st.text(), st.text(), st.integers(0, 1 << 40), st.floats(0, 1e12))
async def test_any_name_and_label_is_kept(
    store: StatisticsStore, name: str, label: str, count: int, total: float
) -> None:
    await store.forget(before=START + DAY)
    await store.add([Sample(name, label, START, count, total)])
    (found,) = await read(store, DAY, name)
    assert (found.count, found.total) == (count, total)
