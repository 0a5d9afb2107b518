"""Waiting for something to become true on the platform, without sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class News:
    """Everybody who changes something calls `tell`; whoever waits looks again then."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def tell(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, predicate: Callable[[], T], within: float) -> T:
        """What the predicate gives as soon as it is true; raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while not (value := predicate()):
                waiter = asyncio.get_running_loop().create_future()
                self._waiting.add(waiter)
                try:
                    await waiter
                finally:
                    self._waiting.discard(waiter)
            return value
