"""The server itself: how its connections are set up, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapters.web.connections import punctual
from adapters.web.server import WebServer

ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


@pytest.mark.parametrize("ends", [True, False], ids=["an answer", "a stream"])
async def test_who_reads_nothing_does_not_hold_up_the_end(ends: bool) -> None:
    sent = asyncio.Event()

    async def much(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 8_000_000, "more_body": not ends})
        sent.set()
        while not ends:
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})

    server = WebServer(much, host="127.0.0.1", port=0, stop_seconds=0)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        async with server.intake() as url:
            at = urlsplit(url)
            reader.connect((at.hostname, at.port))
            reader.send(ASKED)
            await sent.wait()
        await server.aclose()


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    at = urlsplit(url)
    return await asyncio.open_connection(at.hostname, at.port)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_body_does_not_wait_until_its_head_is_acknowledged(host: str) -> None:
    told: list[int] = []

    class Seen(punctual()):  # type: ignore[misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            wire = transport.get_extra_info("socket")
            told.append(wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            super().connection_made(transport)

    async with WebServer(hello, host=host, port=0, protocol=lambda: Seen).lifespan() as url:
        reader, writer = await connect(url)
        writer.write(ASKED)
        assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200")
        writer.close()
    assert [bool(value) for value in told] == [True]


@pytest.mark.parametrize("sent", [b"", b"GET / HT", ASKED], ids=["nothing", "half a head", "a request"])
async def test_at_the_end_who_has_nothing_under_way_is_let_go(sent: bytes) -> None:
    async with WebServer(hello, host="127.0.0.1", port=0).lifespan() as url:
        reader, writer = await connect(url)
        writer.write(sent)
        if sent == ASKED:
            assert await reader.readuntil(b"hi")
        else:
            await asyncio.sleep(0)
    assert await reader.read() == b""
    writer.close()


async def test_what_is_under_way_at_the_end_is_answered_whole_and_nobody_else_is_let_in() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await go_on.wait()
        await hello(scope, receive, send)

    server = WebServer(slow, host="127.0.0.1", port=0)
    async with server.intake() as url:
        reader, writer = await connect(url)
        writer.write(ASKED)
        await begun.wait()
    with pytest.raises(ConnectionRefusedError):
        await connect(url)
    go_on.set()
    await server.aclose()
    said = await reader.read()
    assert said.startswith(b"HTTP/1.1 200")
    assert said.endswith(b"hi")
    writer.close()
