"""HTTP under the library, and flood control above it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from telegram.error import NetworkError, TimedOut

from adapters.common.network import is_loopback
from adapters.telegram.errors import Flood, TooLarge
from adapters.telegram.limits import TRIES, ChatLimiter
from adapters.telegram.request import AiohttpRequest
from tests.fakes import FakeClock

TOKEN = "bot123:secret"


@asynccontextmanager
async def server(handle: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app) as running:
        yield str(running.make_url("/"))


@asynccontextmanager
async def request(root: str) -> AsyncIterator[AiohttpRequest]:
    made = AiohttpRequest(root)
    yield made
    await made.shutdown()


@contextmanager
def proxied(url: str) -> Iterator[None]:
    """The environment names this proxy."""
    before = dict(os.environ)
    os.environ.pop("no_proxy", None)
    os.environ.pop("NO_PROXY", None)
    os.environ["http_proxy"] = url
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def test_the_environments_proxy_is_used_but_never_for_this_machine() -> None:
    asked: list[str] = []

    async def proxy(incoming: web.Request) -> web.Response:
        asked.append(incoming.host)
        return web.Response(text="{}")

    async def api(incoming: web.Request) -> web.Response:
        return web.Response(text="{}")

    async with server(proxy) as proxy_url, server(api) as root:
        with proxied(proxy_url):
            async with request("http://telegram.example") as outside:
                assert (await outside.do_request("http://telegram.example/x", "POST"))[0] == 200
            async with request(root) as inside:
                assert (await inside.do_request(f"{root}x", "POST"))[0] == 200
    assert asked == ["telegram.example"]


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8081", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("https://api.telegram.org", False),
        ("http://10.0.0.1", False),
    ],
)
def test_this_machine(url: str, here: bool) -> None:
    assert is_loopback(url) is here


async def test_who_is_silent_times_out() -> None:
    silence = asyncio.Event()

    async def handle(incoming: web.Request) -> web.Response:
        await silence.wait()
        return web.Response()

    async with server(handle) as root, request(root) as made:
        with pytest.raises(TimedOut):
            await made.do_request(f"{root}{TOKEN}/x", "POST", read_timeout=0.02)
        with pytest.raises(TimedOut):
            async with asyncio.timeout(5):
                await made.do_request(f"{root}x", "POST", read_timeout=0.02, pool_timeout=None)
        silence.set()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://nowhere.invalid/", "http://[bad/", "gopher://x/"]
)
async def test_network_errors_hold_no_token(url: str) -> None:
    async with request("http://127.0.0.1") as made:
        with pytest.raises(NetworkError) as failed:
            await made.do_request(f"{url}{TOKEN}/getMe", "POST")
    assert "secret" not in f"{failed.value!r} {failed.value.__cause__!r}"


async def test_what_is_no_json_is_a_network_error() -> None:
    async def handle(incoming: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>")

    async with server(handle) as root, request(root) as made:
        with pytest.raises(NetworkError, match="no JSON"):
            await made.post(f"{root}{TOKEN}/getMe")


@pytest.mark.parametrize(
    ("body", "header", "seconds"),
    [
        ('{"parameters": {"retry_after": 7}}', "9", 7.0),
        ("slow down", "9", 9.0),
        ('{"parameters": []}', "soon", 1.0),
    ],
)
async def test_how_long_flood_control_lasts(body: str, header: str, seconds: float) -> None:
    async def handle(incoming: web.Request) -> web.Response:
        return web.Response(status=429, text=body, headers={"Retry-After": header})

    async with server(handle) as root, request(root) as made:
        with pytest.raises(Flood) as told:
            await made.post(f"{root}x")
    assert told.value.seconds == seconds


async def test_a_download_ends_at_its_limit() -> None:
    async def handle(incoming: web.Request) -> web.StreamResponse:
        if incoming.path == "/gone":
            raise web.HTTPNotFound
        return web.Response(body=b"x" * 100_000)

    async with server(handle) as root, request(root) as made:
        assert len(await made.download(f"{root}file", 100_000)) == 100_000
        with pytest.raises(TooLarge):
            await made.download(f"{root}file", 99_999)
        with pytest.raises(NetworkError):
            await made.download(f"{root}gone", 10)


class Call:
    """Refuses as often as it is told to."""

    def __init__(self, refusals: int, seconds: float = 2.0) -> None:
        self.refusals, self.seconds, self.count = refusals, seconds, 0

    async def __call__(self) -> bool:
        self.count += 1
        if self.count <= self.refusals:
            raise Flood(self.seconds)
        return True


async def made_by(limiter: ChatLimiter, call: Call, **data: Any) -> Any:
    return await limiter.process_request(call, (), {}, "x", data, None)


async def test_calls_for_no_chat_are_repeated() -> None:
    clock = FakeClock()
    limiter, call = ChatLimiter(clock), Call(2)
    calling = asyncio.create_task(made_by(limiter, call))
    await clock.advance(1)
    assert call.count == 1
    await clock.advance(3)
    assert await calling is True
    assert call.count == 3


async def test_they_are_not_repeated_for_ever() -> None:
    clock = FakeClock()
    calling = asyncio.create_task(made_by(ChatLimiter(clock), call := Call(99)))
    await clock.advance(100)
    with pytest.raises(Flood):
        await calling
    assert call.count == TRIES
    with pytest.raises(Flood):
        await made_by(ChatLimiter(clock), call := Call(1, seconds=3600))
    assert call.count == 1


async def test_a_chat_that_must_wait_is_not_called() -> None:
    clock = FakeClock()
    limiter, call = ChatLimiter(clock), Call(1, seconds=10)
    for after, left in ((0, 10), (4, 6), (5, 1)):
        await clock.advance(after)
        with pytest.raises(Flood) as told:
            await made_by(limiter, call, chat_id=5)
        assert told.value.seconds == left
    assert call.count == 1
    assert await made_by(limiter, Call(0), chat_id=6) is True
    await clock.advance(1)
    assert await made_by(limiter, call, chat_id=5) is True
