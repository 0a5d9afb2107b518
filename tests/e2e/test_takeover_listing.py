"""Which conversations are taken over: page by page, and all of them handed back when they were left."""

from __future__ import annotations

from bot.takeover import taken
from tests.e2e.taken_over import ANN, conversation, give_back, take, works_here
from tests.scripted import World

MANY = 60


async def held(world: World, size: int) -> list[list[int]]:
    """The ids of all pages."""
    found: list[list[int]] = []
    after = 0
    while page := await world.app.takeover.listing(limit=size, after=after):
        found.append([each.id for each in page])
        after = page[-1].id
    return found


async def test_what_is_taken_over_is_listed_page_by_page() -> None:
    world = World()
    async with world.running():
        numbers = [await take(world, f"c{number}") for number in range(MANY)]
        for number in range(0, MANY, 2):
            await give_back(world, f"c{number}")
        pages = await held(world, 7)
        assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
        assert sorted(id for page in pages for id in page) == sorted(numbers[1::2])
        assert await world.app.takeover.listing(limit=0) == []
        assert len(await world.app.takeover.listing()) == MANY // 2
        assert await world.app.takeover.listing(after=999) == []


async def test_however_many_were_left_all_are_handed_back() -> None:
    world = World(takeover_idle=10)
    async with world.running():
        for number in range(MANY):
            found = await conversation(world, f"c{number}")
            await world.app.takeover.take(found.id, works_here(world, ANN))
        await world.clock.advance(11 * 60)
        states = [taken(await conversation(world, f"c{number}")) for number in range(MANY)]
        assert states == [None] * MANY
        noted = await world.stores.audit.listing(limit=MANY + 1)
        assert [entry.action for entry in noted] == ["conversation.left"] * MANY
        assert await held(world, 50) == []
