"""Which guilds are there, and what may have been missed in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from adapters.discord.parts import Json
from adapters.discord.places import Places
from adapters.discord.seen import Seen

MOST_PRIVATE = 1000
"""Private chats that are caught up with: those in which something was said last. Discord does not tell
what is new in them, so each costs a call."""


class Guilds:
    """`catch_up` (channel, guild) is called for each channel in which something may have been missed;
    it must not wait."""

    def __init__(self, seen: Seen, catch_up: Callable[[str, str], None]) -> None:
        self._seen = seen
        self._catch_up = catch_up
        self._there: dict[str, asyncio.Event] = {}
        self._last: dict[str, dict[str, int]] = {}
        """By guild: the newest message of each channel, as it was when the guild was told."""

    def ready(self, data: Json) -> None:
        """A session begins: guilds are told of anew, and whatever came before it may be missed."""
        shard, count = (data.get("shard") or [0, 1])[:2]
        listed = {str(guild["id"]) for guild in data["guilds"]}
        for guild in [g for g in self._there if _shard(g, count) == shard and g not in listed]:
            self._there.pop(guild).set()
        for guild in listed:
            self._there.setdefault(guild, asyncio.Event()).clear()
        private = 0
        for channel, guild in list(self._seen.channels()):
            if guild in listed:
                self._catch_up(channel, guild)
            elif not guild and shard == 0 and private < MOST_PRIVATE:
                private += 1
                self._catch_up(channel, guild)

    def available(self, data: Json, places: Places) -> bool:
        """A guild is told of; True if the bot was let into it just now."""
        guild = str(data["id"])
        if data.get("unavailable"):
            return False
        self._last[guild] = last = dict(places.readable(guild))
        known = guild in self._there
        there = self._there.setdefault(guild, asyncio.Event())
        self._begin(guild, last, known=known)
        there.set()
        return not known

    def gone(self, data: Json) -> bool:
        """A guild is away; True if it is so for good."""
        guild = str(data["id"])
        if data.get("unavailable"):
            return False
        self._last.pop(guild, None)
        self._seen.forget(guild)
        there = self._there.pop(guild, None)
        if there is not None:
            there.set()
        return there is not None

    async def has_news(self, channel: str, guild: str) -> bool:
        """Whether something newer than what was seen may be in the channel, once its guild is there."""
        if not guild:
            return True
        there = self._there.get(guild)
        if there is not None:
            await there.wait()
        last = self._last.get(guild, {}).get(channel)
        return last is not None and last > self._seen.newest(channel)

    def _begin(self, guild: str, last: dict[str, int], *, known: bool) -> None:
        """Channels not known yet count from now on; of one that was opened while nobody was here (its
        id is newer than all that was seen) everything was missed."""
        edge = self._seen.edge
        for channel, newest in last.items():
            if self._seen.newest(channel):
                continue
            if known and edge and int(channel) > edge:
                self._seen.note(channel, int(channel) - 1, guild)
                self._catch_up(channel, guild)
            else:
                self._seen.note(channel, newest or int(channel), guild)


def _shard(guild: str, count: Any) -> int:
    return (int(guild) >> 22) % int(count)
