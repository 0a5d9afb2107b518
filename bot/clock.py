"""The real clock, and blocks that a deadline or another task can end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from types import TracebackType

from bot.ports import Clock, Timer


class SystemClock:
    """`bot.ports.Clock` over the running event loop."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback)


class Ended(Exception):
    """Raised where a `Scope` was ended; `reason` says by whom."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Scope:
    """``async with Scope(clock, seconds):`` raises Ended("deadline") in the block when time is up.

    `end(reason)` ends it sooner. Like `asyncio.timeout`, but with an injected clock and a
    reason; a cancellation from outside passes through untouched. `seconds` None: no deadline.
    """

    def __init__(self, clock: Clock, seconds: float | None = None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._task: asyncio.Task[object] | None = None
        self._timer: Timer | None = None
        self._cancelling = 0
        self.reason = ""

    def end(self, reason: str) -> None:
        """End the block at its next await; the first reason stays. Before entry: instead of it."""
        if not self.reason:
            self.reason = reason
            if self._task is not None:
                self._task.cancel(reason)

    async def __aenter__(self) -> Scope:
        if self.reason:
            raise Ended(self.reason)
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        if self._seconds is not None:
            self._timer = self._clock.call_later(self._seconds, lambda: self.end("deadline"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        task, self._task = self._task, None
        if task is None or not self.reason:
            return
        if kind is None:  # the block ended before the cancellation reached it: take it in here
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        if task.uncancel() <= self._cancelling and kind in (asyncio.CancelledError, None):
            raise Ended(self.reason) from error
