"""The whole core in a process, in front of a platform whose calls return at once."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from bot.clock import SystemClock
from bot.compose import App, compose
from bot.errors import FileRefused
from bot.opening import Stores, open_models, open_stores
from bot.ports import Inbox, Models
from bot.settings import Settings
from bot.telemetry import NullTelemetry
from bot.types import Address, Capabilities, Event, EventKind, Markup, Outgoing, Part, Sender

T = TypeVar("T")
PLATFORM = "bench"
CAPS = Capabilities(markup=Markup.TELEGRAM_HTML, edits=True, buttons=True, typing=True, min_edit_interval=1.0)
"""As Telegram: no idempotency key, so each answer is a placeholder and an edit. No paces: they
are the platform's to set, and would hide what is measured."""


@dataclass(frozen=True)
class Setup:
    """What a process starts the core with; it can be sent to one."""

    model: str
    database: str
    options: dict[str, Any] = field(default_factory=dict)

    def settings(self) -> Settings:
        given = {"access": "open", "rate_limit": 0, "model_url": self.model, "database_url": self.database}
        return Settings.model_validate({**given, **self.options})


class InstantChannel:
    """`bot.ports.Channel`: a platform that does everything in no time."""

    platform = PLATFORM

    def __init__(self) -> None:
        self._sent = 0

    def capabilities(self, address: Address) -> Capabilities:
        return CAPS

    async def send(self, address: Address, out: Outgoing, *, key: str, reply_to: str = "") -> str:
        self._sent += 1
        return f"b{self._sent}"

    async def edit(self, address: Address, message_id: str, out: Outgoing) -> None:
        """Nobody looks."""

    async def delete(self, address: Address, message_id: str) -> None:
        """Nobody looks."""

    async def typing(self, address: Address) -> None:
        """Nobody looks."""

    async def acknowledge(self, address: Address, message_id: str) -> None:
        """Nobody looks."""

    async def solve(self, address: Address, message_id: str, *, close: bool) -> None:
        return None

    async def continue_under(self, address: Address, message_id: str, title: str) -> Address:
        return address

    async def draft(self, address: Address, key: str, out: Outgoing) -> None:
        """Nobody looks."""

    async def fetch(self, part: Part, limit: int) -> bytes:
        raise FileRefused("there are no files here")


class InstantAdapter:
    """`bot.ports.Adapter` whose people are the benchmark."""

    def __init__(self) -> None:
        self.channel = InstantChannel()

    @asynccontextmanager
    async def lifespan(self, put: Any) -> AsyncIterator[None]:
        yield


class WatchedInbox:
    """`bot.ports.Inbox` that tells when an event is dealt with. A buried one is an error."""

    def __init__(self, inner: Inbox) -> None:
        self._inner = inner
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def put(self, event: Event) -> bool:
        return await self._inner.put(event)

    def events(self) -> AsyncGenerator[Event, None]:
        return self._inner.events()

    async def done(self, event: Event) -> None:
        await self._inner.done(event)
        if (waiting := self._waiting.pop(event.key, None)) is not None:
            waiting.set_result(None)

    async def pending(self, key: str) -> bool:
        return await self._inner.pending(key)

    async def bury(self, event: Event, reason: str) -> None:
        await self._inner.bury(event, reason)
        if (waiting := self._waiting.pop(event.key, None)) is not None:
            waiting.set_exception(RuntimeError(reason))

    async def dead(self, limit: int = 100, *, before: str = "") -> list[tuple[Event, str]]:
        return await self._inner.dead(limit, before=before)

    async def count_dead(self, most: int) -> int:
        return await self._inner.count_dead(most)

    async def revive(self, key: str) -> bool:
        return await self._inner.revive(key)

    def ended(self, event: Event) -> asyncio.Future[None]:
        """Done when the event is."""
        self._waiting[event.key] = future = asyncio.get_running_loop().create_future()
        return future


class Tertulia:
    """The running core."""

    def __init__(self, app: App, inbox: WatchedInbox) -> None:
        self.app = app
        self._inbox = inbox
        self._number = 0

    async def ask(self, chat: str, text: str) -> None:
        """Somebody writes; returns when the answer is delivered, saved, and the event done."""
        self._number += 1
        event = Event(
            id=str(self._number),
            kind=EventKind.MESSAGE,
            address=Address(PLATFORM, "bot", chat),
            sender=Sender(chat, name=chat),
            parts=(Part(text=text),),
            message_id=f"q{self._number}",
        )
        ended = self._inbox.ended(event)
        await self._inbox.put(event)
        await ended


@asynccontextmanager
async def tertulia(
    setup: Setup,
    *,
    models: Callable[[Models], Models] = lambda models: models,
    stores: Callable[[Stores], Stores] = lambda stores: stores,
) -> AsyncIterator[Tertulia]:
    """The core with real stores, until the block ends. `models` and `stores` may put something in
    between."""
    settings, clock, stop, adapter = setup.settings(), SystemClock(), asyncio.Event(), InstantAdapter()
    async with (
        open_stores(settings, clock, durable_inbox=True) as opened,
        open_models(settings, clock) as registry,
    ):
        inbox = WatchedInbox(opened.inbox)
        parts = stores(replace(opened, inbox=inbox))
        async with compose(settings, parts, models(registry), [adapter], NullTelemetry(), clock) as app:
            serving = asyncio.create_task(app.serve([adapter], stop))
            try:
                yield Tertulia(app, inbox)
            finally:
                stop.set()
                await serving


def apart(work: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
    """The result of `work(*args)`, run in a fresh process on the loop that `tertulia run` uses."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, work, args).result()


def _run(work: Callable[..., Coroutine[Any, Any, T]], args: tuple[Any, ...]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work(*args))


def cpu_seconds() -> float:
    """Of this process: all its threads, user and system."""
    return time.process_time()


def resident_mb() -> float:
    """Of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
