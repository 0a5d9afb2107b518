"""One process takes a platform's events in; the others stand by and take over when it is gone."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from adapters.common.health import Health
from bot.errors import StorageError
from bot.ports import Clock, Leases

log = logging.getLogger(__name__)
LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0
STANDBY_SECONDS = 3.0


class Lease:
    """``await lease.hold(work)`` does the work while this process holds the name, as `holder`."""

    def __init__(self, name: str, holder: str, leases: Leases, clock: Clock, health: Health) -> None:
        self._name = name
        self._leases = leases
        self._clock = clock
        self._health = health
        self._holder = holder or secrets.token_hex(8)
        self._until = 0.0

    async def hold(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Never ends by itself: the work is ended when the name is lost, and begun again when it
        is had again."""
        while True:
            while not await self._acquired():
                self._health.ill("another instance serves this bot; standing by", level=logging.INFO)
                await self._clock.sleep(STANDBY_SECONDS)
            working = asyncio.create_task(work())
            try:
                while await self._held(working):
                    pass
            finally:
                working.cancel()
                await asyncio.wait([working])

    async def release(self) -> None:
        """The next may have it at once."""
        try:
            await self._leases.release(self._name, self._holder)
        except StorageError as error:
            log.info("the lease %s ends by itself: %s", self._name, error)

    async def _held(self, working: asyncio.Task[None]) -> bool:
        """After a while: whether the work may go on. Raises what ended it."""
        pause = asyncio.create_task(self._clock.sleep(RENEW_SECONDS))
        try:
            await asyncio.wait([working, pause], return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
        if working.done():
            working.result()
        return await self._acquired()

    async def _acquired(self) -> bool:
        """A database that fails for a moment takes nothing away: what was held lasts its time."""
        asked = self._clock.monotonic()
        try:
            held = await self._leases.acquire(self._name, self._holder, LEASE_SECONDS)
        except StorageError as error:
            log.warning("the lease %s cannot be renewed: %s", self._name, error)
            return asked < self._until
        self._until = asked + LEASE_SECONDS if held else 0.0
        return held
