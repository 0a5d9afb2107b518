"""The running service as the console's pages see it: platforms, model servers, charts, playground."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.errors import SettingsError
from bot.generation import Limits
from bot.overview import Watching
from bot.playground import Trials
from bot.ports import Clock, Models
from bot.sampling import SamplingSettings
from bot.statistics import Statistics
from bot.types import ModelState, PlatformState
from tests.fakes import FakeTelemetry, Memory
from tests.fakes_archive import FakeArchive, FakeStatisticsStore
from tests.fakes_core import FakeModels

SINCE = 1_750_000_000.0
TELEGRAM = PlatformState(
    "telegram", "@tertulia_bot", "polling", since=SINCE, received=1234, link="https://t.me/tertulia_bot"
)
WEB = PlatformState("web", "http://127.0.0.1:8080", "http", since=SINCE, reconnects=False)
VLLM = ModelState(
    "tiny", "http://10.0.0.5:8000/v1", ("tiny", "tiny-lora"), latency=0.21, answered_at=SINCE, window=8192
)
LIMITS = Limits(first_chunk=10, stall=10, patience=0, tool_steps=0, max_answer=100_000)


class FakePlatforms:
    """`bot.ports.Platforms`. `refusal` is why the next connecting anew fails."""

    def __init__(self, *states: PlatformState) -> None:
        self.known = list(states or (TELEGRAM, WEB))
        self.refusal = ""
        self.reconnected: list[str] = []

    def states(self) -> list[PlatformState]:
        return self.known

    async def reconnect(self, platform: str) -> None:
        place = [state.platform for state in self.known].index(platform)
        if self.refusal:
            self.known[place] = replace(self.known[place], error=self.refusal)
            raise SettingsError(self.refusal)
        self.known[place] = replace(self.known[place], error="")
        self.reconnected.append(platform)


class FakeServers:
    """`bot.ports.ModelStates`. `found` is what the servers tell once they are asked."""

    def __init__(self, *states: ModelState, found: tuple[ModelState, ...] = ()) -> None:
        self.known = list(states or (VLLM,))
        self.found = found

    def states(self) -> list[ModelState]:
        return self.known

    async def ask(self) -> list[ModelState]:
        self.known = list(self.found or self.known)
        return self.known


def trials(clock: Clock, models: Models | None = None) -> Trials:
    return Trials(models or FakeModels("tiny", "large"), SamplingSettings(), LIMITS, clock)


async def untaught() -> bool:
    return False


def watching(memory: Memory, clock: Clock) -> tuple[Watching, Statistics]:
    """The overview, and what it tells of."""
    store = FakeStatisticsStore(memory)
    statistics = Statistics(store, FakeTelemetry(), clock)
    return Watching(store, statistics, FakeArchive(memory), FakeModels(), clock, untaught), statistics


def service_parts(memory: Memory, clock: Clock) -> dict[str, Any]:
    """What the console is given of a service in which nothing has happened yet."""
    return {
        "watch": watching(memory, clock)[0],
        "platforms": FakePlatforms(),
        "servers": FakeServers(),
        "playground": trials(clock),
    }
