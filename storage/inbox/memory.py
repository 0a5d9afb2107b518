"""An inbox that does not outlive the process, for one question asked from a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from bot.errors import StorageBusy
from bot.types import Event
from storage.text import clean, clean_event, key_of


class MemoryInbox:
    """See `bot.ports.Inbox`; what it promises holds until the process ends."""

    def __init__(self) -> None:
        self._waiting: dict[str, Event] = {}
        self._dead: dict[str, tuple[Event, str]] = {}
        self._seen: set[str] = set()
        self._queue: asyncio.Queue[Event] | None = None

    async def put(self, event: Event) -> bool:
        event = clean_event(event)
        if event.key in self._seen:
            return False
        self._seen.add(event.key)
        self._deliver(event)
        return True

    def _deliver(self, event: Event) -> None:
        self._waiting[event.key] = event
        if self._queue is not None:
            self._queue.put_nowait(event)

    async def events(self) -> AsyncGenerator[Event, None]:
        if self._queue is not None:
            raise StorageBusy("the inbox has a consumer already")
        self._queue = queue = asyncio.Queue[Event]()
        try:
            for event in self._waiting.values():
                queue.put_nowait(event)
            while True:
                yield await queue.get()
        finally:
            self._queue = None

    async def done(self, event: Event) -> None:
        self._waiting.pop(key_of(event), None)
        self._dead.pop(key_of(event), None)

    async def pending(self, key: str) -> bool:
        return clean(key) in self._waiting

    async def bury(self, event: Event, reason: str) -> None:
        waiting = self._waiting.pop(key_of(event), None)
        if waiting is not None:
            self._dead[waiting.key] = (waiting, clean(reason))

    async def dead(self, limit: int = 100, *, before: str = "") -> list[tuple[Event, str]]:
        keys = list(self._dead)[::-1]
        start = keys.index(before) + 1 if before in self._dead else 0
        return [self._dead[key] for key in keys[start : start + limit]]

    async def count_dead(self, most: int) -> int:
        return min(len(self._dead), most)

    async def revive(self, key: str) -> bool:
        dead = self._dead.pop(key, None)
        if dead is None:
            return False
        self._deliver(dead[0])
        return True
