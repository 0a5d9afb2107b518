"""The web as a platform: its intake is the API, its channel the page's streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module

from adapters.web.channel import WebChannel
from adapters.web.deps import WebDeps
from adapters.web.server import STOP_SECONDS, WebServer
from bot.ports import Clock
from bot.types import Event

Put = Callable[[Event], Awaitable[bool]]


class WebAdapter:
    """`bot.ports.Adapter`. `deps` is asked once, when the server starts."""

    def __init__(
        self,
        clock: Clock,
        *,
        host: str,
        port: int,
        deps: Callable[[WebChannel, Put], Awaitable[WebDeps]],
        stop_seconds: int = STOP_SECONDS,
    ) -> None:
        self.channel = WebChannel(clock)
        self.url = ""
        self._host = host
        self._port = port
        self._deps = deps
        self._stop_seconds = stop_seconds
        self._server: WebServer | None = None

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
        app = web.create_app(await self._deps(self.channel, put))
        self._server = WebServer(
            app,
            host=self._host,
            port=self._port,
            on_stop=self.channel.close,
            stop_seconds=self._stop_seconds,
        )
        async with self._server.intake() as self.url:
            yield
