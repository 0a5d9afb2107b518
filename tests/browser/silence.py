"""A way to the page on which an answer's stream can fall silent, as on a train: nothing comes any more, and
nothing says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PIECE = 65_536


class Line:
    """`url` leads to the page by this line."""

    def __init__(self, url: str) -> None:
        self.url = ""
        self._port = int(url.rpartition(":")[2])
        self._asking: set[asyncio.Task[None]] = set()
        self._dead: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.Task[None]] = set()

    def hush(self) -> None:
        """From now on nothing comes of the questions that have been put."""
        self._dead |= self._asking

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        current = asyncio.current_task()
        assert current is not None
        self._open.add(current)
        from_page, to_page = await asyncio.open_connection("127.0.0.1", self._port)
        answers = asyncio.create_task(self._pass(from_page, writer))
        try:
            while piece := await reader.read(PIECE):
                if piece.startswith(b"POST /api/v1/chat HTTP"):
                    self._asking.add(answers)
                elif b" HTTP/1.1\r\n" in piece:
                    self._asking.discard(answers)
                to_page.write(piece)
                await to_page.drain()
        except ConnectionError:
            return
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            to_page.close()
            writer.close()
            self._open.discard(current)

    async def close(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            if asyncio.current_task() not in self._dead:
                writer.write(piece)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    line = Line(url)
    server = await asyncio.start_server(line.connected, "127.0.0.1", 0)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        await line.close()
        await server.wait_closed()
