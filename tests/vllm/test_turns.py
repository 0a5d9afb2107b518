"""Whole turns on a real vLLM: what people see when it goes down in the middle of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bot.clock import SystemClock
from bot.compose import Stores, compose
from bot.ports import Model
from bot.settings import Settings
from bot.types import Address, Capabilities, Event, EventKind, Outgoing, Part, Sender
from tests.fakes import (
    FakeConversations,
    FakeInbox,
    FakeKeyValue,
    FakePeople,
    FakeTelemetry,
    FakeTurns,
    Memory,
)
from tests.fakes_search import FakeSearch
from tests.scripted import MemoryAdapter, MemoryChannel, OneModel
from tests.vllm.asking import QUESTION, eventually
from tests.vllm.servers import START_SECONDS, Server

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

CAPS = Capabilities(
    text_limit=100_000, edits=True, idempotent_sends=True, min_edit_interval=0.1, tells_end=True
)
SETTINGS = Settings.model_validate(
    {
        "access": "open",
        "plugins_disabled": ("qa",),
        "rate_limit": 0,
        "sampling": {"temperature": 0.0},
        "model_patience": START_SECONDS,
    }
)


class Chats:
    """The whole core over stores in memory and the real model; each question in its own chat."""

    def __init__(self, model: Model) -> None:
        memory, clock = Memory(), SystemClock()
        self.channel = MemoryChannel(CAPS)
        self._model = model
        self._clock = clock
        self._stores = Stores(
            people=FakePeople(memory, clock),
            conversations=FakeConversations(memory),
            turns=FakeTurns(memory, clock),
            values=FakeKeyValue(memory),
            search=FakeSearch(),
            inbox=FakeInbox(memory),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stop, adapters = asyncio.Event(), [MemoryAdapter(self.channel)]
        models = OneModel(self._model)
        async with compose(SETTINGS, self._stores, models, adapters, FakeTelemetry(), self._clock) as app:
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
        await self._stores.inbox.put(event)

    def shown(self, chat: str) -> list[Outgoing]:
        """The bot's messages in this chat, as they are now."""
        return [m.last for m in self.channel.messages.values() if m.address.chat == chat]

    async def until(self, chat: str, holds: Callable[[Outgoing], bool]) -> None:
        """Wait until the last message of the chat is like that."""

        async def like_that() -> bool:
            shown = self.shown(chat)
            return bool(shown) and holds(shown[-1])

        await eventually(like_that, 120.0)


async def test_a_turn_cut_by_the_servers_end_completes_its_own_message(model: Model, vllm: Server) -> None:
    """The model never ends by itself: both answers are whole where they fill its window."""
    chats = Chats(model)
    async with chats.running():
        await chats.ask("uninterrupted")
        await chats.until("uninterrupted", lambda out: out.final)
        await chats.ask("cut")
        await chats.until("cut", lambda out: len(out.plain.split()) >= 40)
        vllm.kill()
        (begun,) = chats.shown("cut")
        await vllm.start()
        await chats.until("cut", lambda out: out.final)
    assert not begun.final
    (uninterrupted,), (cut,) = chats.shown("uninterrupted"), chats.shown("cut")
    assert len(cut.plain.split()) > 1000
    assert cut.plain == uninterrupted.plain
