"""Work that a database thread does for a waiting coroutine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection

from storage.failures import explain


class Job:
    """One call into the database. As a context manager it keeps the error for its caller.

    Threads outlive the work they do: whatever a job raises belongs to the coroutine that waits
    for it, so nothing passes on to the thread.
    """

    __slots__ = ("error", "future", "on_commit", "result", "work")

    def __init__(
        self,
        work: Callable[[Connection], Any],
        future: asyncio.Future[Any],
        on_commit: Callable[[Any], None] | None = None,
    ) -> None:
        self.work = work
        self.future = future
        self.on_commit = on_commit
        self.result: Any = None
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        self.error = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return True

    def run(self, connection: Connection) -> bool:
        """Do the work; False if it failed (`error` tells how)."""
        with self:
            self.result = self.work(connection)
        return self.error is None

    def settle(self) -> None:
        """Tell the caller, who may have stopped waiting. Runs on the event loop."""
        if self.error is None and self.on_commit is not None:
            self.on_commit(self.result)
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(explain(self.error))


def _settle(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.settle()


def hand_back(loop: asyncio.AbstractEventLoop, jobs: Sequence[Job]) -> None:
    """Settle the jobs, in order, on the loop: one wake-up for all of them."""
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_settle, jobs)
