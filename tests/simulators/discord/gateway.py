"""The gateway: sessions that outlive their sockets, and the events that they are told."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from aiohttp import WSMsgType, web

from tests.simulators.discord.intents import KNOWN, LIMITED_FLAGS, PRIVILEGED, wanted
from tests.simulators.discord.joining import guild_create_json, members_chunks
from tests.simulators.discord.model import Guild, Json
from tests.simulators.discord.sockets import PACKERS, Closing, Socket

if TYPE_CHECKING:
    from tests.simulators.discord.world import World

REASONS = {
    4001: "Unknown opcode.",
    4002: "Error while decoding payload.",
    4003: "Not authenticated.",
    4004: "Authentication failed.",
    4005: "Already authenticated.",
    4007: "Invalid seq.",
    4008: "Rate limited.",
    4009: "Session timed out.",
    4010: "Invalid shard.",
    4011: "Sharding required.",
    4012: "Invalid API version.",
    4013: "Invalid intent(s).",
    4014: "Disallowed intent(s).",
}


@dataclass(frozen=True, slots=True)
class GatewayRules:
    """`resume_seconds`: how long a session lives without a socket, by the simulator's clock; `replay`: how
    many of its events are kept. One identify per `identify_seconds` for each of `max_concurrency` keys.
    `shards`: how many the bot is told to use; `sharding_required`: it may not do with fewer. `sessions`
    may begin in `reset_seconds`: whoever begins more loses the token. `resume_url`: where sessions are told
    to go on, if it is not here."""

    heartbeat_seconds: float = 41.25
    resume_seconds: float = 180.0
    replay: int = 2500
    identify_seconds: float = 5.0
    max_concurrency: int = 1
    shards: int = 1
    sharding_required: bool = False
    sessions: int = 1000
    reset_seconds: float = 86_400.0
    resume_url: str = ""
    commands: tuple[int, float] = (120, 60.0)


@dataclass(eq=False, repr=False, slots=True)
class Session:
    intents: int
    shard: tuple[int, int]
    kept: deque[tuple[int, Json]]
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    seq: int = 0
    socket: Socket | None = None
    lost_at: float = 0.0

    def holds(self, guild: Guild | None) -> bool:
        number, count = self.shard
        return (guild.id >> 22) % count == number if guild else number == 0


class Gateway:
    """`identifies`, `resumes` and `invalidated` count what came to be; `acknowledges`: heartbeats are
    answered. `refusals`: codes that the next sessions are refused with; `sockets` counts those opened."""

    def __init__(self, world: World, rules: GatewayRules) -> None:
        self._world, self.rules = world, rules
        self.sessions: dict[str, Session] = {}
        self.acknowledges = True
        self.refusals: deque[int] = deque()
        self.sockets = 0
        self.identifies = self.resumes = self.invalidated = 0
        self._sockets: set[Socket] = set()
        self._identified: dict[int, float] = {}
        self._begun: deque[float] = deque()

    @property
    def connected(self) -> list[Session]:
        """Sessions with a socket."""
        return [s for s in self.sessions.values() if s.socket is not None]

    def dispatch(
        self, event: str, render: Callable[[int], Json], guild: Guild | None, *, private: bool = False
    ) -> None:
        """Tell all sessions that subscribe to an event; `render` is given the intents of each."""
        there = guild is None or self._world.bot.user.id in guild.members
        if not there and event not in ("GUILD_DELETE", "INTERACTION_CREATE"):
            return
        self._forget()
        for session in self.sessions.values():
            if session.holds(guild) and wanted(event, session.intents, private=private):
                self._send(session, event, render(session.intents))

    def drop(self) -> None:
        """All sockets break."""
        for socket in list(self._sockets):
            socket.abort()

    def close(self, code: int) -> None:
        """Close all sockets; after 4007 and 4009 their sessions are no more."""
        for session in self.connected:
            if session.socket is not None:
                session.socket.send(Closing(code, REASONS.get(code, "")))
            if code in (4007, 4009):
                del self.sessions[session.id]

    def start_limit(self) -> Json:
        """How many sessions may still begin, and how long until it is `sessions` again."""
        rules, now = self.rules, self._world.clock()
        while self._begun and self._begun[0] <= now - rules.reset_seconds:
            self._begun.popleft()
        after = self._begun[0] + rules.reset_seconds - now if self._begun else 0.0
        limit: Json = {"total": rules.sessions, "remaining": max(0, rules.sessions - len(self._begun))}
        return limit | {"reset_after": int(after * 1000), "max_concurrency": rules.max_concurrency}

    def request_reconnect(self) -> None:
        """Ask all to come back on another socket."""
        for session in self.connected:
            if session.socket is not None:
                session.socket.send({"op": 7, "d": None, "s": None, "t": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Sessions become invalid; those that are `resumable` may be resumed all the same."""
        for session in list(self.sessions.values()):
            if not resumable:
                del self.sessions[session.id]
            if session.socket is not None:
                self._invalid(session.socket, resumable=resumable)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self._world.weather.outage:
            return web.Response(status=502)
        response = web.WebSocketResponse(max_msg_size=1 << 20, compress=False, timeout=0.5)
        try:
            await response.prepare(request)
        except ConnectionResetError:  # whoever came is gone again
            return response
        socket = Socket(response, request, self.rules, self._late)
        self._sockets.add(socket)
        self.sockets += 1
        try:
            if problem := _bad_query(request):
                self._close(socket, problem)
            else:
                socket.send({"op": 10, "d": self._hello(), "s": None, "t": None})
            async for message in response:
                if not self._heed(socket, message.type, message.data):
                    break
        finally:
            self._sockets.discard(socket)
            self._lose(socket)
            await socket.finish()
        return response

    def _hello(self) -> Json:
        return {"heartbeat_interval": int(self.rules.heartbeat_seconds * 1000), "_trace": ["simulated"]}

    # what comes from the bot

    def _heed(self, socket: Socket, kind: WSMsgType, data: str | bytes) -> bool:
        """False: enough heard."""
        if kind not in (WSMsgType.TEXT, WSMsgType.BINARY) or socket.closing:
            return False
        if not socket.count(self._world.clock(), self.rules.commands):
            return self._close(socket, 4008)
        try:
            payload = msgspec.json.decode(data)
            op, given = payload["op"], payload.get("d")
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return self._close(socket, 4002)
        if len(data) > 15_360:
            return self._close(socket, 4002)
        if op == 1:
            return self._beat(socket)
        if op in (2, 6):
            if socket.session_id:
                return self._close(socket, 4005)
            return self._identify(socket, given) if op == 2 else self._resume(socket, given)
        if not socket.session_id:
            return self._close(socket, 4003)
        if op == 8:
            return self._members(socket, given)
        return op in (3, 4) or self._close(socket, 4001)

    def _beat(self, socket: Socket) -> bool:
        socket.beat()
        if self.acknowledges and not self._world.weather.heartbeat_missed():
            socket.send({"op": 11, "d": None, "s": None, "t": None})
        return True

    def _identify(self, socket: Socket, given: Json) -> bool:
        world, rules = self._world, self.rules
        shard = given.get("shard", [0, 1])
        if self.refusals:
            socket.send(Closing(code := self.refusals.popleft(), REASONS[code]))
            return False
        if code := self._refusal(given, shard):
            return self._close(socket, code)
        if not self.start_limit()["remaining"]:
            world.bot.token = ""
            return self._close(socket, 4004)
        self._begun.append(world.clock())
        key, now = shard[0] % rules.max_concurrency, world.clock()
        if now - self._identified.get(key, float("-inf")) < rules.identify_seconds:
            return self._invalid(socket)
        self._identified[key] = now
        session = Session(given["intents"], (shard[0], shard[1]), deque(maxlen=rules.replay))
        self.sessions[session.id] = session
        self._connect(session, socket)
        self.identifies += 1
        guilds = [g for g in world.guilds.values() if world.bot.user.id in g.members and session.holds(g)]
        self._send(session, "READY", self._ready(session, guilds))
        for guild in guilds:
            if wanted("GUILD_CREATE", session.intents, private=False):
                shown = guild_create_json(world, guild, session.intents) | {"unavailable": False}
                self._send(session, "GUILD_CREATE", shown)
        world.news.tell()
        return True

    def _refusal(self, given: Json, shard: list[int]) -> int:
        bot, intents = self._world.bot, given.get("intents")
        if given.get("token") != bot.token:
            return 4004
        if not isinstance(intents, int) or intents & ~KNOWN:
            return 4013
        if len(shard) != 2 or not 0 <= shard[0] < shard[1]:
            return 4010
        if self.rules.sharding_required and shard[1] < self.rules.shards:
            return 4011
        switched = sum(bit for name, bit in PRIVILEGED.items() if name in bot.privileged)
        return 4014 if intents & sum(PRIVILEGED.values()) & ~switched else 0

    def _ready(self, session: Session, guilds: list[Guild]) -> Json:
        world = self._world
        flags = sum(bit for name, bit in LIMITED_FLAGS.items() if name in world.bot.privileged)
        user = world.bot.user.json() | {"verified": True, "mfa_enabled": True, "email": None}
        ready: Json = {"v": 10, "user": user, "session_id": session.id, "session_type": "normal"}
        ready |= {"guilds": [{"id": str(g.id), "unavailable": True} for g in guilds]}
        ready |= {"resume_gateway_url": self._url(), "shard": list(session.shard)}
        ready |= {"application": {"id": str(world.bot.user.id), "flags": flags}, "private_channels": []}
        return ready | {"relationships": [], "presences": [], "user_settings": {}, "_trace": ["simulated"]}

    def _url(self) -> str:
        return self.rules.resume_url or self._world.root.replace("http", "ws", 1) + "/gateway/"

    def _resume(self, socket: Socket, given: Json) -> bool:
        self._forget()
        world, session = self._world, self.sessions.get(str(given.get("session_id")))
        if given.get("token") != world.bot.token:
            return self._close(socket, 4004)
        if session is None or world.weather.resume_fails():
            if session is not None:
                del self.sessions[session.id]
            return self._invalid(socket)
        seq = given.get("seq")
        if not isinstance(seq, int) or seq > session.seq:
            return self._close(socket, 4007)
        missed = [(n, event) for n, event in session.kept if n > seq]
        if seq + len(missed) < session.seq:
            del self.sessions[session.id]
            return self._invalid(socket)
        if session.socket is not None:
            session.socket.abort()
        self._connect(session, socket)
        self.resumes += 1
        for _, event in missed:
            socket.send(event)
        self._send(session, "RESUMED", {"_trace": ["simulated"]}, fated=False)
        world.news.tell()
        return True

    def _members(self, socket: Socket, given: Json) -> bool:
        session = self.sessions.get(socket.session_id)
        if session is not None:
            for chunk in members_chunks(self._world, given, session.intents):
                self._send(session, "GUILD_MEMBERS_CHUNK", chunk, fated=False)
        return True

    # what goes to the bot

    def _send(self, session: Session, event: str, data: Json, *, fated: bool = True) -> None:
        session.seq += 1
        payload = {"op": 0, "s": session.seq, "t": event, "d": data}
        session.kept.append((session.seq, payload))
        if session.socket is None:
            return
        fate = self._world.weather.event() if fated and event != "READY" else ""
        if fate == "drop":
            session.socket.abort()
            return
        session.socket.send(payload)
        if fate == "reconnect":
            session.socket.send({"op": 7, "d": None, "s": None, "t": None})

    def _connect(self, session: Session, socket: Socket) -> None:
        session.socket, socket.session_id = socket, session.id

    def _lose(self, socket: Socket) -> None:
        """A socket is gone; its session waits for another, unless the bot said that it is done."""
        session = self.sessions.get(socket.session_id)
        if session is not None and session.socket is socket:
            session.socket, session.lost_at = None, self._world.clock()
            if socket.ended_by_peer:
                del self.sessions[session.id]
        self._world.news.tell()

    def _forget(self) -> None:
        """Sessions that waited too long for a socket end."""
        oldest = self._world.clock() - self.rules.resume_seconds
        for session in list(self.sessions.values()):
            if session.socket is None and session.lost_at < oldest:
                del self.sessions[session.id]

    def _invalid(self, socket: Socket, *, resumable: bool = False) -> bool:
        self.invalidated += 1
        socket.send({"op": 9, "d": resumable, "s": None, "t": None})
        self._world.news.tell()
        return True

    def _late(self, socket: Socket) -> None:
        """No heartbeat came for too long."""
        self._close(socket, 4009)

    def _close(self, socket: Socket, code: int) -> bool:
        socket.send(Closing(code, REASONS[code]))
        self._world.fail(f"gateway: {code} {REASONS[code]}")
        if code in (4007, 4009):
            self.sessions.pop(socket.session_id, None)
        return False


def _bad_query(request: web.Request) -> int:
    query = request.query
    if query.get("v") != "10":
        return 4012
    known = query.get("encoding", "json") == "json" and query.get("compress") in (None, *PACKERS)
    return 0 if known else 4002
