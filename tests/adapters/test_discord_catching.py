"""What was missed is caught up with: all of it, in order, a little at a time, with nobody's old rights."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from adapters.discord.catching import AT_ONCE, Catching
from adapters.discord.guilds import FORGET_SECONDS, MOST_PRIVATE, Guilds
from adapters.discord.lanes import Lanes
from adapters.discord.seen import FLUSH_SECONDS, Seen
from bot.types import ADMIN, Event
from tests.adapters.discord_core import Core, simulated
from tests.fakes import FakeClock, settle
from tests.simulators.discord import Channel, Discord, Person


async def lost_session(core: Core, dc: Discord, ana: Person, channel: Channel, text: str) -> Event:
    """What is asked while the bot's session is lost, as the bot hears of it in the next."""
    gateway = dc.world.gateway
    sessions = gateway.identifies
    gateway.sessions.clear()
    dc.drop_gateway()
    await ana.ask(text, channel=channel)
    await core.until(lambda: gateway.identifies == sessions + 1, step=0.5)
    await core.until(lambda: text in core.texts, step=0.1)
    return next(event for event in core.events if event.text == text)


async def test_a_role_that_was_taken_away_does_not_come_back_with_what_was_missed() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        owner, ana = dc.person("Owner"), dc.person("Ana")
        room = await dc.guild("Club", owner, ana)
        staff = await room.role("Staff", ana)
        await core.until_put(await ana.ask("zero", channel=room.general))
        before = await lost_session(core, dc, ana, room.general, "one")
        await room.take(staff, ana)
        after = await lost_session(core, dc, ana, room.general, "two")
    assert before.sender.roles == (f"role:{staff.id}", "@Staff")
    assert after.sender.roles == ()


async def test_whoever_has_left_has_no_rights_in_what_they_wrote_before() -> None:
    core = Core()
    async with simulated() as dc:
        owner, ana = dc.person("Owner"), dc.person("Ana")
        room = await dc.guild("Club", owner, ana)
        await room.role("Staff", ana)
        async with core.running(dc):
            await core.until_put(await ana.ask("one", channel=room.general))
            await core.until_put(await owner.ask("mine", channel=room.general))
        for person in (ana, owner):
            await person.ask(f"bye from {person.user.name}", channel=room.general)
            await room.leave(person)
        async with core.running(dc):
            await core.until(lambda: len(core.texts) == 4)
    roles = {event.text: event.sender.roles for event in core.events}
    assert ADMIN in roles["mine"]
    assert roles["bye from Ana"] == roles["bye from Owner"] == ()


# the mark passes no gap


async def test_a_session_that_is_lost_while_the_bot_catches_up_leaves_no_gap() -> None:
    core = Core()
    async with simulated() as dc:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        async with core.running(dc):
            await core.until_put(await ana.ask("one", channel=room.general))
        await ana.ask("two", channel=room.general)
        core.broken = True
        async with core.running(dc):
            await core.until(lambda: core.tries >= 2)
            gateway = dc.world.gateway
            sessions = gateway.identifies
            gateway.sessions.clear()
            dc.drop_gateway()
            await ana.ask("three", channel=room.general)
            await core.until(lambda: gateway.identifies == sessions + 1, step=0.5)
            last = await ana.ask("four", channel=room.general)
            core.broken = False
            await core.until(lambda: "four" in core.texts, step=1)
        async with core.running(dc):
            assert await known(core, str(room.general.id)) == last.id
    assert core.texts == ["one", "two", "three", "four"]


async def test_what_is_said_before_a_guild_is_told_of_does_not_hide_what_was_missed() -> None:
    core, begun = Core(), list[str]()

    async def run(channel: str, guild: str) -> None:
        begun.append(channel)

    lanes = Lanes()
    seen = Seen(core.store, core.clock)
    await seen.keep("7", 100, "1")
    guilds = Guilds(seen, Catching(lanes, run), core.clock)
    guilds.ready({"guilds": [{"id": "1"}]})
    guilds.precede("7", "1")
    lanes.add("7", partial(run, "what is said now", ""))
    await lanes.close(1)
    assert begun == ["7", "what is said now"]


async def known(core: Core, channel: str) -> int:
    """The newest message seen in the channel, as the next process would find it."""
    seen = Seen(core.store, core.clock)
    await seen.load()
    return seen.newest(channel)


# many channels


