"""Courtesies: nobody waits for them, and none is owed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)
MOST = 256
"""Under way at most; more are left out."""


class Courtesies:
    """`errors` are what they may fail with: told, and no more."""

    def __init__(self, *errors: type[Exception]) -> None:
        self._errors = errors
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside."""
        if len(self._tasks) >= MOST:
            work.close()
            return
        task = asyncio.create_task(self._quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Those under way are left off."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except self._errors as error:
            log.info("a courtesy was not taken: %s: %s", type(error).__name__, error)
