"""One socket of the gateway: frames go out in order, as they are or through one compressed stream."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import zstandard
from aiohttp import ClientConnectionError, web

if TYPE_CHECKING:
    from tests.simulators.discord.gateway import GatewayRules

GRACE = 1.5
Packer = Callable[[bytes], bytes]


def _plain(data: bytes) -> bytes:
    return data


def _zlib() -> Packer:
    stream = zlib.compressobj()
    return lambda data: stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)


def _zstd() -> Packer:
    stream = zstandard.ZstdCompressor().compressobj()
    return lambda data: stream.compress(data) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


PACKERS: dict[str, Callable[[], Packer]] = {"zlib-stream": _zlib, "zstd-stream": _zstd}


class Closing(NamedTuple):
    code: int
    reason: str


class Socket:
    """Closed by the server with a `Closing`, after all that was sent before it."""

    def __init__(
        self,
        response: web.WebSocketResponse,
        request: web.Request,
        rules: GatewayRules,
        late: Callable[[Socket], None],
    ) -> None:
        self.session_id = ""
        self.closing = False
        self._response, self._request = response, request
        self._interval, self._late = rules.heartbeat_seconds, late
        chosen = PACKERS.get(request.query.get("compress", ""))
        self._pack = chosen() if chosen else _plain
        self._frames: asyncio.Queue[dict[str, Any] | Closing] = asyncio.Queue()
        self._commands: deque[float] = deque()
        self._writer = asyncio.create_task(self._write())
        self._watch: asyncio.TimerHandle | None = None
        self.beat()

    @property
    def ended_by_peer(self) -> bool:
        """The bot closed it so that its session ends."""
        return not self.closing and self._response.close_code in (1000, 1001)

    def send(self, frame: dict[str, Any] | Closing) -> None:
        self._frames.put_nowait(frame)
        self.closing = self.closing or isinstance(frame, Closing)

    def abort(self) -> None:
        """The network between is gone."""
        self.closing = True
        self._writer.cancel()
        if self._request.transport is not None:
            self._request.transport.abort()

    def beat(self) -> None:
        """A heartbeat came; the next one has to come in time."""
        if self._watch is not None:
            self._watch.cancel()
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(self._interval * GRACE, self._late, self)

    def count(self, now: float, rate: tuple[int, float]) -> bool:
        """Whether the bot may send one more."""
        while self._commands and self._commands[0] <= now - rate[1]:
            self._commands.popleft()
        self._commands.append(now)
        return len(self._commands) <= rate[0]

    async def finish(self) -> None:
        """Send what is left, if the socket is being closed, and end."""
        if self._watch is not None:
            self._watch.cancel()
        if not self.closing:
            self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError, ClientConnectionError):
            while True:
                frame = await self._frames.get()
                if isinstance(frame, Closing):
                    await self._response.close(code=frame.code, message=frame.reason.encode())
                    return
                data = self._pack(msgspec.json.encode(frame))
                if self._pack is _plain:
                    await self._response.send_str(data.decode())
                else:
                    await self._response.send_bytes(data)
