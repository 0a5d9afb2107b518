"""A model server as fast as Python allows: what it costs must not hide what Tertulia costs.

It speaks as much of vLLM's API as Tertulia uses. An answer has `max_tokens` chunks of one word,
each an event written by itself. `/arrivals` tells when each question came in
(`time.monotonic`, which all processes of a machine share). A token is four bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec

WINDOW = 32_768
CHUNKS = 3
"""Of an answer without `max_tokens`."""
FRAME = 4
"""Tokens around a message."""
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class _Message(msgspec.Struct):
    content: str | None = ""


class _Body(msgspec.Struct):
    messages: list[_Message] = []
    prompt: str = ""
    max_tokens: int = CHUNKS


class _Connection(asyncio.Protocol):
    def __init__(self, arrivals: dict[str, float], interval: float, window: int) -> None:
        self._arrivals, self._interval, self._window = arrivals, interval, window
        self._buffer = b""
        self._answer: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None:
            self._answer.cancel()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._buffer += data
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        lower = head.lower()
        _, _, length = lower.partition(b"content-length:")
        size = int(length.split(b"\r\n", 1)[0]) if length else 0
        if len(rest) < size:
            return
        self._buffer = rest[size:]
        path = head.split(b" ", 2)[1]
        body = msgspec.json.decode(rest[:size], type=_Body) if size else _Body()
        self._route(path, body, now)

    def _route(self, path: bytes, body: _Body, now: float) -> None:
        if path.endswith(b"/chat/completions"):
            self._arrivals[(body.messages[-1].content or "").partition("\n")[0]] = now
            self._stream(body)
        elif path == b"/arrivals":
            self._json(self._arrivals)
            self._arrivals.clear()
        elif path == b"/tokenize":
            self._json({"count": _tokens(body), "max_model_len": self._window, "tokens": []})
        else:
            card = {"id": "fast", "object": "model", "owned_by": "vllm", "max_model_len": self._window}
            self._json({"object": "list", "data": [card]})

    def _json(self, value: object) -> None:
        body = msgspec.json.encode(value)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)

    def _stream(self, body: _Body) -> None:
        if self._interval:
            self._answer = asyncio.create_task(self._pace(body))
            return
        self._transport.write(_HEAD)
        for event in _events(body):
            self._transport.write(event)

    async def _pace(self, body: _Body) -> None:
        self._transport.write(_HEAD)
        for event in _events(body):
            await asyncio.sleep(self._interval)
            self._transport.write(event)


def _tokens(body: _Body) -> int:
    texts = [m.content or "" for m in body.messages]
    return sum(len(t) // 4 + FRAME for t in texts) + len(body.prompt) // 4


def _events(body: _Body) -> Iterator[bytes]:
    choice: dict[str, Any] = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fast"}
    word = _event({**head, "choices": [{**choice, "logprobs": None}]})
    for _ in range(body.max_tokens):
        yield word
    yield _event({**head, "choices": [{**choice, "delta": {"content": ""}, "finish_reason": "stop"}]})
    prompt = _tokens(body)
    usage = {"prompt_tokens": prompt, "completion_tokens": body.max_tokens, "total_tokens": prompt}
    yield _event({**head, "choices": [], "usage": usage}) + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def _event(value: object) -> bytes:
    return _framed(b"data: " + msgspec.json.encode(value) + b"\n\n")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@contextmanager
def model_server(*, interval: float = 0.0, window: int = WINDOW) -> Iterator[str]:
    """The server in a process of its own; its root URL. `interval`: seconds between two events."""
    command = [sys.executable, "-m", "benchmarks.model", "--interval", str(interval), "--window", str(window)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def _serve(interval: float, window: int) -> None:
    arrivals: dict[str, float] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(arrivals, interval, window), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    parser = argparse.ArgumentParser()
    parser.add_argument("--interval", type=float, default=0.0)
    parser.add_argument("--window", type=int, default=WINDOW)
    given = parser.parse_args()
    uvloop.run(_serve(given.interval, given.window))
