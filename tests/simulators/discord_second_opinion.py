"""A second opinion on Discord: what the package SimCord makes of the bot's calls, served over HTTP and a
websocket as Discord's REST API and gateway.

SimCord lives in one process with a bot of discord.py's, whose HTTP client and loop it takes over. Here
that bot is an onlooker that does nothing: SimCord's people need one. The bot under test is another client
of the same world, and comes in over the network as it would to Discord: SimCord's routes answer its calls,
and SimCord's gateway says which events its intents let it have, and what of a message's content.

What SimCord has not, and is served here: who the application is, where the gateway is, the handshake and
the heartbeats. Sessions are never resumed: SimCord keeps no events to send again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar

import discord
from aiohttp import WSMsgType, web
from simcord._clock import Clock
from simcord.backend import serializers
from simcord.backend.errors import BackendError
from simcord.env import Env
from simcord.gateway import FakeGateway
from simcord.http.router import RouteNotImplemented, UnsupportedField, dispatch

from tests.simulators.telegram.news import News

T = TypeVar("T")
ROOT = "/api/v10"
HEARTBEAT_MS = 41_250
_CDN = "https://cdn.simcord.invalid"
_OF_NO_ONE = ("/interactions/", "/webhooks/")
"""Routes whose token is in their path."""


class WallClock(Clock):
    """Time as it is: SimCord's own stands still, and the bot's does not."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class _Parsers(dict[str, Callable[[Any], None]]):
    """Every event goes the same way."""

    def __init__(self, send: Callable[[str, Any], None]) -> None:
        self._send = send

    def __missing__(self, event: str) -> Callable[[Any], None]:
        return partial(self._send, event)


class _Session:
    """One of the bot's connections. `gateway` is SimCord's, with the intents that the bot named."""

    def __init__(
        self, server: SimCord, socket: web.WebSocketResponse, abort: Callable[[], None], intents: int
    ) -> None:
        self.socket = socket
        self.abort = abort
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._number = 0
        state = SimpleNamespace(
            intents=discord.Intents._from_value(intents), parsers=_Parsers(self._dispatch)
        )
        self.gateway = FakeGateway(server.env.backend, state)

    def _dispatch(self, event: str, data: Any) -> None:
        self._number += 1
        self.put({"op": 0, "s": self._number, "t": event, "d": data})

    def put(self, payload: dict[str, Any]) -> None:
        self._waiting.put_nowait(payload)

    async def send(self, text: Callable[[Any], str]) -> None:
        """In order, until cancelled or closed."""
        while not self.socket.closed:
            payload = await self._waiting.get()
            try:
                await self.socket.send_str(text(payload))
            except ConnectionError:
                return


