"""Messages that came while no connection was open, from the channels' histories."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.errors import DiscordError, Refused
from adapters.discord.parts import Json
from adapters.discord.seen import Seen
from bot.ports import Clock

log = logging.getLogger(__name__)
PAGE = 100
AT_ONCE = 8
LONGEST_PAUSE = 60.0
FRESH_SECONDS = 60.0
"""So long what a member is counts, within one catching up: a role that is taken away opens nothing."""
_NOBODY: Json = {"roles": [], "permissions": "0"}
"""Whoever is no member (any more), or cannot be asked about: no roles, no rights."""
Take = Callable[[Json], Awaitable[None]]
Members = dict[str, tuple[float, Json]]
"""By user: who they are in the guild, and when that was asked."""


class Backfill:
    def __init__(self, deps: DiscordDeps, connection: Connection, seen: Seen, take: Take) -> None:
        """`take` puts one message; it returns when it is durable."""
        self._deps = deps
        self._clock: Clock = deps.clock
        self._connection = connection
        self._seen = seen
        self._take = take
        self._few = asyncio.Semaphore(AT_ONCE)

    async def run(self, channel: str, guild: str) -> None:
        """Take what is newer in the channel than what was seen, oldest first, as much as is allowed."""
        left, members = self._deps.backfill_limit, Members()
        while left > 0:
            size = min(PAGE, left)
            page = await self._page(channel, self._seen.newest(channel), size)
            for message in page:
                await self._take(await self._whole(message, guild, members))
                self._seen.note(channel, int(message["id"]), guild)
            self._deps.telemetry.count("discord_backfilled", len(page))
            left -= len(page)
            if len(page) < size:
                return
        log.warning("channel %s: more was missed than the %d messages that are caught up with",
                    channel, self._deps.backfill_limit)  # fmt: skip

    async def _page(self, channel: str, after: int, size: int) -> list[Json]:
        """The next messages, oldest first; nothing of a channel that is closed to the bot."""

        def ask() -> Awaitable[Any]:
            return self._connection.rest.call(
                "GET", "/channels/{channel_id}/messages", channel_id=channel, after=after, limit=size
            )

        found = await self._insist(ask, f"channel {channel}")
        readable = [m for m in found or () if isinstance(m, dict) and str(m.get("id")).isdecimal()]
        return sorted(readable, key=lambda message: int(message["id"]))

    async def _whole(self, message: Json, guild: str, members: Members) -> Json:
        """The message as the gateway tells it: with its guild, and with who its author is there now."""
        author = message.get("author")
        if not guild or not isinstance(author, dict):
            return message
        return {
            **message,
            "guild_id": guild,
            "member": await self._member(guild, str(author.get("id")), members),
        }

    async def _member(self, guild: str, user: str, members: Members) -> Json:
        def ask() -> Awaitable[Any]:
            path = "/guilds/{guild_id}/members/{user_id}"
            return self._connection.rest.call("GET", path, guild_id=guild, user_id=user)

        now = self._clock.monotonic()
        asked, known = members.get(user, (now - FRESH_SECONDS, _NOBODY))
        if now - asked >= FRESH_SECONDS:
            found = await self._insist(ask, f"member {user}")
            known = found if isinstance(found, dict) else _NOBODY
            members[user] = (self._clock.monotonic(), known)
        return known

    async def _insist(self, ask: Callable[[], Awaitable[Any]], what: str) -> Any:
        """However long an outage takes; None for what is refused."""
        pause = 1.0
        while True:
            try:
                async with self._few:
                    return await self._connection.rest.patiently(ask)
            except Refused as error:
                if error.status != 401:
                    log.info("%s cannot be caught up with: %s", what, error)
                    return None
                log.warning("catching up waits: %s", error)
            except DiscordError as error:
                log.info("catching up waits: %s", error)
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
