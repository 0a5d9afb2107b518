"""Driving the simulator with the library, and time with a clock that only tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from telegram import Bot, TelegramObject
from telegram.error import BadRequest, TelegramError
from telegram.request import HTTPXRequest

from tests.simulators.telegram.server import Telegram


class ManualClock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def bot_of(telegram: Telegram) -> Bot:
    """The library's bot at this simulator; to be entered."""
    return Bot(
        telegram.token,
        base_url=f"{telegram.url}/bot",
        base_file_url=f"{telegram.url}/file/bot",
        request=HTTPXRequest(connection_pool_size=64),
        get_updates_request=HTTPXRequest(connection_pool_size=4),
    )


@asynccontextmanager
async def driven(**options: Any) -> AsyncIterator[tuple[Telegram, Bot]]:
    """A Telegram and its bot, both up."""
    async with Telegram(**options) as telegram, bot_of(telegram) as bot:
        yield telegram, bot


async def refusal(telegram: Telegram, call: Awaitable[object], kind: type[TelegramError] = BadRequest) -> str:
    """The server's own words for a call that fails, which the library raises as this kind of error."""
    with pytest.raises(kind):
        await call
    return telegram.log[-1].description


def leftovers(value: object) -> Iterator[str]:
    """Fields in what the library read that it does not know, however deep."""
    if isinstance(value, TelegramObject):
        yield from (f"{type(value).__name__}.{name}" for name in value.api_kwargs)
        slots = {s for kind in type(value).__mro__ for s in getattr(kind, "__slots__", ())}
        for slot in slots - {"_bot", "api_kwargs", "__dict__"}:
            yield from leftovers(getattr(value, slot, None))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from leftovers(item)
