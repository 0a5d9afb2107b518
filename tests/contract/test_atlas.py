"""The places that people share with the bot: noted once, named, found, listed by key."""

from __future__ import annotations

import pytest

from bot.ports import Atlas
from bot.types import Address, Place
from storage.atlas import SqlAtlas
from tests.contract.conftest import Stores
from tests.fakes import Memory
from tests.fakes_atlas import FakeAtlas

SERVER = Address("test", "bot", "guild:77")
ROOM = Address("test", "bot", "5")


def atlas_of(stores: Stores) -> Atlas:
    if isinstance(stores.database, Memory):
        return FakeAtlas(stores.database)
    return SqlAtlas(stores.database)


async def all_pages(atlas: Atlas, within: Address | None = None, query: str = "") -> list[Place]:
    found: list[Place] = []
    after: tuple[str, int] | None = None
    while page := await atlas.listing(limit=2, after=after, within=within, query=query):
        assert len(page) <= 2
        found += page
        after = page[-1].name or page[-1].code, page[-1].id
    return found


async def test_a_place_is_noted_once_and_keeps_the_name_it_had(stores: Stores) -> None:
    atlas = atlas_of(stores)
    await atlas.note([Place(ROOM, "general", (SERVER,)), Place(SERVER)])
    await atlas.note([Place(ROOM, "", (SERVER,)), Place(SERVER, "Club\0 王")])
    room, server = await atlas.find(ROOM), await atlas.find(SERVER)
    assert room is not None
    assert server is not None
    assert (room.name, room.within, server.name, server.code) == ("general", (SERVER,), "Club 王", "77")
    assert await atlas.get(room.id) == room
    assert await atlas.get(1 << 40) is None
    assert await atlas.find(Address("test", "bot", "6")) is None
    await atlas.note([Place(ROOM, "lobby", (SERVER,))])
    assert [p.name for p in await atlas.listing(within=SERVER)] == ["lobby"]
    await atlas.note([])


async def test_places_are_listed_by_name_within_another_one(stores: Stores) -> None:
    atlas = atlas_of(stores)
    names = ["Zoo", "apple", "Äpfel", "", "apple"]
    await atlas.note([Place(Address("test", "bot", str(n)), name) for n, name in enumerate(names)])
    await atlas.note([Place(Address("test", "bot", f"in{n}"), f"r{n}", (SERVER,)) for n in range(5)])
    assert [(p.name, p.code) for p in await all_pages(atlas)] == [
        ("", "3"), ("apple", "1"), ("apple", "4"), ("Zoo", "0"), ("Äpfel", "2"),
    ]  # fmt: skip
    assert [p.name for p in await all_pages(atlas, SERVER)] == [f"r{n}" for n in range(5)]


@pytest.mark.parametrize(
    ("query", "found"),
    [("CLUB", ["Club", "Clubhouse"]), ("77", ["Club", "77th floor"]), ("zz", []), ("%", [])],
)
async def test_places_are_found_by_a_beginning_or_a_code(
    stores: Stores, query: str, found: list[str]
) -> None:
    atlas = atlas_of(stores)
    await atlas.note([Place(SERVER, "Club"), Place(ROOM, "77th floor", (SERVER,))])
    await atlas.note([Place(Address("test", "bot", "8"), "Clubhouse"), Place(Address("test", "b", "9"), "x")])
    listed = [p.name for p in await all_pages(atlas, query=query)]
    assert listed == found
