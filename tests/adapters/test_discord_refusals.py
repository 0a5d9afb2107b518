"""What Discord, or something between, may answer to a call: each has an end, and none is tried for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.channel import DiscordChannel
from adapters.discord.connection import Connection
from adapters.discord.errors import Flood
from adapters.discord.files import UPLOAD_LIMIT
from bot.errors import (
    ChannelError,
    ChannelUnavailable,
    ChatGone,
    FileRefused,
    MarkupRefused,
    MessageGone,
    RetryAfter,
)
from bot.types import Address, Part
from tests.adapters.discord_core import Core, at, shown, simulated
from tests.simulators.discord import USUAL, Discord, Permission, RateLimits

HERE, THERE = Address("discord", "1", "10"), Address("discord", "1", "20")
PAGE = "<html><title>Attention Required! | Cloudflare</title></html>"
MESSAGE = {"id": "5", "content": "x"}


@dataclass
class Script:
    """A server that gives the answers that it is told to, one after the other, and then a message."""

    url: str = ""
    answers: deque[tuple[int, Any, dict[str, str]]] = field(default_factory=deque)
    calls: int = 0

    def then(self, status: int, body: Any, **headers: str) -> None:
        """A `dict` is JSON, a text is a page."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, body, named))

    async def serve(self, request: web.Request) -> web.Response:
        self.calls += 1
        status, body, headers = self.answers.popleft() if self.answers else (200, MESSAGE, {})
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html", headers=headers)
        return web.json_response(body, status=status, headers=headers)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script, app = Script(), web.Application()
    app.router.add_route("*", "/{path:.*}", script.serve)
    async with TestServer(app) as server:
        script.url = str(server.make_url("/api/v10"))
        yield script


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
async def channel(core: Core, script: Script) -> AsyncIterator[DiscordChannel]:
    adapter = DiscordAdapter(core.deps(Discord(), api_url=script.url))
    yield adapter.channel
    await adapter.aclose()


async def send(channel: DiscordChannel, where: Address = HERE) -> str:
    return await channel.send(where, shown("Hello"), key="k")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"message": "500: Internal Server Error", "code": 0}),
        (502, PAGE),
        (503, PAGE),
        (504, ""),
        (520, "error code: 520"),
        (403, PAGE),  # the network before Discord does not let the call through
        (404, PAGE),
        (200, PAGE),  # a hotel's login
        (200, "{"),  # cut off
    ],
)
async def test_what_is_not_discords_word_is_tried_again(
    script: Script, channel: DiscordChannel, status: int, body: Any
) -> None:
    script.then(status, body)
    with pytest.raises(ChannelUnavailable):
        await send(channel)
    assert await send(channel) == "5"


@pytest.mark.parametrize(
    ("status", "code", "ends"),
    [
        (400, 50035, MarkupRefused),
        (400, 200000, MarkupRefused),  # automatic moderation: plain text may pass
        (413, 0, FileRefused),
        (400, 40005, FileRefused),
        (401, 0, ChannelUnavailable),
        (403, 0, ChatGone),
        (403, 50013, ChatGone),
        (403, 50278, ChatGone),  # no guild is shared any more
        (404, 10003, ChatGone),
        (404, 10008, MessageGone),
        (405, 0, ChannelError),
    ],
)
async def test_each_refusal_has_its_end(
    script: Script, channel: DiscordChannel, status: int, code: int, ends: type[ChannelError]
) -> None:
    script.then(status, {"message": "no", "code": code})
    with pytest.raises(ChannelError) as told:
        await channel.edit(HERE, "5", shown("Hello"))
    assert type(told.value) is ends
    assert script.calls == 1


async def test_a_route_that_is_full_holds_up_no_other_channel(
    core: Core, script: Script, channel: DiscordChannel
) -> None:
    full = {"message": "You are being rate limited.", "retry_after": 3.5, "global": False}
    for scope in ("user", "shared"):
        script.then(429, full, X_RateLimit_Scope=scope, Retry_After="4")
        for _ in range(3):
            with pytest.raises(RetryAfter) as told:
                await send(channel)
            assert told.value.seconds == 3.5
        await send(channel, THERE)
        await core.clock.advance(3.5)
        await send(channel)
    assert script.calls == 6


async def test_a_limit_over_all_holds_up_all_channels(
    core: Core, script: Script, channel: DiscordChannel
) -> None:
    script.then(429, {"retry_after": 2.0, "global": True}, X_RateLimit_Global="true")
    for where in (HERE, THERE):
        with pytest.raises(RetryAfter) as told:
            await send(channel, where)
        assert told.value.seconds == 2.0
    assert script.calls == 1
    await core.clock.advance(2.0)
    await send(channel, THERE)


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry_After": "900"}, 900.0), ({}, 60.0)])
async def test_an_address_that_is_shut_out_calls_nothing(
    core: Core, script: Script, headers: dict[str, str], seconds: float
) -> None:
    script.then(429, PAGE, **headers)
    connection = Connection("t", script.url, core.clock)
    for _ in range(3):
        for path in ("/users/@me", "/webhooks/1/token"):  # no limit over all holds for the second
            with pytest.raises(Flood) as told:
                await connection.rest.call("GET", path)
            assert told.value.seconds == seconds
    assert script.calls == 1
    await core.clock.advance(seconds)
    assert await connection.rest.call("GET", "/users/@me") == MESSAGE
    await connection.aclose()


