"""Threads, forums, history, files, other bots and shards on the Discord simulator."""

from __future__ import annotations

import asyncio
import json
import sys
import zlib
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable
from io import BytesIO
from typing import Any

import aiohttp
import discord
import pytest

from tests.simulators.discord import NO_LIMITS, Discord, Faults, GatewayRules, Permission
from tests.simulators.discord.driving import Bot, pointed_at, running
from tests.simulators.telegram.driving import ManualClock

QUICK = GatewayRules(identify_seconds=0)


@pytest.fixture
async def dc() -> AsyncIterator[Discord]:
    async with Discord(gateway=QUICK, limits=NO_LIMITS) as platform:
        yield platform


async def refusal(call: Awaitable[object], status: int, code: int) -> None:
    with pytest.raises(discord.HTTPException) as caught:
        await call
    assert (caught.value.status, caught.value.code) == (status, code)


async def test_an_answer_in_a_thread(dc: Discord) -> None:
    ana = dc.person("Ana")
    room = await dc.guild("Friends", ana)
    bot = Bot(dc)
    async with running(dc, bot):
        said = await ana.ask("long story?", channel=room.general)
        await dc.until(lambda: bot.heard)
        thread = await bot.heard[0].create_thread(name="Long story")
        assert said.thread is not None
        assert (thread.id, thread.parent_id, said.thread.name) == (said.id, room.general.id, "Long story")
        await refusal(bot.heard[0].create_thread(name="Again"), 400, 160004)
        await thread.send("Once upon a time")
        await ana.ask("and then?", channel=said.thread)
        await dc.until(lambda: len(bot.heard) == 3)
        heard = bot.heard[-1]
        assert isinstance(heard.channel, discord.Thread)
        assert (heard.channel.id, heard.channel.parent) == (thread.id, bot.get_channel(room.general.id))
        assert said.thread.transcript.splitlines()[0] == "Tertulia: Once upon a time"


async def test_archives_open_for_those_who_write_and_locks_do_not(dc: Discord) -> None:
    ana = dc.person("Ana")
    room = await dc.guild("Friends", ana)
    bot = Bot(dc)
    async with running(dc, bot):
        place = await ana.thread("Public", channel=room.general)
        thread = bot.get_partial_messageable(place.id)
        message = await thread.send("x")
        await room.archive(place)
        channel = bot.get_channel(room.general.id)
        assert isinstance(channel, discord.TextChannel)
        assert [t.name async for t in channel.archived_threads()] == ["Public"]
        await refusal(message.edit(content="y"), 400, 50083)
        await refusal(message.add_reaction("👍"), 400, 50083)
        await thread.send("z")
        assert place.thread is not None
        assert not place.thread.archived
        await room.archive(place, locked=True)
        await refusal(thread.send("w"), 400, 160005)
        await room.remove(place)
        await refusal(thread.send("w"), 404, 10003)
        assert [t.name for t in bot.got("thread_create")] == ["Public"]


async def test_private_threads_are_seen_by_their_members(dc: Discord) -> None:
    ana, ben = dc.person("Ana"), dc.person("Ben")
    room = await dc.guild("Friends", ana, ben)
    bot = Bot(dc)
    async with running(dc, bot):
        secret = await ben.thread("Secret", channel=room.general, private=True)
        await ben.ask("unheard", channel=secret)
        await refusal(bot.get_partial_messageable(secret.id).send("x"), 403, 50001)
        await ben.add_bot(secret)
        await ben.ask("heard", channel=secret)
        await dc.until(lambda: bot.heard)
        assert bot.heard[0].content.endswith(" heard")
        eve = dc.person("Eve")
        await room.join(eve)
        assert (len(ben.sees(secret)), eve.sees(secret)) == (2, [])
        channel = bot.get_channel(room.general.id)
        assert isinstance(channel, discord.TextChannel)
        mine = await channel.create_thread(name="Mine")
        assert mine.is_private()
        await mine.add_user(discord.Object(eve.id))
        assert mine.id in {t.id for t in room.guild.threads.values() if eve.id in t.thread.members}  # type: ignore[union-attr]


