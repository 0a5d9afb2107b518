"""The bot as a process that kills itself at a given point: what a power cut at that instant does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.clock import SystemClock
from bot.compose import compose, stop_on_signals
from bot.opening import Stores, open_models, open_stores
from bot.plugins.api import Plugin, PluginContext, PluginSettings, Tool, ToolResult
from bot.settings import Settings
from bot.telemetry import NullTelemetry
from bot.types import ToolSpec
from tests.simulators.platform_adapter import SimAdapter

TOOL = "look_up"
POINTS = (
    "inbox.put",
    "turns.begin",
    "turns.put_delivery",
    "turns.checkpoint",
    f"tool.{TOOL}",
    "turns.finish",
    "inbox.done",
    "inbox.bury",
    "channel.send",
    "channel.edit",
)
"""Each call that moves a turn on, in its order; a process dies before or after one of them."""


@dataclass(frozen=True, slots=True)
class Death:
    """Before the `count`-th call of `point` in this life, or after the first from then on that succeeds; no
    point: when killed from outside."""

    point: str = ""
    after: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True)
class Life:
    """What a process is started with. `mark` is a file that is there once it has killed itself."""

    platform: str
    model: str
    home: str
    database: str
    keyed: bool
    death: Death
    mark: str = ""


class Mortal:
    """A port whose calls may be the last thing that the process does."""

    def __init__(self, inner: Any, name: str, life: Life, calls: Counter[str]) -> None:
        self._inner = inner
        self._name = name
        self._life = life
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        point = f"{self._name}.{name}"
        return self._deadly(point, found) if point == self._life.death.point else found

    def _deadly(self, point: str, call: Callable[..., Any]) -> Callable[..., Any]:
        async def last(*args: Any, **kwargs: Any) -> Any:
            death = self._life.death
            self._calls[point] += 1
            due = self._calls[point] >= death.count
            if due and not death.after:
                self._die()
            result = await call(*args, **kwargs)
            if due:
                self._die()
            return result

        return last

    def _die(self) -> None:
        Path(self._life.mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def mortal(stores: Stores, life: Life, calls: Counter[str]) -> Stores:
    """The stores, with those that a turn goes through."""
    return replace(
        stores,
        inbox=Mortal(stores.inbox, "inbox", life, calls),
        turns=Mortal(stores.turns, "turns", life, calls),
        values=Mortal(stores.values, "values", life, calls),
    )


class LookUp(Plugin):
    """A plugin with a tool that may be the last thing that the process does."""

    class Settings(PluginSettings):
        death: Death = Death()
        mark: str = ""

    settings: LookUp.Settings

    def tools(self) -> Sequence[Tool]:
        life = Life("", "", "", "", keyed=True, death=self.settings.death, mark=self.settings.mark)
        spec = ToolSpec(TOOL, "Look something up.", {"type": "object"})
        return (Tool(spec, getattr(Mortal(self, "tool", life, Counter()), TOOL)),)

    async def look_up(self, context: PluginContext, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult("Nothing more is known.")


def install(folder: Path) -> None:
    """Put the plugin where a process finds it that has this folder in its path."""
    about = folder / "look_up-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: look-up\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[tertulia.plugins]\nlook_up = tests.chaos.worker:LookUp\n")


def main(life: Life) -> None:
    """Live until death, or SIGTERM."""
    sys.path.append(life.home)
    with suppress(KeyboardInterrupt):
        asyncio.run(_live(life))


def settings_of(life: Life) -> Settings:
    return Settings(
        home=Path(life.home),
        database_url=life.database,
        model_url=life.model,
        access="open",
        rate_limit=0,
        checkpoint_interval=0.03,
        plugins_disabled=("qa",),
        plugins={"look_up": {"death": life.death, "mark": life.mark}} if life.mark else {},
        stop_grace=5,
    )


async def _live(life: Life) -> None:
    settings = settings_of(life)
    clock, stop, calls = SystemClock(), stop_on_signals(), Counter[str]()
    adapter = SimAdapter(life.platform, keyed=life.keyed, limit=200)
    adapter.channel = Mortal(adapter.channel, "channel", life, calls)  # type: ignore[assignment]
    async with (
        open_stores(settings, clock, durable_inbox=True) as stores,
        open_models(settings, clock) as models,
    ):
        deadly = mortal(stores, life, calls)
        async with compose(settings, deadly, models, [adapter], NullTelemetry(), clock) as app:
            await app.serve([adapter], stop)
