"""An inbox that lives and dies with its process: for commands whose asker waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from bot.types import Event


class MemoryInbox:
    """See `bot.ports.Inbox`, save that nothing outlives the process."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self._known: set[str] = set()
        self._dead: dict[str, tuple[Event, str]] = {}

    async def put(self, event: Event) -> bool:
        if event.key in self._known:
            return False
        self._known.add(event.key)
        self._queue.put_nowait(event)
        return True

    async def events(self) -> AsyncIterator[Event]:
        while True:
            yield await self._queue.get()

    async def done(self, event: Event) -> None:
        self._dead.pop(event.key, None)

    async def bury(self, event: Event, reason: str) -> None:
        self._dead[event.key] = (event, reason)

    async def dead(self, limit: int = 100) -> list[tuple[Event, str]]:
        return list(reversed(self._dead.values()))[:limit]

    async def revive(self, key: str) -> bool:
        found = self._dead.pop(key, None)
        if found is not None:
            self._queue.put_nowait(found[0])
        return found is not None
