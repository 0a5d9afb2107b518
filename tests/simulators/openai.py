"""A model server that speaks vLLM's OpenAI API, for tests and benchmarks.

Honest about what vLLM does (0.32, measured): its event shapes, its messages and codes of refusal,
`/tokenize`, `continue_final_message`, usage in a last event without choices, cached tokens of
prefixes seen before. With `transformers` it is `transformers serve` instead (5.19, measured). Fast:
plain asyncio, no framework. What it answers is chosen by its `Behaviour`, or across process borders
by a marker in the last user message, such as ``[[chunks=50 cut=3]]``.

``python -m tests.simulators.openai --port 8000`` prints its URL and serves until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.openai_answers import (
    Behaviour,
    asked,
    events,
    failed,
    marked,
    prompt,
    rendered,
    tokens_of,
    turn,
)
from tests.simulators.openai_pictures import pictures_of

__all__ = ["Behaviour", "Refusal", "Seen", "Server", "tokens_of"]

_MARKER = re.compile(r"\[\[([^\]]+)\]\]")
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 503: "Service Unavailable"}


@dataclass
class Seen:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)


class Server:
    """`url` is the API's root. `requests` and `aborts` tell what was seen; `asked` is set
    when the first answer begins, `aborted` when one is given up."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        model: str = "tiny",
        window: int = 4096,
        key: str = "",
        vllm: bool = True,
        template: bool = True,
        priorities: bool = True,
        tools: bool = True,
        transformers: bool = False,
        old: bool = False,
        pictures: int = 0,
    ) -> None:
        """`tools`: vLLM's flags for them are set. `old`: it refuses a limit on the answer that the
        prompt leaves no room for, as vLLM did before 0.12. `pictures`: how many a request may have; 0: the
        model reads text alone."""
        self.behaviour = behaviour or Behaviour()
        self.models = [] if transformers else [model]
        self.window, self.key, self.vllm = window, key, vllm and not transformers
        self.template, self.priorities, self.tools = template, priorities, tools
        self.transformers, self.old, self.pictures = transformers, old, pictures
        self.requests: list[Seen] = []
        self.aborts = 0
        self.aborted = asyncio.Event()
        self.asked = asyncio.Event()
        self.running = 0
        self.url = ""
        self.prefixes: set[str] = set()
        self.refused = 0

    @property
    def chats(self) -> list[Seen]:
        """The requests for an answer."""
        return [r for r in self.requests if r.path.endswith("/completions")]

    @asynccontextmanager
    async def lifespan(self, port: int = 0) -> AsyncIterator[Server]:
        loop = asyncio.get_running_loop()
        connections: set[_Connection] = set()
        server = await loop.create_server(lambda: _Connection(self, connections), "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield self
        finally:
            server.close()
            for connection in list(connections):
                connection.abort()
            await asyncio.gather(*(c.task for c in connections if c.task), return_exceptions=True)


class Refusal(Exception):
    def __init__(self, status: int, message: str, headers: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


class _Connection(asyncio.Protocol):
    """HTTP/1.1, one request at a time; the connection's end cancels the answer under way."""

    def __init__(self, server: Server, connections: set[_Connection]) -> None:
        self._server, self._connections = server, connections
        self._buffer = b""
        self._room = asyncio.Event()
        self._room.set()
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        if self.task is not None and not self.task.done():
            self.task.cancel()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, path, _ = first.split(" ")
        body = json.loads(rest[:length]) if length else {}
        seen = Seen(method, path, headers, body)
        self._server.requests.append(seen)
        self.task = asyncio.create_task(self._answer(seen))

    async def _answer(self, seen: Seen) -> None:
        server = self._server
        try:
            if server.key and seen.headers.get("authorization") != f"Bearer {server.key}":
                raise Refusal(401, "Unauthorized")
            if seen.path.endswith("/completions"):
                await self._stream(seen)
            else:
                self._json(200, _lookup(server, seen))
        except Refusal as refusal:
            kind = "NotFoundError" if refusal.status == 404 else "BadRequestError"
            error = {"message": refusal.message, "type": kind, "param": None, "code": refusal.status}
            said = {"detail": refusal.message} if server.transformers else {"error": error}
            self._json(refusal.status, said, refusal.headers)
        except BaseException:  # a mistake of the simulator's own must not look like a slow model
            self._transport.abort()
            raise

    def _json(self, status: int, value: object, headers: str = "") -> None:
        body = json.dumps(value).encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n{headers}\r\n"
        )
        self._transport.write(head.encode() + body)

    async def _stream(self, seen: Seen) -> None:
        server = self._server
        plan = _plan(server, seen)
        stream = _events(server, plan, seen.body)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        server.running += 1
        server.asked.set()
        try:
            if plan.first:
                await asyncio.sleep(plan.first)
            await self._write(stream, plan)
        except asyncio.CancelledError:
            server.aborts += 1
            server.aborted.set()
            raise
        finally:
            server.running -= 1

    async def _write(self, stream: Iterable[bytes], plan: Behaviour) -> None:
        write = self._transport.write
        for number, event in enumerate(stream):
            if plan.cut and number >= plan.cut:
                self._transport.close()
                return
            if plan.stall and number >= plan.stall:
                await asyncio.Event().wait()
            if plan.half and number >= plan.half:
                event = event[: len(event) // 2]
            write(b"%x\r\n%b\r\n" % (len(event), event))
            if plan.half and number >= plan.half:
                break
            await self._room.wait()
            if plan.interval or plan.endless:
                await asyncio.sleep(plan.interval)
        write(b"0\r\n\r\n")


def _lookup(server: Server, seen: Seen) -> object:
    if seen.path == "/version":
        return {"version": "0.11.0"}
    if seen.path == "/v1/models":
        owner = "vllm" if server.vllm else "someone"
        extra = (
            {"root": server.models[0], "parent": None, "max_model_len": server.window} if server.vllm else {}
        )
        cards = [
            {"id": m, "object": "model", "created": 1, "owned_by": owner, **extra} for m in server.models
        ]
        return {"object": "list", "data": cards}
    if seen.path == "/tokenize" and server.vllm:
        text = seen.body["prompt"] if "prompt" in seen.body else rendered(seen.body)
        tokens = list(range(tokens_of(text)))
        return {"count": len(tokens), "max_model_len": server.window, "tokens": tokens, "token_strs": None}
    raise Refusal(404, "Not Found")


def _plan(server: Server, seen: Seen) -> Behaviour:
    """The behaviour for this request; raises Refusal as vLLM refuses."""
    plan, body = server.behaviour, seen.body
    chat = seen.path.endswith("/chat/completions")
    if chat and (marker := _MARKER.search(asked(body))):
        plan = marked(plan, marker.group(1))
    if server.refused < plan.busy:
        server.refused += 1
        raise Refusal(503, "The server is overloaded.", f"retry-after: {plan.retry_after}\r\n")
    if plan.status:
        raise Refusal(plan.status, plan.message)
    if plan.unreadable and pictures_of(body):
        raise Refusal(plan.refusal, plan.unreadable)
    if server.transformers:
        _refuse_unexpected(body)
    else:
        _refuse(server, body, chat=chat)
    return plan


def _events(server: Server, plan: Behaviour, body: dict[str, Any]) -> Iterable[bytes]:
    if server.refused < plan.full:
        server.refused += 1
        busy = "The engine is currently busy and cannot accept new requests. Please try again later."
        return [failed(busy, "Service Unavailable", 503), b"data: [DONE]\n\n"]
    room = sys.maxsize if server.transformers else server.window - tokens_of(prompt(body))
    return events(body, plan, _cached(server, body), room, terse=server.transformers)


_FOREIGN = {
    *("top_k", "min_p", "repetition_penalty", "priority", "cache_salt", "chat_template"),
    *("continue_final_message", "add_generation_prompt"),
}


def _refuse_unexpected(body: dict[str, Any]) -> None:
    if unexpected := _FOREIGN & set(body):
        raise Refusal(422, f"Unexpected fields in the request: {unexpected}")


def _refuse(server: Server, body: dict[str, Any], *, chat: bool) -> None:
    """What vLLM refuses, in its words."""
    name, window = body.get("model", server.models[0]), server.window
    if name not in server.models:
        raise Refusal(404, f"The model `{name}` does not exist.")
    if body.get("priority") and not server.priorities:
        raise Refusal(400, "Got priority 10 but Priority scheduling is not enabled.")
    if not body.get("cache_salt", "x") or set(body.get("cache_salt", "")) & set("@/\\\0"):
        raise Refusal(400, "Parameter 'cache_salt' must be … and must not contain '@', '/', '\\', or NUL.")
    if body.get("tools") and not server.tools:
        raise Refusal(
            400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
        )
    if body.get("continue_final_message") and body.get("add_generation_prompt", True):
        raise Refusal(400, "Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
    if chat and not server.template:
        raise Refusal(
            400,
            "As of transformers v4.44, default chat template is no longer allowed, so you must provide "
            "a chat template if the tokenizer does not define one.",
        )
    if (brought := len(pictures_of(body))) and not server.pictures:
        raise Refusal(400, f"{name} is not a multimodal model")
    if brought > server.pictures:
        raise Refusal(400, f"At most {server.pictures} image(s) may be provided in one prompt.")
    most, size = body.get("max_tokens", 1), tokens_of(prompt(body))
    if most > window and not server.old:
        raise Refusal(400, f"max_tokens={most} cannot be greater than max_model_len={window}.")
    if size >= window:
        raise Refusal(
            400,
            f"This model's maximum context length is {window} tokens. However, your prompt contains at "
            f"least {window + 1} input tokens, which exceeds this limit even without any output tokens.",
        )
    if server.old and size + most > window:
        raise Refusal(
            400,
            f"This model's maximum context length is {window} tokens. However, you requested {size + most} "
            f"tokens ({size} in the messages, {most} in the completion). Please reduce the length.",
        )


def _cached(server: Server, body: dict[str, Any]) -> int:
    """Tokens of the longest prefix seen before, in whole messages, per cache salt."""
    salt = body.get("cache_salt", "")
    texts = [turn(m) for m in body.get("messages", ())]
    prefixes = [salt + "".join(texts[: n + 1]) for n in range(len(texts))]
    known = [p for p in prefixes if p in server.prefixes]
    server.prefixes.update(prefixes)
    return tokens_of(known[-1][len(salt) :]) if known else 0


async def _serve(port: int) -> None:
    async with Server().lifespan(port) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(_serve(parser.parse_args().port))
