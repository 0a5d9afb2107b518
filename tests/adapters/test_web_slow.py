"""Senders that dawdle, over real sockets: they are cut off, and those on a bad line are not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from adapters.web.app import create_app
from adapters.web.channel import WebChannel
from adapters.web.connections import punctual
from adapters.web.files import Files
from adapters.web.guard import Guard
from adapters.web.server import WebServer
from adapters.web.uploads import MOST_OF_ONE
from bot.clock import SystemClock
from tests.adapters.web_core import Core, Script, house, web_deps
from tests.fakes import Memory

SHORT, PATIENT = 0.2, 10.0
LIMIT = 1_000_000
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def served(app: Any, **given: Any) -> AsyncIterator[str]:
    server = WebServer(app, host="127.0.0.1", port=0, stop_seconds=1, protocol=partial(punctual, **given))
    async with server.lifespan() as url:
        yield url


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


async def drip(wired: Wire, *pieces: bytes, every: float = SHORT / 8) -> bytes:
    """Send a piece now and then until the other side ends it; what it said."""
    reader, writer = wired
    answer = asyncio.ensure_future(reader.read())
    for piece in pieces:
        writer.write(piece)
        await asyncio.wait({answer}, timeout=every)
        if answer.done():
            break
    try:
        return await asyncio.wait_for(answer, PATIENT)
    except ConnectionError:
        return b"reset"


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"G",),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", *[b"X-A: b\r\n"] * 500),
        (*[b"\r\n"] * 500,),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", *[b"\r\n"] * 500),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 500),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n", *[b"x"] * 500),
    ],
    ids=["nothing", "a byte", "a head", "empty lines", "lines after", "a second head", "a body unread"],
)
async def test_who_does_not_come_to_the_end_of_a_head_is_cut_off(pieces: tuple[bytes, ...]) -> None:
    started = asyncio.get_running_loop().time()
    async with served(hello, head_seconds=SHORT) as url, wire(url) as wired:
        said = await drip(wired, *pieces)
    assert said.count(b"HTTP/1.1 200") == sum(piece.count(b"\r\n\r\n") for piece in pieces)
    assert asyncio.get_running_loop().time() - started < PATIENT


async def test_a_slow_head_within_its_time_is_answered_and_so_is_the_next_one() -> None:
    head = [b"GET / HTTP/1.1\r\n", b"Host: x\r\n", b"X-A: b\r\n", b"\r\n"]
    async with served(hello, head_seconds=10 * SHORT) as url, wire(url) as (reader, writer):
        for _ in range(3):
            for piece in head:
                writer.write(piece)
                await asyncio.sleep(SHORT / 4)
            assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200")


async def test_a_stream_outlives_all_limits_and_its_connection_goes_on() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(10):
            await asyncio.sleep(SHORT / 4)
            await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"end"})

    asked = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    guarded = Guard(slow, body_seconds=SHORT / 2)
    async with served(guarded, head_seconds=SHORT) as url, wire(url) as (reader, writer):
        for _ in range(2):
            writer.write(asked)
            said = await reader.readuntil(b"0\r\n\r\n")
            assert said.count(b"still here") == 10


async def test_one_address_has_so_many_connections_and_room_again_when_they_end() -> None:
    async with (
        served(hello, most=3, uncounted=lambda host: False) as url,
        contextlib.AsyncExitStack() as open_ones,
    ):
        wires = [await open_ones.enter_async_context(wire(url)) for _ in range(3)]
        for reader, writer in wires:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await reader.readuntil(b"hi")
        async with wire(url) as over:
            assert b"200" not in await drip(over, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wires[0][1].close()
        await wires[0][1].wait_closed()
        async with wire(url) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await reader.readuntil(b"hi")


async def test_connections_from_this_machine_are_not_counted() -> None:
    async with served(hello, most=1) as url, wire(url), wire(url), wire(url) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.readuntil(b"hi")


def upload(url: str, content: bytes, path: str = "/api/v1/files", more: str = "") -> tuple[bytes, bytes]:
    """Head and body of a file's upload."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        + content
        + b"\r\n--x--\r\n"
    )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\n{more}\r\n"
    )
    return head.encode(), body


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@contextlib.asynccontextmanager
async def page(
    folder: Path, *, seconds: float = PATIENT, speed: float = 8_000, **changes: Any
) -> AsyncIterator[tuple[str, Files]]:
    """The page, behind a guard with short limits besides its own."""
    clock = SystemClock()
    files = Files(folder, clock, limit=LIMIT, least_free=0)
    core = Core(Memory(), WebChannel(clock, files), Script())
    app = create_app(web_deps(core, files=files, **{"access": "open", **changes}))
    guarded = Guard(app, upload_limit=LIMIT, body_seconds=seconds, least_speed=speed)
    async with served(guarded) as url:
        yield url, files


async def test_an_upload_that_drips_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    async with page(tmp_path, seconds=SHORT, speed=8_000) as (url, _), wire(url) as wired:
        head, body = upload(url, b"x" * 100_000)
        said = await drip(wired, head, *[body[n : n + 1] for n in range(1000)])
    assert said.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in said.lower()
    assert b"took too long" in said
    assert kept(tmp_path) == []


