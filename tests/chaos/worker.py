"""The bot as a process that kills itself at a given point: what a power cut at that instant does."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.clock import SystemClock
from bot.compose import compose, open_models, open_stores, stop_on_signals
from bot.settings import Settings
from bot.telemetry import NullTelemetry
from tests.simulators.platform_adapter import SimAdapter

POINTS = (
    "inbox.put",
    "turns.begin",
    "turns.put_delivery",
    "turns.checkpoint",
    "turns.finish",
    "inbox.done",
    "channel.send",
    "channel.edit",
)
"""Each call that moves a turn on, in its order; a process dies before or after one of them."""


@dataclass(frozen=True, slots=True)
class Death:
    """Before or after the `count`-th call of `point` in this life; no point: when killed from outside."""

    point: str = ""
    after: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True)
class Life:
    """What a process is started with."""

    platform: str
    model: str
    home: str
    database: str
    keyed: bool
    death: Death


class Mortal:
    """A port whose calls may be the last thing that the process does."""

    def __init__(self, inner: Any, name: str, death: Death, calls: Counter[str]) -> None:
        self._inner = inner
        self._name = name
        self._death = death
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        point = f"{self._name}.{name}"
        return self._deadly(point, found) if point == self._death.point else found

    def _deadly(self, point: str, call: Callable[..., Any]) -> Callable[..., Any]:
        async def last(*args: Any, **kwargs: Any) -> Any:
            self._calls[point] += 1
            now = self._calls[point] == self._death.count
            if now and not self._death.after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = await call(*args, **kwargs)
            if now:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return last


def main(life: Life) -> None:
    """Live until death, or SIGTERM."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_live(life))


async def _live(life: Life) -> None:
    settings = Settings(
        home=Path(life.home),
        database_url=life.database,
        model_url=life.model,
        access="open",
        rate_limit=0,
        checkpoint_interval=0.03,
        plugins_disabled=("qa",),
        stop_grace=5,
    )
    clock, stop, calls = SystemClock(), stop_on_signals(), Counter[str]()
    adapter = SimAdapter(life.platform, keyed=life.keyed, limit=200)
    adapter.channel = Mortal(adapter.channel, "channel", life.death, calls)  # type: ignore[assignment]
    async with (
        open_stores(settings, clock, durable_inbox=True) as stores,
        open_models(settings, clock) as models,
    ):
        deadly = replace(
            stores,
            inbox=Mortal(stores.inbox, "inbox", life.death, calls),
            turns=Mortal(stores.turns, "turns", life.death, calls),
        )
        async with compose(settings, deadly, models, [adapter], NullTelemetry(), clock) as app:
            await app.serve([adapter], stop)
