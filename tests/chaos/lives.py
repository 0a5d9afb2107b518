"""A bot's processes, one after another: each ends by SIGKILL, the last one by SIGTERM."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, TypeVar

from tests.chaos.worker import Death, Life

T = TypeVar("T")
_AHEAD = (
    "adapters.discord.adapter",
    "adapters.discord.gateway",
    "adapters.telegram.adapter",
    "adapters.web.metrics",
    "anyio._backends._asyncio",
    "httpcore",
    "inference.discovery",
    "inference.registry",
    "sqlalchemy.dialects.sqlite",
    "storage.atlas",
    "storage.backup",
    "storage.console.accounts",
    "storage.console.archive",
    "storage.console.audit",
    "storage.console.personas",
    "storage.console.shares",
    "storage.console.statistics",
    "storage.inbox.memory",
    "storage.inbox.sql",
    "storage.keyvalue",
    "storage.leases",
    "storage.overheard",
    "storage.own",
    "storage.people",
    "storage.turns",
    "tests.chaos.discord_worker",
    "tests.chaos.takeover_worker",
    "tests.chaos.telegram_worker",
)
"""What the bots import, most of it when first needed. There is one fork server in a process, for all trials:
it holds all of it, else each life would begin with half a second of imports."""


class Lives(Generic[T]):
    """`kills` counts."""

    def __init__(self, main: Callable[[T], None]) -> None:
        self.kills = 0
        self._main = main
        self._forkserver = multiprocessing.get_context("forkserver")
        self._forkserver.set_forkserver_preload(list(_AHEAD))

    def start(self, given: T) -> BaseProcess:
        process = self._forkserver.Process(target=self._main, args=(given,), daemon=True)
        process.start()
        return process

    async def kill(self, process: BaseProcess, after: float) -> None:
        """After so many seconds, unless it has killed itself before."""
        await asyncio.to_thread(process.join, after)
        if process.is_alive():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.join)
        assert process.exitcode == -signal.SIGKILL, "the bot ended by itself"
        self.kills += 1

    async def end(self, process: BaseProcess) -> None:
        process.terminate()
        await asyncio.to_thread(process.join, 30)
        assert process.exitcode == 0


class DoomedLives(Lives[Life]):
    """Each with a death of its own. `fired`: planned deaths that came as planned."""

    def __init__(self, main: Callable[[Life], None], life: Life) -> None:
        super().__init__(main)
        self.life = life
        self.fired: Counter[tuple[str, bool]] = Counter()

    def begin(self, death: Death) -> BaseProcess:
        return self.start(replace(self.life, death=death, mark=str(self._mark)))

    async def die(self, process: BaseProcess, death: Death, after: float) -> None:
        """As planned, or else after so many seconds."""
        mark = self._mark
        await self.kill(process, after)
        if mark.exists():
            self.fired[death.point, death.after] += 1

    @property
    def _mark(self) -> Path:
        return Path(self.life.home) / f"died{self.kills}"


def deaths(
    points: Sequence[str], count: int, random_: random.Random, *, each: int, first: Collection[str] = ()
) -> list[Death]:
    """`each` times before and after each point, at one of its first calls (the very first of those in
    `first`); the rest at any instant."""
    planned = [
        Death(point, after, 1 if point in first else random_.randint(1, 4))
        for _ in range(each)
        for point in points
        for after in (False, True)
    ]
    planned += [Death()] * (count - len(planned))
    random_.shuffle(planned)
    return planned
