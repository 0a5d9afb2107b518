"""What came first in a chat is stored first; chats do not wait for one another."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)
Work = Callable[[], Awaitable[None]]


class Lanes:
    """`add` never waits; `room` does, while more than `most` works of all lanes wait."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._waiting: dict[str, deque[Work]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._count = 0
        self._roomy = asyncio.Event()
        self._roomy.set()

    def idle(self, chat: str) -> bool:
        return chat not in self._running

    def add(self, chat: str, work: Work) -> None:
        """Do it after all that was added to this lane before."""
        self._waiting.setdefault(chat, deque()).append(work)
        self._count += 1
        if self._count >= self._most:
            self._roomy.clear()
        if chat not in self._running:
            self._start(chat)

    async def room(self) -> None:
        await self._roomy.wait()

    async def close(self, seconds: float) -> None:
        """Let the lanes finish what they have; after `seconds` they are ended where they are."""
        if self._running:
            await asyncio.wait(list(self._running.values()), timeout=seconds)
        left, self._waiting = list(self._running.values()), {}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _start(self, chat: str) -> None:
        self._running[chat] = task = asyncio.create_task(self._run(chat))
        task.add_done_callback(lambda ended: self._ended(chat, ended))

    async def _run(self, chat: str) -> None:
        while works := self._waiting.get(chat):
            work = works.popleft()
            try:
                await work()
            finally:
                self._count -= 1
                if self._count < self._most:
                    self._roomy.set()

    def _ended(self, chat: str, task: asyncio.Task[None]) -> None:
        """One work that fails for a reason nobody foresaw does not hold up what comes after it."""
        del self._running[chat]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an event of chat %s is lost", chat, exc_info=error)
        if self._waiting.get(chat):
            self._start(chat)
        else:
            self._waiting.pop(chat, None)
