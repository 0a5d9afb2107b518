"""Photos and files that were sent together: Telegram brings each as a message, people mean one.

Each message of an album is stored by itself, at once: a webhook brings the next one only when the
one before is acknowledged. When nothing has been added for a moment, the album is put as one event.
Which messages it holds is noted before, so that after a crash those that come again are known, and
one that comes late is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from bot.errors import StorageError
from bot.plugins.api import Scoped
from bot.ports import Clock, Timer
from bot.types import Event, EventKind, Part, PartKind

log = logging.getLogger(__name__)
QUIET_SECONDS = 0.7
AGAIN_SECONDS = 2.0
KEEP_SECONDS = 24 * 3600.0
"""How long it is known which messages an album held."""
_PART, _ALBUM = "album-part:", "album:"
_PRUNE_EVERY = 100


@dataclass(slots=True, eq=False)
class _Open:
    """An album that may still grow. `last` is its newest message."""

    last: Event
    putting: asyncio.Lock = field(default_factory=asyncio.Lock)
    timer: Timer | None = None


class Albums:
    """One for all chats of a bot."""

    def __init__(self, put: Callable[[Event], Awaitable[bool]], store: Scoped, clock: Clock) -> None:
        self._put = put
        self._store = store
        self._clock = clock
        self._open: dict[str, _Open] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._puts = 0

    async def add(self, key: str, event: Event) -> None:
        """A message of this album. Durable on return; put when the album is whole. Raises
        StorageError."""
        await self._store.put(f"{_PART}{key}:{event.message_id}", msgspec.to_builtins(event))
        self._await_more(key, event)

    async def settle(self, event: Event) -> None:
        """This event's sender has gone on to something else: their albums in its chat are whole.
        On return these are put. Raises StorageError."""
        for key, album in list(self._open.items()):
            if (album.last.address, album.last.sender.id) == (event.address, event.sender.id):
                await self._finish(key)

    async def recover(self) -> None:
        """Take up what an earlier process gathered and did not put. Raises StorageError."""
        for name, value in (await self._store.items(_PART)).items():
            key = name.removeprefix(_PART).rpartition(":")[0]
            self._await_more(key, msgspec.convert(value, Event))

    async def close(self) -> None:
        """Put what is open. What cannot be stored is left to `recover`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for key in list(self._open):
            try:
                await self._finish(key)
            except StorageError as error:
                log.info("album %s is put at the next start: %s", key, error)

    def _await_more(self, key: str, event: Event, seconds: float = QUIET_SECONDS) -> None:
        album = self._open.setdefault(key, _Open(event))
        album.last = event
        if album.timer is not None:
            album.timer.cancel()
        album.timer = self._clock.call_later(seconds, lambda: self._quiet(key))

    def _quiet(self, key: str) -> None:
        task = asyncio.create_task(self._finish_beside(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish_beside(self, key: str) -> None:
        last = self._open[key].last if key in self._open else None
        try:
            await self._finish(key)
        except StorageError as error:
            log.warning("album %s waits: %s", key, error)
            if last is not None:
                self._await_more(key, last, AGAIN_SECONDS)

    async def _finish(self, key: str) -> None:
        album = self._open.get(key)
        if album is None:
            return
        async with album.putting:
            parts = await self._store.items(f"{_PART}{key}:")
            if parts:
                await self._put_once(key, [msgspec.convert(value, Event) for value in parts.values()])
            for name in parts:
                await self._store.delete(name)
            if album.timer is not None:
                album.timer.cancel()
            if self._open.get(key) is album:
                del self._open[key]
        await self._prune()

    async def _put_once(self, key: str, events: list[Event]) -> None:
        """Put the album; if that happened before, only its late messages, each by itself."""
        name, ids = _ALBUM + key, [event.id for event in events]
        stored: dict[str, Any] | None = await self._store.get(name)
        held = {"messages": ids, "at": self._clock.time()}
        if stored is None:
            await self._store.put(name, held)
        if not await self._put(merged(key, events)):
            known = stored["messages"] if stored is not None else ids
            for event in events:
                if event.id not in known:
                    await self._put(event)
        elif stored is not None and stored["messages"] != ids:
            await self._store.put(name, held)

    async def _prune(self) -> None:
        self._puts += 1
        if self._puts % _PRUNE_EVERY != 1:
            return
        before = self._clock.time() - KEEP_SECONDS
        for name, value in (await self._store.items(_ALBUM)).items():
            if value["at"] < before:
                await self._store.delete(name)


def merged(key: str, events: list[Event]) -> Event:
    """An album's messages as one event: in their order, in the name of the one that has words."""
    events = sorted(events, key=lambda e: int(e.message_id))
    spoken = next((e for e in events if any(map(_is_text, e.parts))), events[0])
    command = next((e for e in events if e.kind is EventKind.COMMAND), spoken)
    return replace(
        command,
        id=key,
        parts=tuple(dict.fromkeys(part for event in events for part in event.parts)),
        addressed=any(event.addressed for event in events),
    )


def _is_text(part: Part) -> bool:
    return part.kind is PartKind.TEXT
