"""Tertulia with a Discord bot, in a process that kills itself at a given point."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from bot.clock import SystemClock
from bot.compose import App, compose, stop_on_signals
from bot.opening import open_models, open_stores
from bot.platforms import discord_adapter
from bot.settings import Settings
from bot.telemetry import NullTelemetry
from tests.chaos.worker import POINTS as STATES
from tests.chaos.worker import TOOL, Life, Mortal, mortal
from tests.simulators.discord import TOKEN

POINTS = (*(p for p in STATES if p not in ("inbox.bury", f"tool.{TOOL}")), "values.put")
"""Those of a turn without tools that does not fail, and what the adapter stores."""


def main(life: Life) -> None:
    """Live until death, or SIGTERM."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_live(life))


def settings_of(life: Life) -> Settings:
    return Settings.model_validate(
        {
            "home": Path(life.home),
            "database_url": life.database,
            "model_url": life.model,
            "discord_token": TOKEN,
            "discord_api_url": life.platform,
            "access": "open",
            "rate_limit": 0,
            "checkpoint_interval": 0.05,
            "plugins_disabled": ("qa",),
            "stop_grace": 5,
        }
    )


async def _live(life: Life) -> None:
    settings, clock, stop, calls = settings_of(life), SystemClock(), stop_on_signals(), Counter[str]()
    telemetry, running = NullTelemetry(), list[App]()
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings, clock, durable_inbox=True))
        models = await stack.enter_async_context(open_models(settings, clock))
        deadly = mortal(stores, life, calls)
        adapter = discord_adapter(settings, deadly, telemetry, clock, lambda: running[0], holder="chaos")
        stack.push_async_callback(adapter.aclose)
        adapter.channel = Mortal(adapter.channel, "channel", life, calls)  # type: ignore[assignment]
        app = await stack.enter_async_context(compose(settings, deadly, models, [adapter], telemetry, clock))
        running.append(app)
        await app.serve([adapter], stop)
