"""The web as a platform: its intake is the API, its channel the page's streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module

from adapters.web.channel import WebChannel
from adapters.web.deps import WebDeps
from adapters.web.files import Files
from adapters.web.identity import chat_of
from adapters.web.server import STOP_SECONDS, WebServer
from bot.ports import Clock
from bot.types import Address, Event, PlatformState

Put = Callable[[Event], Awaitable[bool]]


class WebAdapter:
    """`bot.ports.Adapter`. `deps` is asked once, when the server starts. `thoughts`: visitors see what a
    model thinks."""

    def __init__(
        self,
        clock: Clock,
        *,
        host: str,
        port: int,
        deps: Callable[[WebChannel, Put], Awaitable[WebDeps]],
        files: Files | None = None,
        thoughts: bool = True,
        stop_seconds: int = STOP_SECONDS,
    ) -> None:
        self.channel = WebChannel(clock, files, thoughts=thoughts)
        self.url = ""
        self._since = clock.time()
        self._host = host
        self._port = port
        self._deps = deps
        self._stop_seconds = stop_seconds
        self._server: WebServer | None = None

    def report(self) -> PlatformState:
        """See `bot.ports.Reporting`. It cannot be left: whoever asks is there."""
        error = "" if self.url else "not listening yet"
        return PlatformState("web", self.url, "http", error, self._since, reconnects=False)

    async def aclose(self) -> None:
        """End the streams: nothing more will be sent."""
        if self._server is not None:
            await self._server.aclose()

    @asynccontextmanager
    async def lifespan(self, put: Put) -> AsyncIterator[None]:
        """Listening while entered; streams of answers under way go on after it, until `aclose`. Raises
        SettingsError if the address cannot be had."""
        # beside the loop: the import takes a while, and other platforms need not wait for it
        web = await asyncio.to_thread(import_module, "adapters.web.app")
        deps = await self._deps(self.channel, put)
        app = web.create_app(deps)
        self._server = WebServer(
            app,
            host=self._host,
            port=self._port,
            on_stop=self.channel.close,
            stop_seconds=self._stop_seconds,
        )
        tending = asyncio.create_task(_tend(deps), name="visitors' files")
        try:
            async with self._server.intake() as self.url:
                yield
        finally:
            tending.cancel()
            await asyncio.gather(tending, return_exceptions=True)


async def _tend(deps: WebDeps) -> None:
    """Remove the files of conversations that are gone, until cancelled."""

    async def alive(visitor: str, conversation: str) -> bool:
        address = Address("web", "web", chat_of(visitor, conversation))
        return await deps.conversations.find(address) is not None

    if deps.files is not None:
        await deps.files.tend(alive)
