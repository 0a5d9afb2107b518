"""Personas and their versions, over the fake, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from bot.ports import PersonaStore
from bot.types import PersonaVersion
from storage.console.personas import SqlPersonas
from storage.db import Database
from tests.fakes import FakeClock
from tests.fakes_personas import MemoryPersonas


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[PersonaStore]:
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            yield MemoryPersonas(clock)
        else:
            url: str = request.getfixturevalue(f"{request.param}_ready")
            yield SqlPersonas(await stack.enter_async_context(Database(url).lifespan()), clock)


async def put(store: PersonaStore, name: str, prompt: str) -> PersonaVersion:
    return await store.put(name, prompt=prompt, model="", sampling={}, note="", by="Ann")


async def test_a_version_comes_back_as_it_was_written(store: PersonaStore) -> None:
    made = await store.put(
        "海盗",
        prompt="Arr\n\0!",
        model="big",
        sampling={"temperature": 0.5, "stop": ["x"]},
        note="first",
        by="Ann",
    )
    now = FakeClock().time()
    sampling = {"temperature": 0.5, "stop": ["x"]}
    assert made == PersonaVersion("海盗", 1, "Arr\n!", "big", sampling, "first", "Ann", now, active=True)
    assert await store.active() == [made]
    assert await store.versions("海盗") == [made]
    assert await store.version("海盗", 1) == made
    assert await store.version("海盗", 2) is None


async def test_the_newest_version_is_in_force_until_an_earlier_one_is_put_back(store: PersonaStore) -> None:
    for prompt in "abc":
        await put(store, "", prompt)
    assert [(v.number, v.active) for v in await store.versions("")] == [(3, True), (2, False), (1, False)]
    back = await store.activate("", 2)
    assert (back.prompt, back.active) == ("b", True)
    assert [v.number for v in await store.active()] == [2]
    assert (await put(store, "", "d")).number == 4
    assert [v.number for v in await store.versions("", limit=2)] == [4, 3]
    assert [v.number for v in await store.versions("", limit=2, before=3)] == [2, 1]


async def test_what_is_in_force_is_told_by_name(store: PersonaStore) -> None:
    for name in ("pirate", "Ä", "", "poet", "Z"):
        await put(store, name, name)
    assert [v.name for v in await store.active()] == ["", "Z", "pirate", "poet", "Ä"]


async def test_a_removed_persona_keeps_its_versions_and_can_be_put_back(store: PersonaStore) -> None:
    await put(store, "pirate", "Arr")
    await put(store, "poet", "Oh")
    assert await store.remove("pirate")
    assert not await store.remove("pirate")
    assert [v.name for v in await store.active()] == ["poet"]
    assert [(v.number, v.active) for v in await store.versions("pirate")] == [(1, False)]
    assert (await put(store, "pirate", "Arr!")).number == 2
    await store.remove("pirate")
    assert (await store.activate("pirate", 1)).active
    assert [v.prompt for v in await store.active()] == ["Arr", "Oh"]


async def test_a_version_that_there_is_not_cannot_be_put_in_force(store: PersonaStore) -> None:
    await put(store, "pirate", "Arr")
    for name, number in (("pirate", 2), ("nobody", 1)):
        with pytest.raises(KeyError):
            await store.activate(name, number)
    assert [v.name for v in await store.active()] == ["pirate"]
    assert await store.versions("nobody") == []


async def test_versions_written_at_the_same_time_are_numbered_one_after_another(store: PersonaStore) -> None:
    made = await asyncio.gather(*(put(store, "pirate", str(n)) for n in range(8)))
    assert sorted(v.number for v in made) == list(range(1, 9))
    assert [v.number for v in await store.active()] == [8]
