"""What is kept of people on Discord ends with its term, and with them."""

from __future__ import annotations

import time

from adapters.discord.connection import Connection
from adapters.discord.forgetting import forget
from adapters.discord.intake import TIDY_SECONDS
from adapters.discord.threads import KEEP_SECONDS as THREAD_SECONDS
from adapters.discord.threads import NAME_SECONDS, Threads
from adapters.discord.tokens import KEEP_SECONDS, Asked, Tokens
from bot.types import Event, EventKind, Part, Sender
from tests.adapters.discord_core import Core, at, shown, simulated
from tests.fakes import FakeClock
from tests.simulators.discord import Discord, Room


async def kept(core: Core, *prefixes: str) -> set[str]:
    return {name for prefix in prefixes for name in await core.store.items(prefix)}


async def told(core: Core, text: str) -> bool:
    """Whether somebody's words stand in the adapter's store."""
    return any(text in str(value) for value in (await core.store.items()).values())


async def threaded(core: Core, dc: Discord, room: Room) -> str:
    """A question that is to be answered in a thread; its chat."""
    core.threaded.add(str(room.general.id))
    threads = Threads(core.deps(dc), Connection(dc.token, dc.url, core.clock))
    number = str(dc.world.snowflake())
    words = (Part(text="a secret question"),)
    asked = Event(f"m:{number}", EventKind.MESSAGE, at(room.general.id, dc), Sender("7"), words, number)
    return (await threads.place(asked)).address.chat


async def test_old_interactions_are_removed_by_time_not_by_use() -> None:
    core = Core()
    tokens = Tokens(core.store, core.clock)
    at = core.clock.time() - KEEP_SECONDS + TIDY_SECONDS / 2
    asked = Asked("1", "t", "a", "c", "u", at=at, outside=True)
    await tokens.remember(asked)
    await tokens.sent(asked, "k", "2", bound=True)
    async with simulated() as dc, core.running(dc):
        await core.clock.advance(1)
        assert await kept(core, "i:", "via:", "only:", "sent:") == {"i:1", "via:2", "only:c", "sent:k"}
        await core.clock.advance(TIDY_SECONDS)
        assert await kept(core, "i:", "via:", "only:", "sent:") == set()


async def test_a_thread_that_is_made_keeps_no_words_of_its_question() -> None:
    core = Core()
    async with simulated() as dc:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        core.threaded.add(str(room.general.id))
        async with core.running(dc) as adapter:
            question = await ana.ask("a secret question", channel=room.general)
            event = await core.until_put(question)
            assert await told(core, "secret")
            await adapter.channel.send(event.address, shown("So."), key="k", reply_to=event.message_id)
            assert question.thread is not None
            assert question.thread.name == "a secret question"
            assert not await told(core, "secret")


async def test_the_name_of_a_thread_that_is_never_made_is_removed_after_a_day_and_all_after_its_term() -> (
    None
):
    core = Core(clock=FakeClock(time.time()))
    async with simulated() as dc:
        room = await dc.guild("Club", dc.person("Ana"))
        chat = await threaded(core, dc, room)
        threads = Threads(core.deps(dc), Connection(dc.token, dc.url, core.clock))
        await threads.prune()
        assert await told(core, "secret")
        await core.clock.advance(NAME_SECONDS + 60)
        await threads.prune()
        assert not await told(core, "secret")
        assert await kept(core, "thread:") == {f"thread:{chat}"}
        await core.clock.advance(THREAD_SECONDS)
        await threads.prune()
        assert await kept(core, "thread:") == set()


async def test_who_is_deleted_takes_what_was_kept_along() -> None:
    core = Core()
    tokens = Tokens(core.store, core.clock)
    for number, user in (("1", "7"), ("2", "8")):
        asked = Asked(number, "t", "a", f"c{number}", user, at=core.clock.time(), outside=True)
        await tokens.remember(asked)
        await tokens.sent(asked, f"k{number}", f"m{number}", bound=True)
    async with simulated() as dc:
        room = await dc.guild("Club", dc.person("Ana"))
        chat = await threaded(core, dc, room)
        await forget(core.store, "8")
        assert await kept(core, "i:", "via:", "only:") == {"i:1", "via:m1", "only:c1"}
        assert await told(core, "secret")
        await forget(core.store, "7")
        assert await kept(core, "i:", "via:", "only:") == set()
        assert not await told(core, "secret")
        assert await Threads(core.deps(dc), Connection(dc.token, dc.url, core.clock)).of(chat)
