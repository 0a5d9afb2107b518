"""A platform's intake beside the service: its word on the token is waited for a moment, nothing else is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from adapters.common.health import Health
from bot.ports import Clock

log = logging.getLogger(__name__)
ENTRY_SECONDS = 3.0
"""So long the entry waits for the platform's word on the token."""
Work = Callable[[asyncio.Future[None]], Coroutine[None, None, None]]


@asynccontextmanager
async def entered(work: Work, clock: Clock, health: Health) -> AsyncIterator[None]:
    """`work` runs while this is entered. It gets a future that it sets when the token is accepted, or
    to the error that it is refused with: told in time, that is raised at the entry."""
    token = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(work(token))
    running.add_done_callback(lambda ended: _tell(ended, health))
    try:
        await _word_on(token, clock)
        yield
    finally:
        token.cancel()
        running.cancel()
        await asyncio.wait([running])


async def _word_on(token: asyncio.Future[None], clock: Clock) -> None:
    waiting = asyncio.create_task(clock.sleep(ENTRY_SECONDS))
    try:
        await asyncio.wait([token, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if token.done():
        token.result()
    else:
        token.cancel()


def _tell(running: asyncio.Task[None], health: Health) -> None:
    if not running.cancelled() and (error := running.exception()) is not None:
        log.error("the intake has ended", exc_info=error)
        health.ill(f"the intake has ended: {type(error).__name__}", level=logging.ERROR)