async def test_a_question_in_a_forum(dc: Discord) -> None:
    ana = dc.person("Ana")
    room = await dc.guild("Friends", ana)
    forum = await room.forum("help", "bug", "question", tag_required=True)
    bot = Bot(dc)
    async with running(dc, bot):
        post = await ana.post(forum, "It breaks", f"{dc.bot.mention} why?", tags=("bug",))
        await dc.until(lambda: bot.heard)
        thread = bot.heard[0].channel
        assert isinstance(thread, discord.Thread)
        assert (thread.id, bot.heard[0].id, thread.name) == (post.id, post.id, "It breaks")
        assert [t.name for t in thread.applied_tags] == ["bug"]
        await bot.heard[0].reply("so")
        assert post.texts == ["so"]
        channel = bot.get_channel(forum.id)
        assert isinstance(channel, discord.ForumChannel)
        await refusal(channel.create_thread(name="Mine", content="x"), 400, 40067)
        made = await channel.create_thread(name="Mine", content="x", applied_tags=[channel.available_tags[1]])
        assert made.message.id == made.thread.id
        await refusal(bot.get_partial_messageable(forum.id).send("x"), 400, 50008)


async def test_history_is_paged_from_any_side(dc: Discord) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    said = [await ana.say(f"{n}") for n in range(230)]
    async with running(dc, bot):
        channel = bot.get_partial_messageable(ana.channel.id)
        after = channel.history(limit=None, after=discord.Object(said[9].id))
        assert [m.content async for m in after] == [f"{n}" for n in range(10, 230)]
        before = channel.history(limit=3, before=discord.Object(said[9].id))
        assert [m.content async for m in before] == ["8", "7", "6"]
        around = channel.history(limit=3, around=discord.Object(said[9].id))
        assert sorted([int(m.content) async for m in around]) == [8, 9, 10]
        await refusal(bot.http.logs_from(ana.channel.id, 101), 400, 50035)


async def test_nobody_is_pinged_who_must_not_be(dc: Discord) -> None:
    ana, ben = dc.person("Ana"), dc.person("Ben")
    room = await dc.guild("Friends", ana, ben)
    role = await room.role("vip", ben, mentionable=True)
    bot = Bot(dc)
    async with running(dc, bot):
        channel = bot.get_partial_messageable(room.general.id)
        text = f"@everyone {ben.mention} {role.mention}"
        await channel.send(text)
        await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
        await channel.send(
            text, allowed_mentions=discord.AllowedMentions(everyone=False, roles=False, users=[ana.user])
        )
        loud, *quiet = [m.mentions for m in room.general.answers]
        assert (loud.everyone, loud.users, loud.roles) == (True, (ben.user,), (role,))
        assert [(m.everyone, m.users, m.roles) for m in quiet] == [(False, (), ())] * 2
        await room.permit_bot(room.general, deny=Permission.MENTION_EVERYONE)
        await channel.send(text)
        assert not room.general.answers[-1].mentions.everyone


async def test_files_go_both_ways(dc: Discord) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    async with running(dc, bot):
        await ana.say("look", files={"notes.txt": b"some notes"})
        await dc.until(lambda: bot.heard)
        attachment = bot.heard[0].attachments[0]
        assert (attachment.filename, await attachment.read()) == ("notes.txt", b"some notes")
        async with (
            aiohttp.ClientSession() as session,
            session.get(attachment.url.partition("?")[0]) as response,
        ):
            assert response.status == 404
        file = discord.File(BytesIO(b"<html>"), "page.html", description="a page")
        sent = await bot.heard[0].reply("here", file=file)
        shown = ana.channel.answers[0].body.attachments[0]
        assert (shown.filename, shown.data, shown.description) == ("page.html", b"<html>", "a page")
        await sent.edit(content="gone", attachments=[])
        assert ana.channel.answers[0].body.attachments == ()
        big = discord.File(BytesIO(b"x" * (10 * 1024 * 1024 + 1)), "big.bin")
        await refusal(bot.heard[0].reply("x", file=big), 413, 40005)


