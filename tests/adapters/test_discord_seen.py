"""What a process knows of what the one before it has seen, however soon that was killed."""

from __future__ import annotations

from adapters.discord.seen import FLUSH_SECONDS, Seen
from bot.types import Event, EventKind
from tests.adapters.discord_core import Core, at, shown, simulated


async def known(core: Core, channel: str) -> int:
    """The newest message seen in the channel, as the next process would find it."""
    seen = Seen(core.store, core.clock)
    await seen.load()
    return seen.newest(channel)


async def test_a_channel_is_known_durably_before_its_first_message_is() -> None:
    class Watching(Core):
        async def put(self, event: Event) -> bool:
            if event.kind is EventKind.MESSAGE:
                before.append(await known(self, event.address.chat))
            return await super().put(event)

    core, before = Watching(), list[int]()
    async with simulated() as dc, core.running(dc):
        first = await dc.person("Ana").say("one")
        await core.until_put(first)
    assert before == [first.id - 1]


async def test_a_guilds_channels_are_known_durably_as_soon_as_it_is_told_of() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        room = await dc.guild("Club", dc.person("Ana"))
        await core.until(lambda: core.events)
        await core.clock.advance(0)
        assert await known(core, str(room.general.id)) == room.general.id


async def test_what_is_new_in_a_known_channel_is_noted_after_a_while() -> None:
    core = Core()
    seen = Seen(core.store, core.clock)
    await seen.keep("1", 5, "")
    seen.note("1", 6, "")
    await core.clock.advance(FLUSH_SECONDS / 2)
    assert await known(core, "1") == 4
    await core.clock.advance(FLUSH_SECONDS / 2)
    assert await known(core, "1") == 6


async def test_a_thumb_that_is_put_up_again_after_a_restart_counts() -> None:
    core = Core()
    async with simulated() as dc:
        ana = dc.person("Ana")
        async with core.running(dc) as adapter:
            await adapter.channel.send(at(ana.channel.id, dc), shown("So."), key="k")
            answer = ana.messages[-1]
            await ana.react(answer, "👍")
            await ana.unreact(answer, "👍")
            await core.until(lambda: len(core.events) == 2)
        async with core.running(dc):
            await ana.react(answer, "👍")
            await core.until(lambda: len(core.events) == 3)
    assert [event.data for event in core.events] == ["👍", "", "👍"]
