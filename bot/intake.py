"""The platforms' intakes, each in a task of its own, so that one can be left and entered again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.errors import SettingsError
from bot.ports import Adapter, Channel, Clock, Reporting
from bot.types import Event, PlatformState

Put = Callable[[Event], Awaitable[bool]]


class Intakes:
    """`bot.ports.Platforms`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._intakes: dict[str, Intake] = {}

    @asynccontextmanager
    async def lifespan(self, adapters: Sequence[Adapter], put: Put) -> AsyncIterator[None]:
        """Intake runs while entered. Raises what an adapter raises at its entry."""
        try:
            for adapter in adapters:
                intake = Intake(adapter, put, self._clock)
                await intake.enter()
                self._intakes[adapter.channel.platform] = intake
            yield
        finally:
            left, self._intakes = self._intakes, {}
            for intake in reversed(left.values()):
                await intake.close()

    def states(self) -> list[PlatformState]:
        return [intake.state() for intake in self._intakes.values()]

    def channel(self, platform: str) -> Channel | None:
        """The way back to a platform that is served here."""
        intake = self._intakes.get(platform)
        return intake.channel if intake is not None else None

    async def reconnect(self, platform: str) -> None:
        intake = self._intakes[platform]
        if not intake.state().reconnects:
            raise SettingsError(f"{platform} cannot be left while the service runs")
        await intake.again()


class Intake:
    """One adapter's."""

    def __init__(self, adapter: Adapter, put: Put, clock: Clock) -> None:
        self._adapter = adapter
        self._put = put
        self._clock = clock
        self._changing = asyncio.Lock()
        self._closed = False
        self._leaving = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._refused = ("", 0.0)
        """Why it could not be entered, and since when."""
        self._received = 0
        self._last = 0.0

    @property
    def channel(self) -> Channel:
        return self._adapter.channel

    def state(self) -> PlatformState:
        told = PlatformState(self._adapter.channel.platform)
        if isinstance(self._adapter, Reporting):
            told = self._adapter.report()
        error, since = self._refused
        if error:
            told = replace(told, error=error, since=since)
        return replace(told, received=self._received, last_received=self._last)

    async def again(self) -> None:
        """Leave it and enter it anew. Raises what the adapter raises at its entry: then it stays left."""
        async with self._changing:
            if self._closed:
                return
            await self._leave()
            try:
                await self.enter()
            except SettingsError as error:
                self._refused = (str(error), self._clock.time())
                raise
            self._refused = ("", 0.0)

    async def close(self) -> None:
        """Leave it for good."""
        async with self._changing:
            self._closed = True
            await self._leave()

    async def enter(self) -> None:
        """Raises what the adapter raises at its entry."""
        self._leaving.clear()
        entered = asyncio.Event()
        self._running = running = asyncio.create_task(self._run(entered))
        waiting = asyncio.create_task(entered.wait())
        try:
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait([running])
            raise
        finally:
            waiting.cancel()
        if not entered.is_set():
            self._running = None
            running.result()

    async def _leave(self) -> None:
        self._leaving.set()
        running, self._running = self._running, None
        if running is not None:
            await running

    async def _run(self, entered: asyncio.Event) -> None:
        async with self._adapter.lifespan(self._take):
            entered.set()
            await self._leaving.wait()

    async def _take(self, event: Event) -> bool:
        self._received += 1
        self._last = self._clock.time()
        return await self._put(event)