async def test_others_write_too(dc: Discord) -> None:
    ana = dc.person("Ana")
    room = await dc.guild("Friends", ana)
    bot = Bot(dc)
    async with running(dc, bot):
        await dc.other_bot("Robot", room).say(f"{dc.bot.mention} beep", channel=room.general)
        await dc.webhook("News").say(f"{dc.bot.mention} extra", channel=room.general)
        await dc.until(lambda: len(bot.heard) == 2)
        assert [(m.author.name, m.author.bot, bool(m.webhook_id)) for m in bot.heard] == [
            ("Robot", True, False),
            ("News", True, True),
        ]


async def test_shards_share_the_guilds() -> None:
    rules = GatewayRules(shards=2, sharding_required=True, identify_seconds=0, heartbeat_seconds=5)
    async with Discord(gateway=rules, limits=NO_LIMITS) as dc:
        ana = dc.person("Ana")
        rooms = [await dc.guild(f"G{n}", ana) for n in range(4)]
        with pointed_at(dc):
            bot = ShardedBot(guild_ready_timeout=0.1, intents=discord.Intents.default())
            task = asyncio.create_task(bot.start(dc.token))
            await dc.until(lambda: dc.connected == 2)
            for room in rooms:
                await ana.ask(room.guild.name, channel=room.general)
            await dc.until(lambda: sum(len(r.general.texts) for r in rooms) == 4)
            assert [r.general.texts for r in rooms] == [[f"shard {(r.id >> 22) % 2}"] for r in rooms]
            await bot.close()
            await task
        assert dc.errors == []


class ShardedBot(discord.AutoShardedClient):
    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        return None

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user and message.guild is not None:
            await message.channel.send(f"shard {message.guild.shard_id}")


# the gateway without the library


def identify(dc: Discord, **more: Any) -> str:
    given = {"token": dc.token, "intents": 513, "properties": {}}
    return json.dumps({"op": 2, "d": given | more})


async def closed_with(dc: Discord, *frames: str, query: str = "?v=10&encoding=json") -> int | None:
    """What the gateway closes with after these frames."""
    address = f"{dc.url.replace('http', 'ws', 1).partition('/api')[0]}/gateway/{query}"
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as ws:
        for frame in frames:
            await ws.send_str(frame)
        async for _ in ws:
            pass
        return ws.close_code


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (['{"op": 2, "d": {"token": "wrong", "intents": 0}}'], 4004),
        (["{"], 4002),
        (['{"op": 3, "d": {}}'], 4003),
        (['{"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}'], 4004),
        (['{"op": 1, "d": null}'] * 121, 4008),
    ],
)
async def test_what_is_wrong_closes_the_socket(dc: Discord, frames: list[str], code: int) -> None:
    assert await closed_with(dc, *frames) == code
    assert len(dc.errors) == 1


async def test_identifying_has_its_rules() -> None:
    clock = ManualClock()
    async with Discord(clock=clock) as dc:
        assert await closed_with(dc, identify(dc), '{"op": 42, "d": null}') == 4001
        clock.advance(5)
        assert await closed_with(dc, identify(dc), identify(dc)) == 4005
        assert await closed_with(dc, identify(dc, intents=1 << 30)) == 4013
        assert await closed_with(dc, identify(dc, shard=[2, 2])) == 4010
        assert await closed_with(dc, query="?v=5") == 4012
        address = f"{dc.url.replace('http', 'ws', 1).partition('/api')[0]}/gateway/?v=10&encoding=json"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as ws:
            await ws.receive_json()
            await ws.send_str(identify(dc))
            assert await ws.receive_json() == {"op": 9, "d": False, "s": None, "t": None}
            clock.advance(5)
            await ws.send_str(identify(dc))
            ready = await ws.receive_json()
            assert (ready["t"], ready["s"], ready["d"]["v"]) == ("READY", 1, 10)