async def test_a_cut_connection_is_tried_again(core: Core) -> None:
    async with simulated() as dc:
        ana = dc.person("Ana")
        adapter = DiscordAdapter(core.deps(dc))
        dc.outage("cut")
        with pytest.raises(ChannelUnavailable):
            await adapter.channel.send(at(ana.channel.id, dc), shown("Hello"), key="k")
        dc.recover()
        await adapter.channel.send(at(ana.channel.id, dc), shown("Hello"), key="k")
        await adapter.aclose()
    assert ana.texts == ["Hello"], "what took effect before the cut is no second message"


# the right to one thing is not the right to all


async def test_who_may_not_send_files_may_still_write(core: Core) -> None:
    async with simulated() as dc, core.running(dc) as adapter:
        room = await dc.guild("Club", dc.person("Ana"), permissions=USUAL & ~Permission.ATTACH_FILES)
        await room.permit_bot(room.general, deny=Permission.ATTACH_FILES)
        here = at(room.general.id, dc)
        file = replace(shown("See"), attachment=Part(ref=f"file:{__file__}", name="a.py"))
        with pytest.raises(ChatGone):
            await adapter.channel.send(here, file, key="f")
        await adapter.channel.send(here, shown("Hello"), key="k")
    assert room.general.texts == ["Hello"]


async def test_a_file_that_discord_would_not_take_is_not_sent(
    script: Script, channel: DiscordChannel, tmp_path: Path
) -> None:
    path = tmp_path / "film"
    with path.open("wb") as file:
        file.truncate(UPLOAD_LIMIT + 1)
    with pytest.raises(FileRefused):
        await channel.send(HERE, replace(shown("See"), attachment=Part(ref=f"file:{path}")), key="f")
    assert script.calls == 0


async def test_who_may_not_react_may_still_write(core: Core) -> None:
    async with simulated() as dc, core.running(dc, seen="👀") as adapter:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        await room.permit_bot(room.general, deny=Permission.ADD_REACTIONS)
        here = at(room.general.id, dc)
        question = await ana.ask("Hi?", channel=room.general)
        with pytest.raises(ChatGone):
            await adapter.channel.acknowledge(here, str(question.id))
        await adapter.channel.send(here, shown("Hello"), key="k")
    assert room.general.texts == ["Hello"]


async def test_a_locked_thread_is_called_once_until_it_is_opened(core: Core) -> None:
    async with simulated() as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        thread = await ana.thread("Plans", channel=room.general)
        await core.until_put(await ana.ask("You there?", channel=thread))
        await room.archive(thread, locked=True)
        here = at(thread.id, dc)
        for _ in range(20):
            with pytest.raises(ChatGone):
                await adapter.channel.send(here, shown("Hello?"), key="k")
        refused = sum(call.status in (400, 403) for call in dc.log)
        await room.reopen(thread)
        await core.until_put(await ana.ask("And now?", channel=thread))
        await adapter.channel.send(here, shown("Hello"), key="k")
    assert refused <= 2
    assert thread.texts == ["Hello"]


async def test_a_right_that_a_channel_gives_back_is_its_threads_too(core: Core) -> None:
    async with simulated() as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        thread = await ana.thread("Plans", channel=room.general)
        await room.permit_bot(room.general, deny=Permission.SEND_MESSAGES_IN_THREADS)
        await core.until_put(await ana.ask("You there?", channel=thread))
        here = at(thread.id, dc)
        for _ in range(3):
            with pytest.raises(ChatGone):
                await adapter.channel.send(here, shown("Hello?"), key="k")
        assert dc.calls["POST /channels/{channel_id}/messages"] == 1
        await room.permit_bot(room.general)
        await core.until_put(await ana.ask("And now?", channel=thread))
        await adapter.channel.send(here, shown("Hello"), key="k")
    assert thread.texts == ["Hello"]


async def test_a_thousand_messages_to_forbidden_channels_stay_far_from_the_ban(core: Core) -> None:
    async with simulated(limits=RateLimits(), clock=core.clock.monotonic) as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        places = [await room.text(f"r{n}") for n in range(5)]
        for place in places:
            await room.permit_bot(place, deny=Permission.SEND_MESSAGES)
        await core.until_put(await ana.ask("hello", channel=places[-1]))
        for n in range(1000):
            here = at(places[n % 5].id, dc)
            with pytest.raises(ChatGone):
                await adapter.channel.typing(here)
            with pytest.raises(ChatGone):
                await adapter.channel.send(here, shown("Hello?"), key=str(n))
        invalid = sum(call.status in (401, 403, 429) for call in dc.log)
    assert invalid == len(places)
