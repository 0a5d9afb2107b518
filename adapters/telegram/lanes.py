"""What came first in a chat is stored first, and nothing after it while it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.errors import StorageError


class Lanes:
    """Turns of one chat come one after another, in the order in which `turn` was entered."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Future[bool]] = {}

    @asynccontextmanager
    async def turn(self, chat: str) -> AsyncIterator[None]:
        """Raises StorageError if the turn before, still under way at entry, failed: what waits
        would overtake it."""
        before = self._last.get(chat)
        mine = self._last[chat] = asyncio.get_running_loop().create_future()
        try:
            if before is not None:
                await asyncio.wait([before])
                if not before.result():
                    raise StorageError("an earlier message of this chat is not stored yet")
            yield
            mine.set_result(True)
        finally:
            if not mine.done():
                mine.set_result(False)
            if self._last.get(chat) is mine:
                del self._last[chat]
