"""The whole of Tertulia, on a database, in front of the simulated Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bot.clock import SystemClock
from bot.compose import App, compose
from bot.instance import instance
from bot.opening import open_models, open_stores
from bot.platforms import telegram_adapter
from bot.settings import Settings
from bot.telemetry import NullTelemetry
from tests.simulators.telegram import NO_FLOOD, Message, Telegram

T = TypeVar("T")


class Served(Protocol):
    """A Bot API that runs."""

    token: str
    url: str

    @property
    def polled(self) -> bool: ...

    async def until(self, predicate: Callable[[], T], within: float = ...) -> T: ...


@asynccontextmanager
async def service(tg: Served, home: Path, **options: Any) -> AsyncIterator[App]:
    """Running until the block ends; a second one on the same home goes on where the first ended."""
    given = {
        "home": home,
        "access": "open",
        "telegram_token": tg.token,
        "telegram_api_url": tg.url,
        "model_discovery": False,
        "telegram_chat_rate": 1000,
        "telegram_group_rate": 10_000,
        "telegram_rate": 10_000,
        **options,
    }
    settings, clock, stop = Settings.model_validate(given), SystemClock(), asyncio.Event()
    running: list[App] = []
    async with (
        AsyncExitStack() as stack,
        open_stores(settings, clock, durable_inbox=True) as stores,
        open_models(settings, clock) as models,
    ):
        holder = stack.enter_context(instance(home))
        adapter = telegram_adapter(
            settings, stores, NullTelemetry(), clock, lambda: running[0], holder=holder
        )
        try:
            async with compose(settings, stores, models, [adapter], NullTelemetry(), clock) as app:
                running.append(app)
                serving = asyncio.create_task(app.serve([adapter], stop))
                await tg.until(lambda: tg.polled or serving.done())
                try:
                    yield app
                finally:
                    stop.set()
                    await serving
        finally:
            await adapter.aclose()


def calm(**options: Any) -> Telegram:
    """Telegram without flood control."""
    return Telegram(flood=NO_FLOOD, **options)


async def answer(tg: Served, question: Message, within: float = 20) -> Message:
    """The end of the bot's whole answer: only that has buttons of its own."""

    def whole() -> Message | None:
        return next(filter(_whole, _parts(question)), None)

    found = await tg.until(whole, within)
    assert found is not None
    return found


def _parts(question: Message) -> list[Message]:
    """The messages of an answer: the first replies to the question, the others to nothing."""
    here = question.chat.answers
    first = next((n for n, a in enumerate(here) if a.reply_to is question), len(here))
    return here[first : first + 1] + list(takewhile(lambda a: a.reply_to is None, here[first + 1 :]))


async def reply(tg: Telegram, question: Message, within: float = 20) -> Message:
    """What the bot says to a command, once it is not an opening any more."""

    def said() -> list[Message]:
        return [a for a in question.chat.answers_to(question) if not a.text.endswith("…")]

    return (await tg.until(said, within))[-1]


def _whole(message: Message) -> bool:
    return any(b.get("callback_data") == "retry" for b in message.buttons)
