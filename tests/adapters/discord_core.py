"""The adapter at the simulated Discord, with an inbox, a store and a clock in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.deps import DiscordDeps
from adapters.discord.translate import PLATFORM
from bot.errors import StorageBusy
from bot.plugins.api import Scoped
from bot.types import Address, Event, EventKind, Markup, Outgoing
from tests.fakes import FakeClock, FakeInbox, FakeKeyValue, FakeTelemetry, Memory
from tests.fakes_groups import FakeLeases
from tests.simulators.discord import NO_LIMITS, Discord, Faults, GatewayRules, Message

QUICK = GatewayRules(identify_seconds=0.0)
"""Sessions may follow one another at once: the adapter's clock stands still meanwhile."""


def simulated(**options: Any) -> Discord:
    """A Discord without limits, and with a gateway that lets sessions follow one another."""
    return Discord(**{"limits": NO_LIMITS, "gateway": QUICK, "faults": Faults(), **options})


def say(language: str, key: str) -> str:
    return f"{key} {language}"


def shown(text: str, plain: str = "") -> Outgoing:
    return Outgoing(text, plain or text, markup=Markup.DISCORD)


def at(chat: object, dc: Discord) -> Address:
    return Address(PLATFORM, str(dc.bot.id), str(chat))


@dataclass
class Core:
    """What stands behind the adapter. `put` keeps what came, in order; while `broken`, it fails."""

    memory: Memory = field(default_factory=Memory)
    clock: FakeClock = field(default_factory=FakeClock)
    telemetry: FakeTelemetry = field(default_factory=FakeTelemetry)
    broken: bool = False
    tries: int = 0
    threaded: set[str] = field(default_factory=set)

    @property
    def events(self) -> list[Event]:
        return [event for _, event, _ in self.memory.inbox.values()]

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events if event.kind is EventKind.MESSAGE]

    def last(self, kind: EventKind) -> Event:
        return [event for event in self.events if event.kind is kind][-1]

    @property
    def store(self) -> Scoped:
        return Scoped(FakeKeyValue(self.memory), "discord", "")

    async def put(self, event: Event) -> bool:
        self.tries += 1
        if self.broken:
            raise StorageBusy("the database is locked")
        return await FakeInbox(self.memory).put(event)

    async def thread_mode(self, event: Event) -> bool:
        return event.address.chat in self.threaded

    def deps(self, dc: Discord, **changes: Any) -> DiscordDeps:
        given: dict[str, Any] = {
            "token": dc.token,
            "api_url": dc.url,
            "clock": self.clock,
            "telemetry": self.telemetry,
            "store": self.store,
            "leases": FakeLeases(self.memory, self.clock),
            "commands": lambda language: [("new", f"Begin anew {language}"), ("model", f"Model {language}"),
                                          ("stop", f"Stop {language}"), ("retry", f"Retry {language}")],
            "languages": ("en", "zh"),
            "say": say,
            "thread_mode": self.thread_mode,
        }  # fmt: skip
        return DiscordDeps(**{**given, **changes})

    @asynccontextmanager
    async def running(self, dc: Discord, step: float = 0.0, **changes: Any) -> AsyncIterator[DiscordAdapter]:
        """The adapter with its intake connected; closed at the end."""
        adapter = DiscordAdapter(self.deps(dc, **changes))
        try:
            async with adapter.lifespan(self.put):
                await self.until(lambda: not adapter.state.error, step=step)
                await self.until(lambda: self.commands_set(dc), step=step)
                yield adapter
        finally:
            await adapter.aclose()

    def commands_set(self, dc: Discord) -> bool:
        return ("discord", "", f"commands:{dc.bot.id}") in self.memory.values

    async def until(self, predicate: Callable[[], object], *, step: float = 0.0) -> None:
        """Wait for something to become true here; with `step`, time passes meanwhile."""
        async with asyncio.timeout(10):
            while not predicate():
                await asyncio.sleep(0.001)  # lets the network run
                if step:
                    await self.clock.advance(step)

    async def until_put(self, message: Message) -> Event:
        """The event of this message, once it is durable."""
        found: list[Event] = []

        def there() -> bool:
            found[:] = [e for e in self.events if e.id == f"m:{message.id}"]
            return bool(found)

        await self.until(there)
        return found[0]
