"""`kill -9` at every state of a turn, a hundred times by seed: none lost, doubled or out of order.

People ask, use tools, ask again, change their questions, stop answers and meet a model that
refuses; what each of them is promised is judged by itself.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.opening import open_stores
from tests.chaos.lives import DoomedLives, deaths
from tests.chaos.people import Judge, People
from tests.chaos.worker import POINTS, TOOL, Death, Life, install, main, settings_of
from tests.simulators.openai import Seen, Server
from tests.simulators.platform import Faults, Platform

KILLS = 100
SEED = 20261122
LEADS_TO = {"inbox.bury": "fail", f"tool.{TOOL}": "tool", "turns.checkpoint": "ask"}
"""What somebody must do for a point to be reached, where not every act leads there."""


class Trial:
    """Lives that end in a kill, and a last one that ends well."""

    def __init__(self, platform: Platform, life: Life, random_: random.Random) -> None:
        self.platform = platform
        self.people = People(platform, random_)
        self.lives = DoomedLives(main, life)
        self._random = random_

    async def one_life(self, death: Death) -> None:
        process = self.lives.begin(death)
        await self.people.stop()
        await self.people.act(LEADS_TO.get(death.point, "ask"))
        acts = self._random.randint(1, 3)
        if death.point == "inbox.put":  # nothing but new events leads there
            acts = max(acts, death.count - 1)
        for _ in range(acts):
            await self.people.act_at_random()
        patience = 10.0 if death.point else self._random.uniform(0.15, 0.7)
        await self.lives.die(process, death, patience)

    async def last_life(self) -> None:
        process = self.lives.begin(Death())
        await asyncio.wait_for(self.people.close(), 120)
        await self.lives.end(process)

    async def judge(self, requests: list[Seen]) -> int:
        """Assert what is promised; returns the number of orphaned first messages."""
        assert set(self.lives.fired) == {(point, after) for point in POINTS for after in (False, True)}
        judge = Judge(self.platform, self.people.kept)
        orphans = judge.on_the_platform()
        judge.at_the_model(requests)
        settings = settings_of(self.lives.life)
        async with open_stores(settings, SystemClock(), durable_inbox=True, serves=False) as stores:
            await judge.in_the_store(stores)
        return orphans


async def trial(platform: Platform, home: Path, seed: int) -> tuple[Trial, int]:
    """The trial, and its number of orphaned first messages."""
    install(home)
    random_ = random.Random(seed)
    database = f"sqlite:///{home}/chaos.db"
    async with platform, Server(window=100_000).lifespan() as model:
        run = Trial(
            platform, Life(platform.url, model.url, str(home), database, platform.keyed, Death()), random_
        )
        each = KILLS // (2 * len(POINTS)) - 1
        for death in deaths(POINTS, KILLS, random_, each=each, first=LEADS_TO):
            await run.one_life(death)
        await run.last_life()
        assert run.lives.kills == KILLS
        return run, await run.judge(model.chats)


@pytest.mark.timeout(900)
async def test_a_hundred_kills_with_idempotent_sends(tmp_path: Path) -> None:
    _, orphans = await trial(Platform(keyed=True, limit=200), tmp_path, SEED)
    assert orphans == 0


@pytest.mark.timeout(900)
async def test_a_hundred_kills_and_faults_where_sends_have_no_key(tmp_path: Path) -> None:
    """What a crash or a lost answer can double is the opening, at most once for each."""
    faults = Faults(refused=0.05, cut_off=0.02, flood=0.05, seed=SEED)
    run, orphans = await trial(Platform(keyed=False, limit=200, faults=faults), tmp_path, SEED + 1)
    assert orphans <= run.lives.kills + run.platform.calls["send"] // 10
