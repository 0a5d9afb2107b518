"""The gateway: the library's client with its sessions and cache of guilds, and a loop of our own.

The library's loop (`Client.connect`) begins at an address written into it, waits by the wall clock, ends
for good on some refusals, and cannot wait when what it tells is not yet taken. This one begins where the
REST root says, tells how it is, and reads on only while there is room. All else is the library's: the
handshake, compression, heartbeats, resuming. What it tells is passed on as Discord sent it, in its order.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import aiohttp
import yarl

from adapters.common.health import Health
from adapters.discord.errors import DiscordError, Refused
from adapters.discord.library import discord
from adapters.discord.rest import Rest
from adapters.discord.translate import MALFORMED
from bot.ports import Clock

log = logging.getLogger(__name__)
CONNECT_SECONDS = 60.0
IDENTIFY_SECONDS = 5.5
"""Between two sessions that begin: Discord takes one in five seconds."""
REFUSALS = {
    4004: "the token is refused",
    4010: "the shard is not valid",
    4011: "more shards are needed",
    4012: "the API's version is not valid",
    4013: "the intents are not valid",
    4014: "an intent is not allowed",
}
BAD_TOKEN, BAD_SHARD, FEW_SHARDS, INTENTS = 4004, 4010, 4011, (4013, 4014)
RESERVE = 5
"""So many of the sessions that may begin in a day are not begun: with the last one, Discord ends them all
and takes the token (https://discord.com/developers/docs/events/gateway#session-start-limit)."""
STEADY_SECONDS, HASTY = 30.0, 3
"""Connections that end sooner than so: after so many in a row, the next waits a moment."""
RESUMES = 5
"""So often in a row a session is taken up where Discord said; then one is begun at the first address."""
_KEPT = ("GUILD_", "CHANNEL_", "THREAD_")
"""What of the gateway's events the library keeps guilds by."""


class GatewayRefused(Exception):
    """The gateway does not take this client as it is."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{REFUSALS[code]} ({code})")
        self.code = code


class Listener(Protocol):
    """Who is told what happens, in order."""

    def told(self, name: str, data: Any) -> None: ...

    async def room(self) -> None: ...


@dataclass(slots=True)
class _Session:
    """What is needed to go on where a connection broke off."""

    id: str | None = None
    sequence: int | None = None
    gateway: yarl.URL | None = None
    alive: bool = False
    """The connection under way has a session."""
    failures: int = 0
    """Connections in a row that had none, or not for long."""


class Bot(discord.Client):
    """`connect` runs until it is cancelled, and raises GatewayRefused."""

    def __init__(
        self,
        rest: Rest,
        listener: Listener,
        health: Health,
        clock: Clock,
        *,
        content: bool,
        shards: int,
        silence: float,
    ) -> None:
        self._rest = rest
        self._listener = listener
        self._health = health
        self._clock = clock
        self._shards = shards
        self._up: set[int] = set()
        self._identifying = asyncio.Lock()
        self._identified_at = -IDENTIFY_SECONDS
        logging.getLogger("discord").setLevel(logging.INFO)  # its debug lines hold what people wrote
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nothing is spoken here
        super().__init__(
            intents=discord.Intents(
                guilds=True,
                guild_messages=True,
                dm_messages=True,
                guild_reactions=True,
                dm_reactions=True,
                message_content=content,
            ),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            heartbeat_timeout=silence,
        )
        parsers = self._connection.parsers
        for name, parse in list(parsers.items()):
            keeps = name.startswith(_KEPT) and not name.startswith("GUILD_MEMBERS")
            parsers[name] = partial(self._receive, name, parse if keeps else None)

    def _get_state(self, **options: Any) -> Any:
        self.http = self._rest
        return super()._get_state(**options)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Nobody listens to the library's own objects."""

    async def connect(self, *, reconnect: bool = True) -> None:
        await self._async_setup_hook()
        count = self._shards or await self._advised()
        self._connection.shard_count = self.shard_count = count
        shards = [asyncio.create_task(self._serve(shard)) for shard in range(count)]
        try:
            done, _ = await asyncio.wait(shards, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in shards:
                task.cancel()
            await asyncio.wait(shards)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The wait between sessions comes before the connection: see `_turn`."""

    async def _turn(self) -> yarl.URL:
        """Where a session begins, once one may."""
        async with self._identifying:
            address = await self._address()
            wait = self._identified_at + IDENTIFY_SECONDS - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
            self._identified_at = self._clock.monotonic()
            return yarl.URL(address)

    async def _serve(self, shard: int) -> None:
        session = _Session()
        while True:
            session.alive, began = False, self._clock.monotonic()
            try:
                await self._follow(shard, session)
            except discord.gateway.ReconnectWebSocket as error:
                if not error.resume:
                    session.id = None
            except discord.ConnectionClosed as error:
                if error.code in REFUSALS:
                    raise GatewayRefused(error.code) from None
                session.id = None
            except Refused as error:
                if error.status == 401:
                    raise GatewayRefused(BAD_TOKEN) from error
                self._health.ill(f"the gateway's address is refused: {error}")
            except (DiscordError, aiohttp.ClientError, OSError, *MALFORMED) as error:
                self._health.ill(f"the gateway cannot be reached: {type(error).__name__}: {error}"[:300])
            self._up.discard(shard)
            steady = session.alive and self._clock.monotonic() - began >= STEADY_SECONDS
            session.failures = 0 if steady else session.failures + 1
            if not session.alive and session.failures >= RESUMES:
                session.id = None
            if not session.alive or session.failures > HASTY:
                await self._health.pause()

    async def _follow(self, shard: int, session: _Session) -> None:
        """One connection, until it ends. Raises what ended it."""
        ws = await self._open(shard, session)
        self._told_by(shard, ws, session)
        try:
            while True:
                await ws.poll_event()
                session.id, session.sequence, session.gateway = ws.session_id, ws.sequence, ws.gateway
                await self._listener.room()
        finally:
            if ws.open:
                await ws.close(code=1000)

    async def _open(self, shard: int, session: _Session) -> discord.gateway.DiscordWebSocket:
        resume = session.id is not None and session.gateway is not None
        gateway = session.gateway if resume else await self._turn()
        async with asyncio.timeout(CONNECT_SECONDS):
            return await discord.gateway.DiscordWebSocket.from_client(
                self,
                gateway=gateway,
                shard_id=shard if (self.shard_count or 1) > 1 else None,
                session=session.id,
                sequence=session.sequence if resume else None,
                resume=resume,
            )

    def _told_by(self, shard: int, ws: discord.gateway.DiscordWebSocket, session: _Session) -> None:
        """The session lives once Discord has said so."""

        def begin(name: str, parse: Callable[[Any], None], data: Any) -> None:
            session.alive = True
            self._up.add(shard)
            if len(self._up) == self.shard_count:
                self._health.well()
            parse(data)

        parsers = {**self._connection.parsers}
        for name in ("READY", "RESUMED"):
            parsers[name] = partial(begin, name, partial(self._receive, name, None))
        ws._discord_parsers = parsers

    def _receive(self, name: str, parse: Callable[[Any], None] | None, data: Any) -> None:
        """What the library cannot read must not hold up the rest."""
        try:
            self._before(name, data)
            if parse is not None:
                parse(data)
        except (*MALFORMED, RuntimeError) as error:
            log.warning("the library cannot read %s: %s: %s", name, type(error).__name__, error)
        self._listener.told(name, data)

    def _before(self, name: str, data: Any) -> None:
        """A session that begins brings the list of guilds: the library must forget the others."""
        if name != "READY":
            return
        self._connection.user = discord.ClientUser(state=self._connection, data=data["user"])
        shard = (data.get("shard") or [0])[0]
        listed = {int(guild["id"]) for guild in data["guilds"]}
        for guild in list(self.guilds):
            if guild.shard_id == shard and guild.id not in listed:
                self._connection._remove_guild(guild)

    async def _address(self) -> str:
        """Where the gateway is, once there are sessions left to begin."""
        while True:
            data = await self._rest.patiently(lambda: self._rest.call("GET", "/gateway/bot"))
            left = data.get("session_start_limit") or {}
            if left.get("remaining", RESERVE + 1) > RESERVE:
                return str(data["url"])
            seconds = max(float(left.get("reset_after", 0)) / 1000, IDENTIFY_SECONDS) + random.random()
            self._health.ill(f"no session may begin for another {seconds:.0f} s: too many were begun")
            await self._clock.sleep(seconds)

    async def _advised(self) -> int:
        while True:
            try:
                data = await self._rest.patiently(lambda: self._rest.call("GET", "/gateway/bot"))
                return max(1, int(data["shards"]))
            except (DiscordError, *MALFORMED) as error:
                self._health.ill(f"cannot be reached: {error}")
                await self._health.pause()
