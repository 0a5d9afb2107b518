"""Files that are sent to who takes them: whole or visibly broken off, and so many at a time.

Whoever takes nothing, or next to nothing, is left: nobody holds a place, a file or memory for long.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web.limits import Full, Held, Rate, share_of
from bot.errors import StorageError
from bot.ports import Clock

log = logging.getLogger(__name__)

BLOCK = 65_536
"""Bytes that are sent at once, where there are as many."""
STALLED = 30.0
"""Seconds that who takes what is sent may fall behind."""
LEAST_SPEED = 8_000
"""Bytes a second that have to be taken: a bad telephone line does."""
MOST, OF_ONE_ADDRESS = 50, 10
"""Downloads of a kind at the same time, in all and of one address."""
STARTS_A_MINUTE = 20
"""Of one name; of one address twice as many."""
AGAIN_SECONDS = 30
"""When to ask again where too many are under way."""
CUT = "tertulia.cut"
"""The extension of a request's scope whose `now` ends its connection at once, with what is not sent yet."""


class Left(Exception):
    """Nobody takes what is sent."""


class TooMany(Exception):
    """As many downloads as may be are under way, or were begun; `seconds`: when to ask again."""

    def __init__(self, seconds: int = AGAIN_SECONDS) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Taking:
    """How one answer is taken: with `speed` bytes a second nobody is ever more than `stalled` seconds
    behind. Only the time counts in which the reader is waited for."""

    def __init__(self, stalled: float = STALLED, speed: float = LEAST_SPEED) -> None:
        self._most = self._credit = stalled
        self._speed = speed
        self._waiting: asyncio.Timeout | None = None
        self._ended = False

    def end(self) -> None:
        """The reader is left now."""
        self._ended = True
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def send(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app, as far as it is taken. Who is left is cut off, which the server does not mind."""

        async def timely(message: Message) -> None:
            await self._timely(message, send)

        try:
            await app(scope, receive, timely)
        except Left:
            log.info("A download was left: it was not taken, or begun anew.")
            await _cut(scope, receive)
        except StorageError as error:
            log.warning("A download broke off: %s", error)

    async def _timely(self, message: Message, send: Send) -> None:
        if self._ended:
            raise Left
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(self._credit) as self._waiting:
                await send(message)
        except TimeoutError:
            raise Left from None
        finally:
            self._waiting = None
        earned = len(message.get("body", b"")) / self._speed
        self._credit = min(self._most, self._credit - (loop.time() - begun) + earned)


async def _cut(scope: Scope, receive: Receive) -> None:
    if CUT in (extensions := scope.get("extensions") or {}):
        extensions[CUT]["now"]()
        while (await receive())["type"] != "http.disconnect":
            pass


class Lent(FileResponse):
    """A file, and what holds it: `until` is left when it was sent, or is not taken any more."""

    def __init__(
        self,
        path: Path,
        *,
        headers: Mapping[str, str],
        media_type: str,
        until: AsyncExitStack | None = None,
        taking: Taking | None = None,
    ) -> None:
        super().__init__(path, headers=headers, media_type=media_type)
        self._until = until or AsyncExitStack()
        self._taking = taking or Taking()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._until:
            await self._taking.send(super().__call__, scope, receive, send)


class Download(StreamingResponse):
    """Sends the pieces, then leaves `until`. Where it breaks off, by a fault or since nobody takes
    it, the connection ends without the mark that the body is whole, by which a browser knows."""

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        *,
        media_type: str,
        headers: Mapping[str, str],
        until: AsyncExitStack,
        taking: Taking | None = None,
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._until = until
        self._taking = taking or Taking()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._until:
            await self._taking.send(super().__call__, scope, receive, send)


class Downloads:
    """How many may be under way, `most` in all and `own` of one name, and how often they may begin.
    `stalled` is each one's (`Taking`)."""

    def __init__(self, clock: Clock, *, most: int = MOST, own: int = 1, stalled: float = STALLED) -> None:
        self._stalled = stalled
        self._names = Held(most, own)
        self._places = Held(most, OF_ONE_ADDRESS)
        self._starts = Rate(clock, STARTS_A_MINUTE)
        self._starts_there = Rate(clock, 2 * STARTS_A_MINUTE)

    async def start(
        self, name: str, pieces: AsyncGenerator[bytes], *, media_type: str, disposition: str, client: str = ""
    ) -> Download:
        """An answer with these pieces, that keeps its place until it is sent. The first are made at once:
        raises TooMany, and what fails before there are any. `client`: the address that asks."""
        async with AsyncExitStack() as until:
            self._admit(until, name, share_of(client))
            blocks = await _begun(pieces, until)
            return Download(
                blocks,
                media_type=media_type,
                headers={"Content-Disposition": disposition, "Cache-Control": "no-store"},
                until=until.pop_all(),
                taking=Taking(self._stalled),
            )

    def _admit(self, until: AsyncExitStack, name: str, share: str) -> None:
        """Raises TooMany."""
        try:
            until.enter_context(self._names.hold(name))
            until.enter_context(self._places.hold(share))
        except Full:
            raise TooMany from None
        if wait := self._starts.refuses(name) or (share and self._starts_there.refuses(share)):
            raise TooMany(int(wait))


def busy(error: TooMany) -> HTTPException:
    """What an API answers."""
    message = f"Too many files are being downloaded. Try again in {error.seconds} s."
    return HTTPException(429, message, headers={"Retry-After": str(error.seconds)})


async def _begun(pieces: AsyncGenerator[bytes], until: AsyncExitStack) -> AsyncIterator[bytes]:
    """The same bytes in blocks, closed with `until`; the first is made at once."""
    await until.enter_async_context(aclosing(pieces))
    blocks = await until.enter_async_context(aclosing(_blocks(pieces)))
    first = await anext(blocks, b"")

    async def all_blocks() -> AsyncIterator[bytes]:
        yield first
        async for block in blocks:
            yield block

    return all_blocks()


async def _blocks(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    held: list[bytes] = []
    length = 0
    async for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= BLOCK:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)
