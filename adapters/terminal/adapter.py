"""A platform of one person: whoever sits at the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from bot.errors import ChannelUnavailable, FileRefused
from bot.ports import Clock
from bot.types import (
    Address,
    Capabilities,
    Event,
    EventKind,
    Markup,
    Outgoing,
    Part,
    Sampling,
    Sender,
)

PLATFORM = "terminal"


class TerminalChannel:
    """`bot.ports.Channel`: hands what is to be shown to whoever asked."""

    platform = PLATFORM

    def __init__(self) -> None:
        self._readers: dict[str, asyncio.Queue[Outgoing]] = {}

    def capabilities(self, address: Address) -> Capabilities:
        return Capabilities(
            markup=Markup.MARKDOWN,
            text_limit=2**31,
            edits=True,
            idempotent_sends=True,
            min_edit_interval=0.05,
            activity=True,
            tells_end=True,
        )

    async def send(self, address: Address, out: Outgoing, *, key: str, reply_to: str = "") -> str:
        self._show(address.chat, out)
        return key

    async def edit(self, address: Address, message_id: str, out: Outgoing) -> None:
        self._show(address.chat, out)

    async def delete(self, address: Address, message_id: str) -> None:
        """What was printed stays printed."""

    async def typing(self, address: Address) -> None:
        """Activity lines say more."""

    async def acknowledge(self, address: Address, message_id: str) -> None:
        """It comes right behind the question."""

    async def solve(self, address: Address, message_id: str, *, close: bool) -> None:
        """A terminal has no way to."""

    async def continue_under(self, address: Address, message_id: str, title: str) -> Address:
        return address

    async def draft(self, address: Address, key: str, out: Outgoing) -> None:
        """A terminal shows edits."""

    async def fetch(self, part: Part, limit: int) -> bytes:
        raise FileRefused("the terminal takes no files")

    def _show(self, chat: str, out: Outgoing) -> None:
        reader = self._readers.get(chat)
        if reader is not None:
            reader.put_nowait(out)

    @contextlib.contextmanager
    def reading(self, chat: str) -> Iterator[asyncio.Queue[Outgoing]]:
        """While entered, what is shown in `chat` comes through the queue."""
        queue: asyncio.Queue[Outgoing] = asyncio.Queue()
        self._readers[chat] = queue
        try:
            yield queue
        finally:
            del self._readers[chat]


class TerminalAdapter:
    """`bot.ports.Adapter` whose intake is `ask`."""

    def __init__(self, clock: Clock, *, user: str, language: str) -> None:
        self.channel = TerminalChannel()
        self._clock = clock
        self._sender = Sender(user, name=user, language=language, trusted=True)
        self._put: Callable[[Event], Awaitable[bool]] | None = None

    @contextlib.asynccontextmanager
    async def lifespan(self, put: Callable[[Event], Awaitable[bool]]) -> AsyncIterator[None]:
        self._put = put
        try:
            yield
        finally:
            self._put = None

    def event(self, text: str, chat: str, sampling: Sampling | None = None) -> Event:
        """What somebody typed: a command if it begins with a slash, else a message."""
        command = text.startswith("/") and len(text) > 1
        number = secrets.token_hex(8)
        return Event(
            id=number,
            kind=EventKind.COMMAND if command else EventKind.MESSAGE,
            address=Address(PLATFORM, "local", chat),
            sender=self._sender,
            parts=(Part(text=text),),
            message_id=number,
            data=text if command else "",
            received_at=self._clock.time(),
            sampling=sampling,
        )

    async def ask(self, event: Event) -> AsyncIterator[Outgoing]:
        """Everything that is shown for this event, the last with `final`."""
        if self._put is None:
            raise ChannelUnavailable("the terminal is not connected")
        with self.channel.reading(event.address.chat) as shown:
            await self._put(event)
            while True:
                out = await shown.get()
                yield out
                if out.final:
                    return

    async def tell(self, event: Event) -> None:
        """Put an event without waiting for what is shown (`/stop` while an answer runs)."""
        if self._put is not None:
            await self._put(event)