@dataclass
class SimCord:
    """``async with simcord() as server:`` serves at `server.url` for the bot with `server.token`; `env` is
    SimCord's world."""

    env: Env
    url: str = ""
    token: str = "simcord.bridged.token"

    def __post_init__(self) -> None:
        self.errors: list[str] = []
        """Calls that are refused though neither rights nor something gone (403, 404) stood in their way,
        and calls and fields that SimCord does not know."""
        self.sessions: list[_Session] = []
        self.news = News()
        self.env.backend.clock = WallClock()
        self.env.backend.bot_user.name = "Tertulia"
        self.env.backend.subscribers.append(self._told)

    @property
    def connected(self) -> int:
        return len(self.sessions)

    async def until(self, predicate: Callable[[], T | None], within: float = 10.0) -> T:
        value = await self.news.until(predicate, within)
        assert value is not None
        return value

    def drop(self) -> None:
        """All sockets break."""
        for session in self.sessions:
            session.abort()

    # the bot's calls

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/gateway/", self._connect)
        app.router.add_get("/cdn/{path:.+}", self._file)
        app.router.add_route("*", f"{ROOT}/{{path:.+}}", self._call)
        return app

    async def _call(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0].removeprefix(ROOT)
        status, answer = await self._answer(request, path)
        if status in (400, 401, 405, 501):
            self.errors.append(f"{request.method} {path}: {answer}")
        self.news.tell()
        if answer is None:
            return web.Response(status=204)
        return web.Response(status=status, text=self._text(answer), content_type="application/json")

    async def _answer(self, request: web.Request, path: str) -> tuple[int, Any]:
        if not path.startswith(_OF_NO_ONE) and request.headers.get("Authorization") != f"Bot {self.token}":
            return 401, {"code": 0, "message": "401: Unauthorized"}
        if path == "/gateway/bot":
            limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
            return 200, {"url": self._gateway, "shards": 1, "session_start_limit": limit}
        given, files = await _body(request)
        known = {"/applications/@me": "/oauth2/applications/@me"}.get(path, path)
        query = dict(request.query)
        try:
            return 200, dispatch(
                self.env.backend, request.method, known, json=given, params=query, files=files
            )
        except (RouteNotImplemented, UnsupportedField) as error:
            return 501, {"code": 0, "message": str(error)}
        except BackendError as error:
            return error.status, error.to_json()

    async def _file(self, request: web.Request) -> web.Response:
        blob = self.env.backend.cdn.get(f"{_CDN}/{request.match_info['path']}")
        return web.Response(status=404) if blob is None else web.Response(body=blob)

    @property
    def _gateway(self) -> str:
        return self.url.removesuffix(ROOT).replace("http", "ws", 1) + "/gateway/"

    def _text(self, payload: Any) -> str:
        """Files are kept here, too: the bot fetches them only from where its API is, or from Discord."""
        return json.dumps(payload).replace(_CDN, self.url.removesuffix(ROOT) + "/cdn")

    # what the bot is told

    def _told(self, event: str, payload: Mapping[str, Any]) -> None:
        for session in self.sessions:
            session.gateway.feed(event, payload)
        self.news.tell()

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        transport = request.transport
        assert transport is not None
        await socket.send_str(json.dumps({"op": 10, "d": {"heartbeat_interval": HEARTBEAT_MS}}))
        session: _Session | None = None
        sending: asyncio.Task[None] | None = None
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                payload = json.loads(message.data)
                if payload["op"] == 1:
                    await socket.send_str(json.dumps({"op": 11}))
                elif payload["op"] == 6:
                    await socket.send_str(json.dumps({"op": 9, "d": False}))
                elif payload["op"] == 2 and payload["d"]["token"] != self.token:
                    await socket.close(code=4004)
                elif payload["op"] == 2 and session is None:
                    session = self._identify(socket, transport.abort, payload["d"]["intents"])
                    sending = asyncio.create_task(session.send(self._text))
        finally:
            if session is not None and sending is not None:
                self.sessions.remove(session)
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        return socket

    def _identify(self, socket: web.WebSocketResponse, abort: Callable[[], None], intents: int) -> _Session:
        backend, session = self.env.backend, _Session(self, socket, abort, intents)
        ready: dict[str, Any] = {"v": 10, "user": dict(serializers.user_payload(backend.bot_user))}
        ready |= {"session_id": f"simcord-{id(session)}", "resume_gateway_url": self._gateway}
        ready |= {"guilds": [{"id": str(guild), "unavailable": True} for guild in backend.guilds]}
        ready |= {"shard": [0, 1], "application": {"id": str(backend.application_id), "flags": 0}}
        session.gateway.feed("READY", ready)
        for guild in backend.guilds.values():
            session.gateway.feed("GUILD_CREATE", serializers.guild_create_payload(backend, guild))
        self.sessions.append(session)
        self.news.tell()
        return session


async def _body(request: web.Request) -> tuple[Any, list[Any]]:
    """The JSON of a request, and the files beside it as SimCord takes them."""
    if not request.content_type.startswith("multipart/"):
        return json.loads(await request.read() or b"null"), []
    given = await request.post()
    files = [
        SimpleNamespace(fp=part.file, filename=part.filename, description=None)
        for part in given.values()
        if isinstance(part, web.FileField)
    ]
    return json.loads(str(given["payload_json"])), files


@asynccontextmanager
async def simcord() -> AsyncIterator[SimCord]:
    """SimCord's world is there until the block ends; one at a time in a loop."""
    onlooker = discord.Client(intents=discord.Intents.all())
    server = SimCord(Env(onlooker))
    runner = web.AppRunner(server.application(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}{ROOT}"
    await server.env.start()
    try:
        yield server
    finally:
        server.drop()
        await runner.cleanup()
        await server.env.shutdown()
