"""Photos and files that were sent together: Telegram brings each as a message, people mean one.

An album is one event, put once nothing has been added to it for a moment. Which messages it held is
stored before, so that after a crash those that come again are known, and one that comes late is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bot.errors import StorageError
from bot.plugins.api import Scoped
from bot.ports import Clock, Timer
from bot.types import Event, EventKind, Part, PartKind

QUIET_SECONDS = 0.7
KEEP_SECONDS = 24 * 3600.0
_PRUNE_EVERY = 100


@dataclass(slots=True, eq=False)
class Album:
    """Its messages so far. `quiet` is set when it is whole, `done` when it is durable."""

    key: str
    events: list[Event] = field(default_factory=list)
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    timer: Timer | None = None


class Albums:
    """`join` gathers, `store` puts."""

    def __init__(self, put: Callable[[Event], Awaitable[bool]], store: Scoped, clock: Clock) -> None:
        self._put = put
        self._store = store
        self._clock = clock
        self._open: dict[str, Album] = {}
        self._stored = 0

    def join(self, key: str, event: Event) -> Album:
        """The album of this key, with the event in it. Whoever finds it alone there must `store` it
        when it is quiet; the others wait until it is done."""
        album = self._open.get(key) or self._open.setdefault(key, Album(key))
        album.events.append(event)
        if album.timer is not None:
            album.timer.cancel()
        album.timer = self._clock.call_later(QUIET_SECONDS, album.quiet.set)
        return album

    def close(self, event: Event | None = None) -> None:
        """Nothing is to be waited for any more: in all albums, or in those of this event's sender,
        who has gone on to something else."""
        for album in self._open.values():
            first = album.events[0]
            if event is None or (first.address, first.sender.id) == (event.address, event.sender.id):
                album.quiet.set()

    async def store(self, album: Album) -> None:
        """Put the album as one event; one that was put before only gets its late messages, each
        as an event of its own. Raises StorageError."""
        self._open.pop(album.key, None)
        if album.timer is not None:
            album.timer.cancel()
        outcome: StorageError | None = StorageError("the album was not stored")
        try:
            await self._put_once(album.key, album.events)
            outcome = None
        finally:
            if outcome is None:
                album.done.set_result(None)
            else:
                album.done.set_exception(outcome)
                album.done.exception()  # so that it is no complaint if nobody else waits

    async def _put_once(self, key: str, events: list[Event]) -> None:
        name, ids = f"album:{key}", [event.id for event in events]
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
        await self._prune()

    async def _prune(self) -> None:
        self._stored += 1
        if self._stored % _PRUNE_EVERY != 1:
            return
        before = self._clock.time() - KEEP_SECONDS
        for name, value in (await self._store.items("album:")).items():
            if value.get("at", 0.0) < before:
                await self._store.delete(name)


def merged(key: str, events: list[Event]) -> Event:
    """One event of an album's: in the order of its messages, in the name of the one that has words."""
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