@pytest.mark.parametrize("speed", [1_000_000, 1_000])
async def test_an_upload_that_begins_fast_and_stops_is_given_up(tmp_path: Path, speed: int) -> None:
    """However much it brought: nobody buys time for later."""
    async with page(tmp_path, seconds=SHORT, speed=speed) as (url, _), wire(url) as wired:
        head, body = upload(url, b"x" * 100_000)
        assert (await drip(wired, head + body[:50_000])).startswith(b"HTTP/1.1 408")


async def test_who_may_bring_nothing_is_told_before_the_body_comes(tmp_path: Path) -> None:
    async with page(tmp_path, access="invite", loopback=False) as (url, _), wire(url) as (reader, writer):
        head, _ = upload(url, b"x" * 100_000)
        writer.write(head)
        assert (await asyncio.wait_for(reader.readline(), PATIENT)).startswith(b"HTTP/1.1 403")


async def test_one_address_has_so_many_uploads_under_way_and_room_again_when_they_end(tmp_path: Path) -> None:
    async with page(tmp_path) as (url, _), contextlib.AsyncExitStack() as under_way:
        head, body = upload(url, b"x" * 100_000, more="X-Forwarded-For: 203.0.113.9\r\n")
        wires = [await under_way.enter_async_context(wire(url)) for _ in range(MOST_OF_ONE + 1)]
        for _, writer in wires:
            writer.write(head + body[:1_000])
        answers = [asyncio.ensure_future(reader.readline()) for reader, _ in wires]
        done, waiting = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        assert [(await answer)[:12] for answer in done] == [b"HTTP/1.1 429"]
        other = upload(url, b"y", more="X-Forwarded-For: 203.0.113.10\r\nConnection: close\r\n")
        async with wire(url) as wired:
            assert (await drip(wired, *other)).startswith(b"HTTP/1.1 200")
        for _, writer in wires:
            writer.write(body[1_000:])
        assert {(await answer)[:12] for answer in waiting} == {b"HTTP/1.1 200"}
        async with wire(url) as wired:
            later = upload(url, b"z", more="X-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n")
            assert (await drip(wired, *later)).startswith(b"HTTP/1.1 200")


async def test_an_upload_over_a_bad_line_arrives(tmp_path: Path) -> None:
    async with page(tmp_path, seconds=SHORT, speed=20_000) as (url, _), wire(url) as (reader, writer):
        head, body = upload(url, b"x" * 80_000, more="Connection: close\r\n")
        writer.write(head)
        started, size = asyncio.get_running_loop().time(), len(body) // 16 + 1
        for start in range(0, len(body), size):
            writer.write(body[start : start + size])
            await asyncio.sleep(SHORT / 4)
        said = await asyncio.wait_for(reader.read(), PATIENT)
    assert asyncio.get_running_loop().time() - started > 3 * SHORT
    assert said.startswith(b"HTTP/1.1 200")


async def test_a_page_may_tell_of_what_is_too_slow_or_too_large() -> None:
    async def told(scope: Any, status: int, limit: int) -> Response | None:
        return (
            PlainTextResponse(f"{status} {limit}", status) if scope["path"].startswith("/console/") else None
        )

    async def reads(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    path = "/console/plugins/shop/goods/sell"
    async with served(Guard(reads, body_seconds=SHORT, page=told)) as url:
        head, body = upload(url, b"x" * 1_000, path)
        for sent in (body[:-10], b""):
            async with wire(url) as wired:
                said = await drip(wired, head, sent)
            assert said.startswith(b"HTTP/1.1 408")
            assert said.endswith(b"408 16000000")
        async with wire(url) as wired:
            large = head.replace(str(len(body)).encode(), b"99999999")
            said = await drip(wired, large.replace(b"Content-Type", b"Connection: close\r\nContent-Type"))
        assert said.endswith(b"413 16000000")


async def test_who_goes_away_amid_an_upload_leaves_nothing(tmp_path: Path) -> None:
    async with page(tmp_path, seconds=PATIENT, speed=8_000) as (url, _):
        async with wire(url) as (_, writer):
            head, body = upload(url, b"x" * 100_000)
            writer.write(head + body[:50_000])
            await writer.drain()
        async with wire(url) as wired:
            assert b"ok" in await drip(
                wired, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
    assert kept(tmp_path) == []


async def test_who_goes_away_amid_a_form_with_a_file_is_no_failure() -> None:
    sent: list[Any] = []

    async def reads(scope: Any, receive: Any, send: Any) -> None:
        await Request(scope, receive, send).form()

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": "9000"}
    headers |= {"host": "here", "origin": "http://here", "sec-fetch-site": "same-origin"}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    where = {
        "type": "http",
        "method": "POST",
        "path": "/console/plugins/qa/documents/learn",
        "scheme": "http",
    }
    await Guard(reads)({**where, "headers": raw, "query_string": b""}, gone, send)
    assert sent == []


async def test_whole_servers_have_these_limits() -> None:
    async with house() as home, wire(home.url) as wired:
        assert b"ok" in await drip(wired, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
