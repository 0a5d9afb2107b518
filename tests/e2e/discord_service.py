"""The whole of Tertulia, on a database, in front of the simulated Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from adapters.discord.deps import Limits
from bot.clock import SystemClock
from bot.compose import App, compose
from bot.opening import open_models, open_stores
from bot.platforms import discord_adapter
from bot.settings import Settings
from bot.telemetry import NullTelemetry
from bot.types import Pace
from tests.simulators.discord import NO_LIMITS, Discord, Faults, GatewayRules, Message

BRISK = Limits(chat=(Pace(5, 0.5),), account=(Pace(500, 1.0),), edit_interval=0.12)
"""A tenth of Discord's own waits, for a Discord that has no rate limits."""


class Served(Protocol):
    """A Discord that a bot can come to, whoever simulates it."""

    token: str

    @property
    def url(self) -> str: ...

    @property
    def connected(self) -> int: ...

    async def until(self, predicate: Callable[[], bool | None], within: float = ...) -> bool: ...


@asynccontextmanager
async def service(dc: Served, home: Path, *, limits: Limits = BRISK, **options: Any) -> AsyncIterator[App]:
    """Running until the block ends; a second one on the same home goes on where the first ended."""
    given = {
        "home": home,
        "access": "open",
        "discord_token": dc.token,
        "discord_api_url": dc.url,
        "model_discovery": False,
        **options,
    }
    settings, clock, stop = Settings.model_validate(given), SystemClock(), asyncio.Event()
    running: list[App] = []
    async with (
        open_stores(settings, clock, durable_inbox=True) as stores,
        open_models(settings, clock) as models,
    ):
        adapter = discord_adapter(
            settings, stores, NullTelemetry(), clock, lambda: running[0], holder="tests", limits=limits
        )
        try:
            async with compose(settings, stores, models, [adapter], NullTelemetry(), clock) as app:
                running.append(app)
                serving = asyncio.create_task(app.serve([adapter], stop))
                await dc.until(lambda: dc.connected > 0 or serving.done(), 20)
                try:
                    yield app
                finally:
                    stop.set()
                    await serving
        finally:
            await adapter.aclose()


def calm(**options: Any) -> Discord:
    """Discord without rate limits, whose gateway takes a bot back at once."""
    spared = Faults().spared | {"GET /applications/@me"}
    rules = GatewayRules(identify_seconds=0)
    given = {"privileged": {"content"}, **options}
    return Discord(limits=NO_LIMITS, gateway=rules, faults=Faults(spared=spared), **given)


async def answer(dc: Discord, question: Message, within: float = 20) -> Message:
    """The bot's whole answer: only that has a button to try again."""

    def whole() -> Message | None:
        answers = question.channel.answers_to(question)
        return next((a for a in answers if any(b["custom_id"] == "retry" for b in a.buttons)), None)

    return await dc.until(whole, within)
