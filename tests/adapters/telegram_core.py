"""The adapter at the simulated Telegram, with an inbox, a store and a clock in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.telegram.adapter import TelegramAdapter
from adapters.telegram.deps import TelegramDeps
from bot.errors import StorageBusy
from bot.plugins.api import Scoped
from bot.types import Event, Passage, Sender
from tests.fakes import FakeClock, FakeInbox, FakeKeyValue, FakeTelemetry, Memory
from tests.fakes_groups import FakeLeases
from tests.simulators.telegram import Telegram


async def nothing(sender: Sender, query: str) -> Sequence[Passage] | None:
    return ()


def say(language: str, key: str) -> str:
    return f"{key} ({language})"


@dataclass
class Core:
    """What stands behind the adapter. `put` keeps what came, in order; while `broken`, it fails."""

    memory: Memory = field(default_factory=Memory)
    clock: FakeClock = field(default_factory=FakeClock)
    telemetry: FakeTelemetry = field(default_factory=FakeTelemetry)
    broken: bool = False
    tries: int = 0

    @property
    def events(self) -> list[Event]:
        return [event for _, event, _ in self.memory.inbox.values()]

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events]

    @property
    def store(self) -> Scoped:
        return Scoped(FakeKeyValue(self.memory), "telegram", "")

    async def put(self, event: Event) -> bool:
        self.tries += 1
        if self.broken:
            raise StorageBusy("the database is locked")
        return await FakeInbox(self.memory).put(event)

    def deps(self, tg: Telegram, **changes: Any) -> TelegramDeps:
        given: dict[str, Any] = {
            "token": tg.token,
            "api_url": tg.url,
            "clock": self.clock,
            "telemetry": self.telemetry,
            "store": self.store,
            "leases": FakeLeases(self.memory, self.clock),
            "commands": lambda language: [("new", f"Begin anew ({language})")],
            "group_commands": lambda language: [("help", f"Help ({language})")],
            "admin_commands": lambda language: [("settings", f"Settings ({language})")],
            "languages": ("en", "zh"),
            "say": say,
            "search": nothing,
        }
        return TelegramDeps(**{**given, **changes})

    @asynccontextmanager
    async def running(self, tg: Telegram, **changes: Any) -> AsyncIterator[TelegramAdapter]:
        """The adapter with its intake running; closed at the end."""
        adapter = TelegramAdapter(self.deps(tg, **changes))
        try:
            async with adapter.lifespan(self.put):
                yield adapter
        finally:
            await adapter.aclose()

    async def until(self, predicate: Callable[[], object], *, step: float = 0.0) -> None:
        """Wait for something to become true here; with `step`, time passes meanwhile."""
        async with asyncio.timeout(10):
            while not predicate():
                await asyncio.sleep(0.001)  # lets the network run
                if step:
                    await self.clock.advance(step)