async def test_ten_thousand_known_channels_hold_up_nothing() -> None:
    core = Core()
    async with simulated() as dc:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        async with core.running(dc):
            await core.until_put(await ana.ask("one", channel=room.general))
        seen = Seen(core.store, core.clock)
        await seen.load()
        for number in range(10_500):
            thread = room.general.id + (number << 22)
            seen.note(str(thread), thread + 1, str(room.id))
        await seen.close()
        calls = dict(dc.calls)
        async with core.running(dc):
            await core.until_put(await ana.ask("two", channel=room.general))
        path = "GET /channels/{channel_id}/messages"
        assert dc.calls.get(path, 0) == calls.get(path, 0), "nothing is new in them, as the guild tells"


async def test_a_few_channels_are_caught_up_with_at_a_time_the_liveliest_first() -> None:
    lanes, begun, go = Lanes(), list[str](), asyncio.Event()

    async def run(channel: str, guild: str) -> None:
        begun.append(channel)
        await go.wait()

    catching = Catching(lanes, run)
    for number in range(100):
        catching.want(str(number), "", number)
    await settle()
    assert begun == [str(number) for number in range(AT_ONCE)]
    catching.first("50")
    catching.drop("98")
    await settle()
    assert begun[AT_ONCE:] == ["50"]
    assert [catching.busy(channel) for channel in ("50", "60", "98")] == [True, True, False]
    go.set()
    await settle(300)
    assert begun[AT_ONCE + 1 : AT_ONCE + 4] == ["99", "97", "96"]
    assert (len(begun), catching.busy("60")) == (99, False)


async def test_a_channel_is_caught_up_with_again_if_something_may_have_been_missed_meanwhile() -> None:
    lanes, begun, go = Lanes(), list[str](), asyncio.Event()

    async def run(channel: str, guild: str) -> None:
        begun.append(channel)
        await go.wait()

    catching = Catching(lanes, run)
    for _ in range(3):
        catching.want("1", "", 5)
        catching.want("1", "", 6)
    go.set()
    await settle()
    assert begun == ["1"] * 6
    catching.want("2", "", 1, lazily=True)
    await settle()
    assert begun[6:] == []
    catching.first("2")
    await settle()
    assert begun[6:] == ["2"]


async def test_of_many_private_chats_the_last_thousand_are_asked_for_and_others_when_they_speak() -> None:
    core, begun = Core(), list[str]()

    async def run(channel: str, guild: str) -> None:
        begun.append(channel)

    seen, now = Seen(core.store, core.clock), int((core.clock.time() - 1_420_070_400) * 1000) << 22
    for number in range(MOST_PRIVATE + 3):
        seen.note(str(number), now + number, "")
    catching = Catching(Lanes(), run)
    guilds = Guilds(seen, catching, core.clock)
    guilds.ready({"guilds": []})
    await settle(5000)
    assert begun == [str(number) for number in range(MOST_PRIVATE + 2, 2, -1)]
    guilds.precede("1", "")
    await settle()
    assert begun[MOST_PRIVATE:] == ["1"]


async def test_channels_that_are_deleted_or_left_are_forgotten() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        ana = dc.person("Ana")
        room, other = await dc.guild("Club", ana), await dc.guild("Other", ana)
        thread = await ana.thread("T", channel=room.general)
        side = await room.text("side")
        for channel in (thread, side, other.general, room.general):
            await core.until_put(await ana.ask("hello", channel=channel))
        await room.remove(thread)
        await room.remove(side)
        await other.kick_bot()
        await core.until_put(await ana.ask("still here", channel=room.general))
        await core.clock.advance(FLUSH_SECONDS)
        ids = [str(channel.id) for channel in (thread, side, other.general, room.general)]
        assert [bool(await known(core, channel)) for channel in ids] == [False, False, False, True]


async def test_long_silent_threads_and_chats_are_forgotten() -> None:
    core = Core()
    core.clock = FakeClock(time.time())
    async with simulated() as dc:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        thread = await ana.thread("T", channel=room.general)
        async with core.running(dc):
            for channel in (thread, room.general):
                await core.until_put(await ana.ask("hello", channel=channel))
            await core.until_put(await ana.say("hello"))
        await room.archive(thread)
        await core.clock.advance(FORGET_SECONDS + 60)
        async with core.running(dc):
            await core.until_put(await ana.ask("still here", channel=room.general))
        ids = [str(channel.id) for channel in (thread, ana.channel, room.general)]
        assert [bool(await known(core, channel)) for channel in ids] == [False, False, True]
