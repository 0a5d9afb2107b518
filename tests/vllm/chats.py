"""The whole core over a real database and any model: asked, and watched, by a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bot.clock import SystemClock
from bot.compose import compose
from bot.opening import open_stores
from bot.ports import Inbox, Model
from bot.settings import Settings
from bot.types import Address, Capabilities, Event, EventKind, Outgoing, Part, Sender
from tests.fakes import FakeTelemetry
from tests.scripted import MemoryAdapter, MemoryChannel, OneModel
from tests.vllm.asking import QUESTION, eventually

CAPS = Capabilities(
    text_limit=100_000, edits=True, idempotent_sends=True, min_edit_interval=0.1, tells_end=True
)


def settings(home: Path, patience: float, stall: float) -> Settings:
    return Settings.model_validate(
        {
            "home": home,
            "access": "open",
            "plugins_disabled": ("qa",),
            "rate_limit": 0,
            "sampling": {"temperature": 0.0},
            "model_patience": patience,
            "stall_timeout": stall,
        }
    )


class Chats:
    """Each question in its own chat. `patience`: seconds for a server to come back; `stall`: seconds
    without a word after which an answer has broken off."""

    def __init__(self, model: Model, home: Path, *, patience: float, stall: float) -> None:
        self.channel = MemoryChannel(CAPS)
        self._model = model
        self._settings = settings(home, patience, stall)
        self._clock = SystemClock()
        self._inbox: Inbox | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stop, adapters = asyncio.Event(), [MemoryAdapter(self.channel)]
        models, clock = OneModel(self._model), self._clock
        async with (
            open_stores(self._settings, clock, durable_inbox=True) as stores,
            compose(self._settings, stores, models, adapters, FakeTelemetry(), clock) as app,
        ):
            self._inbox = stores.inbox
            serving = asyncio.create_task(app.serve(adapters, stop))
            try:
                yield
            finally:
                stop.set()
                await serving

    async def ask(self, chat: str) -> None:
        event = Event(
            id=chat,
            kind=EventKind.MESSAGE,
            address=Address("sim", "bot", chat),
            sender=Sender("ann"),
            parts=(Part(text=QUESTION),),
            message_id=f"question in {chat}",
        )
        assert self._inbox is not None
        await self._inbox.put(event)

    def shown(self, chat: str) -> list[Outgoing]:
        """The bot's messages in this chat, as they are now."""
        return [m.last for m in self.channel.messages.values() if m.address.chat == chat]

    async def until(self, chat: str, holds: Callable[[Outgoing], bool]) -> None:
        """Wait until the last message of the chat is like that."""

        async def like_that() -> bool:
            shown = self.shown(chat)
            return bool(shown) and holds(shown[-1])

        await eventually(like_that, 120.0)
