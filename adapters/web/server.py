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
LOOK_SECONDS = 0.01, 0.1
"""How soon, and then how often, it looks at the end whether all have gone."""
LEAVE_SECONDS = 1
"""In which whoever was asked to go takes what is left for them."""


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
        """End what is under way, after `stop_seconds` also what does not end by itself, whatever its reader
        does. Nothing, if it never began to listen."""
        if self._on_stop is not None:
            self._on_stop()
        ending, self._ending = self._ending, None
        if ending is None or self._server is None:
            return
        there = self._server.server_state
        await asyncio.wait({ending}, timeout=self._stop_seconds)
        if not ending.done():
            for task in list(there.tasks):
                task.cancel()
            await asyncio.wait({ending}, timeout=LEAVE_SECONDS)
        if not ending.done():  # somebody reads nothing, and would be waited for as long as they like
            for connection in list(there.connections):
                connection.transport.abort()
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
                ticking.cancel()  # it dates the answers, no more; asked to end, it would sleep on for a while
                await asyncio.gather(ticking, return_exceptions=True)
                self._ending = asyncio.create_task(_end(server, listener))
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


async def _end(server: uvicorn.Server, listener: socket.socket) -> None:
    """What `server.shutdown` does, without the tenth of a second that it takes where nobody is there. Whom
    the listener let in last is asked to go, too."""
    for accepting in server.servers:
        accepting.close()
    listener.close()
    there, (pause, longest) = server.server_state, LOOK_SECONDS
    left = True
    while left:
        for connection in list(there.connections):
            connection.shutdown()
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)
        left = bool(there.connections or there.tasks)
    for accepting in server.servers:
        await accepting.wait_closed()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port} ({error.strerror or error}). Another program may use the port: "
            "stop it, or set TERTULIA_WEB_PORT to another (0: any free one) and check TERTULIA_WEB_HOST."
        ) from error
    # Its connections take it over. asyncio sets it only where it made the listener itself; without it, an
    # answer whose body follows its head waits 40 ms for the reader's kernel to acknowledge the head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def shown_url(host: str, port: int) -> str:
    """The address for a browser on this machine."""
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{port}"
