"""The Discord simulator's refusals, as the library meets them: limits, nonces, lengths, rights, faults."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import aiohttp
import discord
import pytest
from discord.http import Route

from tests.simulators.discord import NO_LIMITS, Discord, Faults, GatewayRules, Permission, RateLimits
from tests.simulators.discord.driving import Bot, running
from tests.simulators.telegram.driving import ManualClock

QUICK = GatewayRules(identify_seconds=0)
SEND = "POST /channels/{channel_id}/messages"


@pytest.fixture
async def dc() -> AsyncIterator[Discord]:
    async with Discord(gateway=QUICK, limits=NO_LIMITS) as platform:
        yield platform


async def refusal(call: Awaitable[object], status: int, code: int) -> str:
    """What the server said, which the library raises with this status and code."""
    with pytest.raises(discord.HTTPException) as caught:
        await call
    assert (caught.value.status, caught.value.code) == (status, code)
    return caught.value.text


async def test_the_library_keeps_to_the_buckets() -> None:
    limits = RateLimits(messages=(2, 0.3), edits=(2, 0.2))
    async with Discord(gateway=QUICK, limits=limits) as dc:
        ana, bot = dc.person("Ana"), Bot(dc)
        async with running(dc, bot):
            channel = bot.get_partial_messageable(ana.channel.id)
            for n in range(5):
                await channel.send(f"{n}")
            message = channel.get_partial_message(ana.channel.answers[0].id)
            for n in range(4):
                await message.edit(content=f"edited {n}")
        assert ana.texts == ["edited 3", "1", "2", "3", "4"]
        sent = [c.at for c in dc.log if c.route == SEND]
        assert sent[2] - sent[0] >= 0.3
        assert sent[4] - sent[2] >= 0.3
        assert dc.refused == {}


async def post(dc: Discord, path: str, **body: Any) -> tuple[int, Any, dict[str, str]]:
    """A call without the library, which waits for nothing."""
    headers = {"Authorization": f"Bot {dc.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{dc.url}{path}", json=body) as response,
    ):
        heard = await (response.json if response.content_type == "application/json" else response.text)()
        return response.status, heard, dict(response.headers)


async def test_who_does_not_wait_is_refused_and_told_how_long() -> None:
    clock = ManualClock()
    async with Discord(clock=clock) as dc:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        path = f"/channels/{ana.channel.id}/messages"
        for n in range(5):
            status, _, headers = await post(dc, path, content="x")
            assert (status, headers["X-RateLimit-Remaining"]) == (200, str(4 - n))
        assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Reset-After"]) == ("5", "5.000")
        clock.advance(2)
        status, told, headers = await post(dc, path, content="x")
        assert (status, told["global"], headers["X-RateLimit-Scope"]) == (429, False, "user")
        assert told["retry_after"] == pytest.approx(3.0, abs=0.01)
        other, _, its = await post(dc, f"/channels/{ben.channel.id}/messages", content="x")
        assert (other, its["X-RateLimit-Bucket"]) == (200, headers["X-RateLimit-Bucket"])
        clock.advance(told["retry_after"])
        assert (await post(dc, path, content="x"))[0] == 200
        assert dc.refused == {SEND: 1}
        assert dc.errors == []


async def test_there_is_a_limit_over_all() -> None:
    limits = RateLimits(overall=(3, 1.0))
    async with Discord(clock=ManualClock(), limits=limits) as dc:
        people = [dc.person(f"P{n}") for n in range(4)]
        seen = [await post(dc, f"/channels/{p.channel.id}/messages", content="x") for p in people]
        assert [status for status, _, _ in seen] == [200, 200, 200, 429]
        assert seen[3][1]["global"] is True
        assert seen[3][2]["X-RateLimit-Global"] == "true"


async def test_too_many_invalid_calls_bring_a_ban() -> None:
    clock = ManualClock()
    async with Discord(clock=clock, limits=RateLimits(messages=(1, 900.0), invalid=(3, 600.0))) as dc:
        path = f"/channels/{dc.person('Ana').channel.id}/messages"
        statuses = [(await post(dc, path, content="x"))[0] for _ in range(4)]
        assert statuses == [200, 429, 429, 429]
        status, page, headers = await post(dc, path, content="x")
        assert (status, "Via" in headers) == (429, False)
        assert "1015" in page
        clock.advance(3601)
        assert (await post(dc, path, content="x"))[0] == 200


async def test_a_nonce_makes_one_message_of_two_sends() -> None:
    clock = ManualClock()
    async with Discord(clock=clock, gateway=QUICK, limits=NO_LIMITS) as dc:
        ana, bot = dc.person("Ana"), Bot(dc)
        async with running(dc, bot):
            channel = bot.get_partial_messageable(ana.channel.id)
            one = await channel.send("one", nonce="row-1")
            again = await channel.send("two", nonce="row-1")
            assert (again.id, again.content, again.nonce) == (one.id, "one", "row-1")
            clock.advance(301)
            assert (await channel.send("three", nonce="row-1")).id != one.id
            assert "25 or fewer" in await refusal(channel.send("x", nonce="n" * 26), 400, 50035)
        assert ana.texts == ["one", "three"]


async def test_what_cannot_be_shown_is_refused(dc: Discord) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    async with running(dc, bot):
        channel = bot.get_partial_messageable(ana.channel.id)
        await channel.send("😀" * 2000)
        assert "Must be 2000 or fewer in length." in await refusal(channel.send("x" * 2001), 400, 50035)
        assert await refusal(channel.send(" \n"), 400, 50006) == "Cannot send an empty message"
        embeds = [discord.Embed(description="x" * 4000), discord.Embed(description="x" * 2001)]
        assert "exceeds maximum size of 6000" in await refusal(channel.send(embeds=embeds), 400, 50035)
        view = discord.ui.View()
        for label in ("a", "b"):
            view.add_item(discord.ui.Button(label=label, custom_id="same"))
        assert "cannot be duplicated" in await refusal(channel.send("x", view=view), 400, 50035)
        message = await channel.send("x")
        assert "2000 or fewer" in await refusal(message.edit(content="x" * 2001), 400, 50035)
        await refusal(message.edit(content=""), 400, 50006)
        await refusal(
            channel.send("x", reference=discord.MessageReference(message_id=1, channel_id=channel.id)),
            400,
            50035,
        )
        gone = discord.MessageReference(message_id=1, channel_id=channel.id, fail_if_not_exists=False)
        assert (await channel.send("x", reference=gone)).reference is None
        theirs = channel.get_partial_message((await ana.say("mine")).id)
        await refusal(theirs.edit(content="x"), 400, 50005)
        await refusal(theirs.delete(), 403, 50013)
    assert len(dc.errors) == 8


async def test_layouts_have_limits_of_their_own(dc: Discord) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    async with running(dc, bot):
        channel = bot.get_partial_messageable(ana.channel.id)
        await channel.send(view=layout("x" * 2000, "y" * 2000))
        assert ana.channel.answers[0].plain == f"{'x' * 2000}\n{'y' * 2000}"
        flags = discord.MessageFlags(components_v2=True)
        body = {"content": "x", "components": parts("x"), "flags": flags.value}
        _, told, _ = await post(dc, f"/channels/{ana.channel.id}/messages", **body)
        assert "cannot be used" in told["errors"]["content"]["_errors"][0]["message"]
        body = {"components": parts("x" * 2001, "y" * 2000), "flags": flags.value}
        _, told, _ = await post(dc, f"/channels/{ana.channel.id}/messages", **body)
        assert (
            told["errors"]["components"]["_errors"][0]["code"] == "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"
        )


def parts(*texts: str) -> list[dict[str, Any]]:
    return [{"type": 10, "content": text} for text in texts]


def layout(*texts: str) -> discord.ui.LayoutView:
    view = discord.ui.LayoutView(timeout=None)
    for text in texts:
        view.add_item(discord.ui.TextDisplay(text))
    return view


async def test_slow_answers_come_late_and_whole() -> None:
    async with Discord(gateway=QUICK, faults=Faults(slow=1.0, slow_seconds=0.05)) as dc:
        ana = dc.person("Ana")
        status, told, _ = await post(dc, f"/channels/{ana.channel.id}/messages", content="x")
        assert (status, told["content"]) == (200, "x")


async def test_rights_are_kept(dc: Discord) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    room = await dc.guild("Friends", ana)
    quiet, hidden = await room.text("quiet"), await room.text("hidden")
    await room.permit_bot(quiet, deny=Permission.SEND_MESSAGES)
    await room.permit(hidden, deny=Permission.VIEW_CHANNEL)
    async with running(dc, bot):
        assert await refusal(_send(bot, quiet.id), 403, 50013) == "Missing Permissions"
        assert await refusal(_send(bot, hidden.id), 403, 50001) == "Missing Access"
        assert await refusal(_send(bot, 1), 404, 10003) == "Unknown Channel"
        said = await ana.ask("hello?", channel=hidden)
        await ana.ask("hello!", channel=quiet)
        await dc.until(lambda: bot.heard)
        assert bot.heard[0].channel.id == quiet.id != said.channel.id
        await ana.block_bot()
        assert await refusal(_send(bot, ana.channel.id), 403, 50007) == "Cannot send messages to this user"
        await room.kick_bot()
        await refusal(_send(bot, room.general.id), 403, 50001)
        await dc.until(lambda: bot.got("guild_remove"))
        await room.invite_bot()
        await dc.until(lambda: bot.got("guild_join"))
    assert dc.errors == [f"{SEND}: 404 10003 Unknown Channel"]


def _send(bot: Bot, channel: int) -> Awaitable[object]:
    return bot.get_partial_messageable(channel).send("x")


async def test_what_others_took_away_is_not_the_bots_fault(dc: Discord) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    room = await dc.guild("Friends", ana)
    extra = await room.text("extra")
    async with running(dc, bot):
        message = await bot.get_partial_messageable(room.general.id).send("x")
        await ana.delete(room.general.answers[0])
        await refusal(message.edit(content="y"), 404, 10008)
        await room.remove(extra)
        await refusal(_send(bot, extra.id), 404, 10003)
    assert dc.errors == []


@pytest.mark.parametrize("fault", ["server_error", "dropped", "cut_off"])
async def test_faults_strike_before_or_after_the_call_takes_effect(fault: str) -> None:
    async with Discord(gateway=QUICK, faults=Faults(**{fault: 1.0})) as dc:  # type: ignore[arg-type]
        ana = dc.person("Ana")
        path = f"/channels/{ana.channel.id}/messages"
        if fault == "server_error":
            assert (await post(dc, path, content="x"))[0] in (500, 502, 503, 504)
        else:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await post(dc, path, content="x")
        assert ana.texts == ["x"] * (fault == "cut_off")
        assert dc.errors == []


async def test_an_outage_takes_the_gateway_too(dc: Discord) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    async with running(dc, bot):
        dc.outage()
        await dc.until(lambda: dc.connected == 0)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await bot.http.request(Route("GET", "/gateway"))
        await ana.say("meanwhile")
        dc.recover()
        await dc.until(lambda: bot.heard)
        assert bot.heard[0].content == "meanwhile"
        assert dc.world.gateway.identifies == 1


async def test_what_the_simulator_lacks_it_says(dc: Discord) -> None:
    bot = Bot(dc)
    async with running(dc, bot):
        said = await refusal(bot.http.request(Route("GET", "/voice/regions")), 501, 0)
        assert said == "The Discord simulator lacks the route GET /voice/regions, or there is none"
    assert len(dc.errors) == 1
