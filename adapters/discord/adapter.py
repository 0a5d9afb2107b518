"""Discord as a platform: intake from the gateway, and the channel back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from adapters.common.entry import entered
from adapters.common.health import Health, State, reported
from adapters.common.lease import Lease
from adapters.discord import commands
from adapters.discord.channel import DiscordChannel
from adapters.discord.check import hurdles, invite
from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.errors import DiscordError, Refused
from adapters.discord.intake import Intake
from adapters.discord.parts import Json
from adapters.discord.threads import Threads
from adapters.discord.tokens import Tokens
from adapters.discord.translate import MALFORMED
from adapters.discord.world import Me
from bot.errors import SettingsError
from bot.types import Event, PlatformState

log = logging.getLogger(__name__)
REJECTED_SECONDS = 300.0
ADVICE = (
    'Discord refuses TERTULIA_DISCORD_TOKEN (%s); copy it again from your application\'s page "Bot" at '
    "https://discord.com/developers/applications"
)
CONTENT_ADVICE = (
    "Discord does not let this bot read all messages, so it answers where it is mentioned, replied to or "
    'written to in private. To change that, switch on "Message Content Intent" on your application\'s '
    'page "Bot" at https://discord.com/developers/applications and start again'
)
Put = Callable[[Event], Awaitable[bool]]


class DiscordAdapter:
    """`bot.ports.Adapter`. Nothing is sent before `lifespan`.

    The channel works until `aclose`, which is to be called when no turn runs any more: in the
    composition root, `stack.push_async_callback(adapter.aclose)` before the core is entered. It needs no
    gateway: any process with the token and the database can send.
    """

    def __init__(self, deps: DiscordDeps) -> None:
        self._deps = deps
        self._connection = Connection(deps.token, deps.api_url, deps.clock)
        self._health = Health("Discord", deps.clock)
        self._link = ""
        """Where the bot is let into a guild, once it is known who it is."""
        self._threads = Threads(deps, self._connection)
        self._tokens = Tokens(deps.store, deps.clock)
        self.channel = DiscordChannel(deps, self._connection, self._threads, self._tokens)

    @property
    def state(self) -> State:
        """Who the bot is, and whether its intake works, and the token is taken on the way back."""
        state, refused = self._health.state, self._connection.refused_since
        if refused and not state.error:
            return replace(state, error=ADVICE % "401 Unauthorized", since=refused)
        return state

    def report(self) -> PlatformState:
        """See `bot.ports.Reporting`."""
        return reported("discord", "gateway", self.state, self._link)

    async def aclose(self) -> None:
        """Close the connections: no call goes out any more."""
        await self._connection.aclose()

    @asynccontextmanager
    async def lifespan(self, put: Put) -> AsyncIterator[None]:
        """Intake runs while entered, and outlives every failure of Discord's and of the database's.

        Raises SettingsError if Discord refuses the token within a few seconds; a Discord that cannot be
        reached is waited for, beside.
        """
        async with entered(partial(self._run, put), self._deps.clock, self._health):
            yield

    async def _run(self, put: Put, token: asyncio.Future[None]) -> None:
        me = await self._identify(token)
        self._link = invite(me.application)
        lease = Lease(
            f"discord:{me.id}", self._deps.holder, self._deps.leases, self._deps.clock, self._health
        )
        beside = asyncio.create_task(commands.refresh(self._deps, self._connection, me.application))
        try:
            await lease.hold(lambda: self._listen(me, put))
        finally:
            await lease.release()
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)

    async def _listen(self, me: Me, put: Put) -> None:
        """Take what comes, while this process holds the gateway."""
        intake = Intake(
            self._deps, self._connection, self._health, self.channel, self._threads, self._tokens, put
        )
        await intake.begin(me)
        try:
            await self._connect(me, intake)
        finally:
            await intake.close()

    async def _connect(self, me: Me, intake: Intake) -> None:
        """As the operator wants it, or else as Discord allows it."""
        from adapters.discord.gateway import (
            BAD_SHARD,
            BAD_TOKEN,
            FEW_SHARDS,
            INTENTS,
            Bot,
            GatewayRefused,
        )
        from adapters.discord.places import Places

        deps, content, shards = self._deps, self._deps.message_content, self._deps.shards
        while True:
            bot = Bot(
                self._connection.rest,
                intake,
                self._health,
                deps.clock,
                content=content,
                shards=shards,
                silence=deps.silence,
            )
            intake.see(Places(bot, me.id))
            try:
                await bot.connect()
            except GatewayRefused as error:
                if error.code in INTENTS and content:
                    log.error(CONTENT_ADVICE)
                    content = False
                elif error.code in (BAD_SHARD, FEW_SHARDS) and shards:
                    log.error("Discord refuses %d shards; as many as it advises are used", shards)
                    shards = 0
                else:
                    known = error.code == BAD_TOKEN
                    told = ADVICE % error if known else f"Discord refuses the connection: {error}"
                    self._health.ill(told, level=logging.ERROR)
                    await self._health.pause(REJECTED_SECONDS)

    async def _identify(self, token: asyncio.Future[None]) -> Me:
        """Who the bot is, however often it must be asked. `token` is told whether it is accepted."""
        rest = self._connection.rest
        while True:
            try:
                user = await rest.patiently(lambda: rest.call("GET", "/users/@me"))
                application = await rest.patiently(lambda: rest.call("GET", "/applications/@me"))
                me = Me(str(user["id"]), str(user["username"]), str(application["id"]))
            except Refused as error:
                if error.status != 401:
                    self._health.ill(f"cannot be reached: {error}")
                    await self._health.pause()
                    continue
                advice = ADVICE % error
                self._health.ill(advice, level=logging.ERROR)
                if not token.done():
                    token.set_exception(SettingsError(advice))
                await self._health.pause(REJECTED_SECONDS)
            except (DiscordError, *MALFORMED) as error:
                self._health.ill(f"cannot be reached: {error}")
                await self._health.pause()
            else:
                self._health.known_as(me.name)
                if not token.done():
                    token.set_result(None)
                _advise(me, application)
                return me


def _advise(me: Me, application: Json) -> None:
    """Tell the operator what is still to be done on Discord's side."""
    for words in hurdles(application):
        log.error("Discord: %s (https://discord.com/developers/applications)", words)
    if application.get("approximate_guild_count") == 0:
        log.info("Discord: %s is in no server yet; let it into one: %s", me.name, invite(me.application))