async def test_a_session_can_be_resumed_for_a_while() -> None:
    clock = ManualClock()
    async with Discord(clock=clock, limits=NO_LIMITS, gateway=QUICK) as dc:
        ana, bot = dc.person("Ana"), Bot(dc)
        async with running(dc, bot):
            session = dc.world.gateway.connected[0]
            dc.outage()
            await dc.until(lambda: dc.connected == 0)
            clock.advance(181)
            await ana.say("lost")
            dc.recover()
            await dc.until(lambda: dc.connected == 1)
            assert dc.world.gateway.connected[0] is not session
            assert dc.world.gateway.invalidated == 1
            assert bot.heard == []


async def test_who_is_silent_is_let_go() -> None:
    async with Discord(gateway=GatewayRules(heartbeat_seconds=0.05)) as dc:
        assert await closed_with(dc, identify(dc)) == 4009


async def test_a_gateway_that_does_not_answer_is_left() -> None:
    rules = GatewayRules(heartbeat_seconds=0.1, identify_seconds=0)
    async with Discord(gateway=rules) as dc:
        ana, bot = dc.person("Ana"), Bot(dc, heartbeat_timeout=0.3)
        async with running(dc, bot):
            dc.mute_heartbeats()
            await dc.until(lambda: dc.world.gateway.resumes == 1)
            dc.mute_heartbeats(False)
            await ana.say("still there?")
            await dc.until(lambda: bot.heard)


async def test_frames_may_be_packed(dc: Discord) -> None:
    address = f"{dc.url.replace('http', 'ws', 1).partition('/api')[0]}/gateway/"
    stream = zlib.decompressobj()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address}?v=10&encoding=json&compress=zlib-stream") as ws,
    ):
        assert json.loads(stream.decompress(await ws.receive_bytes()))["op"] == 10
        await ws.send_str(identify(dc))
        assert json.loads(stream.decompress(await ws.receive_bytes()))["t"] == "READY"


async def test_broken_sockets_lose_and_double_nothing() -> None:
    faults = Faults(socket_drops=0.1, reconnects=0.1, seed=3)
    async with Discord(gateway=QUICK, faults=faults) as dc:
        ana, bot = dc.person("Ana"), Bot(dc)
        async with running(dc, bot):
            for n in range(40):
                await ana.say(f"{n}")
                await dc.until(lambda n=n: len(bot.heard) > n)  # type: ignore[misc]
            assert [m.content for m in bot.heard] == [f"{n}" for n in range(40)]
            assert dc.world.gateway.resumes > 3
            assert dc.world.gateway.identifies == 1


BOT = """
import sys, discord, yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route
Route.BASE, token = sys.argv[1:]
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(sys.argv[1]).with_scheme("ws").with_path("/gateway/")
class Bot(discord.Client):
    async def on_message(self, message):
        if message.author != self.user:
            print(message.content, flush=True)
Bot(intents=discord.Intents.default()).run(token, log_handler=None)
"""


async def test_a_bot_that_is_killed_finds_everything_when_it_comes_back(dc: Discord) -> None:
    ana = dc.person("Ana")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", BOT, dc.url, dc.token, stdout=PIPE)
    await dc.until(lambda: dc.connected == 1, within=30)
    first = await ana.say("one")
    assert process.stdout is not None
    assert await process.stdout.readline() == b"one\n"
    process.kill()
    await process.wait()
    await dc.until(lambda: dc.connected == 0)
    await ana.say("two")
    bot = Bot(dc)
    async with running(dc, bot):
        channel = bot.get_partial_messageable(ana.channel.id)
        assert [m.content async for m in channel.history(after=discord.Object(first.id))] == ["two"]
    assert dc.errors == []
