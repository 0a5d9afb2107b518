"""Which guilds are there, and what may have been missed in them."""

from __future__ import annotations

from typing import Any

from adapters.discord.catching import Catching
from adapters.discord.parts import Json
from adapters.discord.places import Places
from adapters.discord.seen import Seen
from adapters.discord.world import moment
from bot.ports import Clock

MOST_PRIVATE = 1000
"""Private chats that are caught up with: those in which something was said last. Discord does not tell
what is new in them, so each costs a call."""
FORGET_SECONDS = 90 * 86400.0
"""After so long a silence a thread that is in the archive, or a private chat, is not caught up with."""


class Guilds:
    """Methods do not wait."""

    def __init__(self, seen: Seen, catching: Catching, clock: Clock) -> None:
        self._seen = seen
        self._catching = catching
        self._clock = clock
        self._told: dict[str, bool] = {}
        """By guild: whether this session has told what is in it."""
        self._old: dict[str, list[str]] = {}
        """By guild: channels in which nothing was said for long."""

    def ready(self, data: Json) -> None:
        """A session begins: guilds are told of anew, and whatever came before it may be missed."""
        shard, count = (data.get("shard") or [0, 1])[:2]
        listed = {str(guild["id"]) for guild in data["guilds"]}
        for guild in [g for g in self._told if _shard(g, count) == shard and g not in listed]:
            del self._told[guild]
        self._told |= dict.fromkeys(listed, False)
        own = [(c, g) for c, g in self._seen.channels() if _shard(g or "0", count) == shard]
        for channel, guild in own:
            if guild and guild not in listed:
                self._seen.forget(channel)
            elif guild and self._is_old(channel):
                self._old.setdefault(guild, []).append(channel)
        self._catch_up_private([channel for channel, guild in own if not guild])

    def available(self, data: Json, places: Places) -> bool:
        """A guild is told of, with the newest message of each channel; True if the bot was let into it
        just now."""
        guild = str(data["id"])
        if data.get("unavailable"):
            return False
        known, last = guild in self._told, dict(places.readable(guild))
        self._told[guild] = True
        for channel, newest in sorted(last.items(), key=lambda item: -item[1]):
            self._begin(channel, newest, guild, known=known)
        for channel in self._old.pop(guild, ()):
            if channel not in last and self._is_old(channel):
                self._seen.forget(channel)
        return not known

    def gone(self, data: Json) -> bool:
        """A guild is away; True if it is so for good."""
        guild = str(data["id"])
        if data.get("unavailable"):
            return False
        for channel in [c for c, g in self._seen.channels() if g == guild]:
            self.removed(channel)
        return self._told.pop(guild, None) is not None

    def removed(self, channel: str) -> None:
        """A channel or a thread is deleted."""
        self._catching.drop(channel)
        self._seen.forget(channel)

    def precede(self, channel: str, guild: str) -> None:
        """Something happens in the channel: what was missed in it comes first. As long as its guild is
        not told of, anything may be."""
        if guild and not self._told.get(guild) and (newest := self._seen.newest(channel)):
            self._catching.want(channel, guild, newest, lazily=True)
        self._catching.first(channel)

    def _catch_up_private(self, channels: list[str]) -> None:
        """`channels`: those first in which something was said last."""
        for number, channel in enumerate(channels):
            if self._is_old(channel):
                self._seen.forget(channel)
            else:
                newest = self._seen.newest(channel)
                self._catching.want(channel, "", newest, lazily=number >= MOST_PRIVATE)

    def _begin(self, channel: str, newest: int, guild: str, *, known: bool) -> None:
        """Channels not known yet count from now on; of one that was opened while nobody was here (its
        id is newer than all that was seen) everything was missed."""
        seen, edge = self._seen.newest(channel), self._seen.edge
        if not seen and known and edge and int(channel) > edge:
            seen = int(channel) - 1
            self._seen.note(channel, seen, guild)
        if not seen:
            self._seen.note(channel, newest or int(channel), guild)
        elif newest > seen:
            self._catching.want(channel, guild, newest)

    def _is_old(self, channel: str) -> bool:
        return moment(str(self._seen.newest(channel))) < self._clock.time() - FORGET_SECONDS


def _shard(guild: str, count: Any) -> int:
    return (int(guild) >> 22) % int(count)
