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
    """Serves an ASGI app. `on_stop` is called first when it stops: streams end by themselves.

    Readers that hang longer than `stop_seconds` are cut off. `url` is known inside the lifespan.
    """

    def __init__(
        self,
        app: Any,
        *,
        host: str,
        port: int,
        on_stop: Callable[[], None] | None = None,
        stop_seconds: int = STOP_SECONDS,
    ) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._on_stop = on_stop
        self._stop_seconds = stop_seconds
        self.url = ""

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[str]:
        """Listening from here on; gives the URL. Raises SettingsError if the port is taken."""
        with _listen(self._host, self._port) as listener:
            server = self._server()
            self.url = _url(self._host, listener.getsockname()[1])
            server.config.load()
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup(sockets=[listener])
            ticking = asyncio.create_task(server.main_loop(), name="web server")
            try:
                yield self.url
            finally:
                if self._on_stop is not None:
                    self._on_stop()
                server.should_exit = True
                await ticking
                await server.shutdown(sockets=[listener])

    def _server(self) -> uvicorn.Server:
        import uvicorn

        return uvicorn.Server(
            uvicorn.Config(
                self._app,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                forwarded_allow_ips="127.0.0.1,::1",
                timeout_graceful_shutdown=self._stop_seconds,
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


def _url(host: str, port: int) -> str:
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{port}"
