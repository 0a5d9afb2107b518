"""From what the gateway tells to what is durable, in the order of each channel.

Nothing is acknowledged at the gateway. What cannot be stored is kept and tried again; what a crash takes
from memory is asked for again at the next start, from the newest message that is known to be durable.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from adapters.common.courtesies import Courtesies
from adapters.common.health import Health
from adapters.discord.backfill import Backfill
from adapters.discord.catching import Catching
from adapters.discord.channel import DiscordChannel
from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.errors import DiscordError
from adapters.discord.guilds import Guilds
from adapters.discord.interactions import Interactions
from adapters.discord.lanes import Lanes
from adapters.discord.memory import Recent
from adapters.discord.parts import Json
from adapters.discord.places import Places
from adapters.discord.seen import Seen
from adapters.discord.threads import Threads
from adapters.discord.tokens import Asked, Tokens
from adapters.discord.translate import MALFORMED, Translator
from adapters.discord.world import Me
from bot.errors import StorageError
from bot.types import Event, EventKind

log = logging.getLogger(__name__)
Put = Callable[[Event], Awaitable[bool]]
T = TypeVar("T")
CLOSE_SECONDS = 3.0
TIDY_SECONDS = 3600.0
"""So often what has outlived its term is removed."""


class Intake:
    """`gateway.Listener`. `channel` is told of each event before it is put."""

    def __init__(
        self,
        deps: DiscordDeps,
        connection: Connection,
        health: Health,
        channel: DiscordChannel,
        threads: Threads,
        tokens: Tokens,
        put: Put,
    ) -> None:
        self._deps = deps
        self._health = health
        self._channel = channel
        self._threads = threads
        self._tokens = tokens
        self._put = put
        self._lanes = Lanes()
        self._seen = Seen(deps.store, deps.clock)
        self._backfill = Backfill(deps, connection, self._seen, self._take_missed)
        self._interactions = Interactions(deps, connection, tokens)
        self._catching = Catching(self._lanes, self._backfill.run)
        self._guilds = Guilds(self._seen, self._catching, deps.clock)
        self._reacted: Recent[str, tuple[str, str]] = Recent()
        self._life, self._changes = secrets.token_hex(4), 0
        self._courtesies = Courtesies(DiscordError, StorageError, *MALFORMED)

    async def begin(self, me: Me) -> None:
        """Before the first connection. Waits for the database."""
        self._me = me
        await self._insist(self._seen.load)
        self._tidying = asyncio.create_task(self._tidy())

    def see(self, places: Places) -> None:
        """A connection begins, and this is where guilds are kept."""
        self._places = places
        self._translator = Translator(self._me, places, self._deps.allow_bots)

    async def room(self) -> None:
        await self._lanes.room()

    async def close(self) -> None:
        """What is here is stored, if it can be at once; courtesies under way are left off."""
        self._tidying.cancel()
        await asyncio.gather(self._tidying, return_exceptions=True)
        await self._courtesies.close()
        self._catching.close()
        await self._lanes.close(CLOSE_SECONDS)
        await self._interactions.close(CLOSE_SECONDS)
        await self._seen.close()

    def told(self, name: str, data: Any) -> None:
        if not isinstance(data, dict):
            return
        try:
            if name == "INTERACTION_CREATE":
                self._interaction(data)
            elif name.startswith("MESSAGE_"):
                self._message(name, data)
            else:
                self._guild(name, data)
        except MALFORMED as error:
            log.warning("%s is passed over: %s: %s", name, type(error).__name__, error)

    # messages

    def _message(self, name: str, data: Json) -> None:
        """In its channel's lane, even where it concerns nobody: what is seen must not be noted before
        what came first is stored."""
        events = self._translator.events(name, data, self._deps.clock.time())
        self._deps.telemetry.count("discord_events", kind=name.lower())
        chat, guild = str(data["channel_id"]), str(data.get("guild_id") or "")
        mark = (chat, int(data["id"]), guild) if name == "MESSAGE_CREATE" else None
        if events or mark:
            self._guilds.precede(chat, guild)
        if not events and self._lanes.idle(chat):
            if mark:
                self._seen.note(*mark)
        elif events or mark:
            self._lanes.add(chat, partial(self._store, guild, [*map(self._counted, events)], mark))

    async def _store(self, guild: str, events: list[Event], mark: tuple[str, int, str] | None) -> None:
        if mark and not self._seen.kept(mark[0]):
            await self._insist(partial(self._seen.keep, *mark))
        for event in events:
            await self._insist(partial(self._put_placed, guild, event))
        if mark:
            self._seen.note(*mark)

    async def _put_placed(self, guild: str, event: Event) -> bool:
        if guild and self._places.is_plain(guild, event.address.chat):
            event = await self._threads.place(event)
        elif guild:
            event = await self._threads.trace(event)
        self._channel.heard(event)
        return await self._put(event)

    async def _take_missed(self, message: Json) -> None:
        events = self._translator.events("MESSAGE_CREATE", message, self._deps.clock.time())
        await self._store(str(message.get("guild_id") or ""), events, None)

    def _counted(self, event: Event) -> Event:
        """Discord does not number reactions: a thumb that is put up, taken back and put up again, be it
        after a restart, is told apart by counting. A session told again changes nothing."""
        if event.kind is not EventKind.REACTION:
            return event
        key, _, action = event.id.rpartition(":")
        last, number = self._reacted.get(key) or ("", "")
        if action != last:
            self._changes += 1
            number = f"{self._life}.{self._changes}"
        self._reacted.put(key, (action, number))
        return replace(event, id=f"{event.id}:{number}")

    # guilds

    def _guild(self, name: str, data: Json) -> None:
        now = self._deps.clock.time()
        if name == "READY":
            self._guilds.ready(data)
        elif name == "GUILD_CREATE":
            if self._guilds.available(data, self._places):
                when = str(data.get("joined_at") or int(now))
                self._membership(self._translator.membership(str(data["id"]), when, now, joined=True))
        elif name == "GUILD_DELETE":
            if self._guilds.gone(data):
                event = self._translator.membership(str(data["id"]), str(int(now)), now, joined=False)
                self._membership(event)
        elif name in ("CHANNEL_DELETE", "THREAD_DELETE"):
            self._lanes.add(str(data["id"]), partial(self._removed, str(data["id"])))
        elif name in ("CHANNEL_UPDATE", "THREAD_UPDATE"):
            here = str(data["id"])
            for chat in (here, *self._places.threads(str(data.get("guild_id") or ""), here)):
                self._channel.reopened(chat)
        elif name in ("GUILD_ROLE_UPDATE", "GUILD_MEMBER_UPDATE"):
            self._channel.reopened()

    async def _removed(self, channel: str) -> None:
        """After all that was said in it."""
        self._guilds.removed(channel)

    def _membership(self, event: Event) -> None:
        self._lanes.add(event.address.chat, partial(self._store, "", [event], None))

    # interactions

    def _interaction(self, raw: Json) -> None:
        """Discord is told at once. It is stored in its channel's lane, unless that is catching up."""
        self._deps.telemetry.count("discord_events", kind="interaction_create")
        now = self._deps.clock.time()
        if self._interactions.is_typing(raw):
            return self._courtesies.add(self._interactions.suggest(raw, self._translator, now))
        taken = self._interactions.take(raw, self._translator, now)
        if taken is not None:
            chat = taken[0].address.chat
            lane = f"i:{chat}" if self._catching.busy(chat) else chat
            self._lanes.add(lane, partial(self._asked, raw, *taken))

    async def _asked(self, raw: Json, event: Event, asked: Asked) -> None:
        event = await self._interactions.whole(raw, event, self._translator)
        await self._insist(lambda: self._tokens.remember(asked))
        self._channel.heard(event)
        placed = await self._insist(lambda: self._threads.trace(event))
        await self._insist(lambda: self._put(placed))
        if self._interactions.is_thanked(event):
            self._courtesies.add(self._interactions.thank(raw, event))

    # inside

    async def _tidy(self) -> None:
        while True:
            try:
                await self._tokens.prune()
                await self._threads.prune()
            except StorageError as error:
                log.info("what is old is removed later: %s", error)
            await self._deps.clock.sleep(TIDY_SECONDS)

    async def _insist(self, work: Callable[[], Awaitable[T]]) -> T:
        """Until it is done: a database that fails is waited for."""
        failed = ""
        while True:
            try:
                done = await work()
            except StorageError as error:
                failed = f"the database cannot be used: {error}"
                self._health.ill(failed)
                await self._health.pause()
            else:
                if failed and self._health.state.error == failed:
                    self._health.well()
                return done
