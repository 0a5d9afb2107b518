"""The newest message seen in each channel: what the gateway has told, and is stored.

The gateway has no acknowledgement. This stands in for it: a message is noted only after it is durable,
and whatever is newer is asked for when a connection begins that is no continuation. So that there is
something to be newer than, a channel is known durably before the first message of it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from bot.errors import StorageError
from bot.plugins.api import Scoped
from bot.ports import Clock, Timer

log = logging.getLogger(__name__)
FLUSH_SECONDS = 2.0
"""A crash forgets so much at most: these messages are asked for again, and are known by their ids."""
_ROWS, _MOST_IN_ROW = 64, 1000
"""Channels are kept in a fixed number of rows, so that a busy moment costs few writes."""
_NAME = "seen:"


class Seen:
    def __init__(self, store: Scoped, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rows: list[dict[str, tuple[int, str]]] = [{} for _ in range(_ROWS)]
        self._changed: set[int] = set()
        self._kept: set[str] = set()
        self._one = asyncio.Lock()
        self._timer: Timer | None = None
        self._flushing: asyncio.Task[None] | None = None
        self.edge = 0
        """The newest message of all that an earlier process has seen; 0 if there was none."""

    async def load(self) -> None:
        """Raises StorageError."""
        for row in (await self._store.items(_NAME)).values():
            for channel, (message, guild) in row.items():
                self._rows[_row(channel)][channel] = (int(message), str(guild))
                self._kept.add(channel)
                self.edge = max(self.edge, int(message))

    def newest(self, channel: str) -> int:
        """The id, 0 if nothing is known of the channel."""
        return self._rows[_row(channel)].get(channel, (0, ""))[0]

    def channels(self) -> Iterator[tuple[str, str]]:
        """(channel, guild) of all, those first in which something was said last."""
        known = [item for row in self._rows for item in row.items()]
        for channel, (_, guild) in sorted(known, key=_newest_first):
            yield channel, guild

    def note(self, channel: str, message: int, guild: str) -> None:
        """Everything in the channel up to this message is durable."""
        if self._set(channel, message, guild):
            self._flush_in(FLUSH_SECONDS if self.kept(channel) else 0.0)

    def kept(self, channel: str) -> bool:
        """Whether a later process will know the channel."""
        return channel in self._kept

    async def keep(self, channel: str, message: int, guild: str) -> None:
        """Have a later process ask for this message, unless it is noted. Raises StorageError."""
        self._set(channel, message - 1, guild)
        await self.flush()

    def forget(self, channel: str) -> None:
        """The channel is not there any more, or not for the bot."""
        if self._rows[_row(channel)].pop(channel, None) is not None:
            self._kept.discard(channel)
            self._changed.add(_row(channel))
            self._flush_in(FLUSH_SECONDS)

    async def flush(self) -> None:
        """Store what is new. Raises StorageError."""
        async with self._one:
            rows, self._changed = self._changed, set()
            for row in sorted(rows):
                shown = self._of_row(row)
                try:
                    await self._store.put(f"{_NAME}{row:02}", shown)
                except StorageError:
                    self._changed |= rows
                    raise
                self._kept.update(channel for channel in shown if channel in self._rows[row])

    async def close(self) -> None:
        """What cannot be stored now is asked for again at the next start."""
        if self._timer is not None:
            self._timer.cancel()
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        try:
            await self.flush()
        except StorageError as error:
            log.info("the newest messages are not noted: %s", error)

    def _set(self, channel: str, message: int, guild: str) -> bool:
        """Whether it is newer."""
        if message <= self.newest(channel):
            return False
        self._rows[_row(channel)][channel] = (message, guild)
        self._changed.add(_row(channel))
        return True

    def _of_row(self, row: int) -> dict[str, Any]:
        own = sorted(self._rows[row].items(), key=_newest_first)
        return {channel: [str(message), guild] for channel, (message, guild) in own[:_MOST_IN_ROW]}

    def _flush_in(self, seconds: float) -> None:
        if self._timer is not None:
            if seconds:
                return
            self._timer.cancel()
        self._timer = self._clock.call_later(seconds, self._due)

    def _due(self) -> None:
        self._flushing = asyncio.create_task(self._flush_beside())

    async def _flush_beside(self) -> None:
        self._timer = None
        try:
            await self.flush()
        except StorageError as error:
            log.info("the newest messages are noted later: %s", error)
            self._flush_in(FLUSH_SECONDS)


def _newest_first(item: tuple[str, tuple[int, str]]) -> int:
    return -item[1][0]


def _row(channel: str) -> int:
    return (int(channel) >> 22) % _ROWS if channel.isdecimal() else 0
