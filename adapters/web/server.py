"""uvicorn as a Service: it listens while its lifespan lasts, and leaves signals alone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from bot.errors import SettingsError

if TYPE_CHECKING:
    import uvicorn

STOP_SECONDS = 5


class WebServer:
    """Serves an ASGI app. Streams under way go on when the intake has ended, until `aclose`: that
    calls `on_stop`, so that they end by themselves, and cuts off readers that hang longer than
    `stop_seconds`. `url` is known inside the intake. `protocol` gives what takes connections: by default
    `adapters.web.connections.punctual`, which cuts off those that dawdle.
    """

    def __init__(
        self,
        app: Any,
        *,
        host: str,
        port: int,
        on_stop: Callable[[], None] | None = None,
        stop_seconds: int = STOP_SECONDS,
        protocol: Callable[[], type[asyncio.Protocol]] | None = None,
    ) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._on_stop = on_stop
        self._stop_seconds = stop_seconds
        self._protocol = protocol
        self._ending: asyncio.Task[None] | None = None
        self._server: uvicorn.Server | None = None
        self.url = ""

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[str]:
        """The intake, and `aclose` after it."""
        try:
            async with self.intake() as url:
                yield url
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """End what is under way. Nothing, if it never began to listen."""
        if self._on_stop is not None:
            self._on_stop()
        ending, self._ending = self._ending, None
        if ending is None or self._server is None:
            return
        await asyncio.wait({ending}, timeout=self._stop_seconds)
        for task in [] if ending.done() else list(self._server.server_state.tasks):
            task.cancel()
        await ending

    @contextlib.asynccontextmanager
    async def intake(self) -> AsyncIterator[str]:
        """Listening while entered; gives the URL. Raises SettingsError if the port is taken."""
        with _listen(self._host, self._port) as listener:
            server = self._server = self._made()
            self.url = shown_url(self._host, listener.getsockname()[1])
            server.config.load()
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup(sockets=[listener])
            ticking = asyncio.create_task(server.main_loop(), name="web server")
            try:
                yield self.url
            finally:
                server.should_exit = True
                await ticking
                self._ending = asyncio.create_task(server.shutdown(sockets=[listener]))
                await asyncio.sleep(0)  # from here on nobody is let in

    def _made(self) -> uvicorn.Server:
        import uvicorn

        from adapters.web.connections import punctual

        return uvicorn.Server(
            uvicorn.Config(
                self._app,
                http=(self._protocol or punctual)(),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                forwarded_allow_ips="127.0.0.1,::1",
            )
        )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port} ({error.strerror or error}). Another program may use the port: "
            "stop it, or set TERTULIA_WEB_PORT to another (0: any free one) and check TERTULIA_WEB_HOST."
        ) from error


def shown_url(host: str, port: int) -> str:
    """The address for a browser on this machine."""
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{port}"
