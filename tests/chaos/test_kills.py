"""`kill -9` at every state of a turn, a hundred times by seed: none lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.chaos.worker import POINTS, Death, Life, main
from tests.simulators.openai import Server
from tests.simulators.platform import Faults, Platform, Shown

KILLS = 100
CHATS = 12
SEED = 20261122
WORDS = ("tide", "ember", "quill", "harbour", "lantern", "meadow", "cinder", "willow", "anchor", "thistle")

forkserver = multiprocessing.get_context("forkserver")


def deaths(count: int, random_: random.Random) -> list[Death]:
    """Each point before and after, several times over; the rest at any instant."""
    planned = [
        Death(point, after, random_.randint(1, 6))
        for _ in range(count // (2 * len(POINTS)) - 1)
        for point in POINTS
        for after in (False, True)
    ]
    planned += [Death()] * (count - len(planned))
    random_.shuffle(planned)
    return planned


class Trial:
    """The people's side: asks, kills, and looks at what came of it."""

    def __init__(self, platform: Platform, life: Life, random_: random.Random) -> None:
        self._platform = platform
        self._life = life
        self._random = random_
        self.asked: dict[str, list[tuple[str, str]]] = {}
        self.kills = 0

    async def ask_some(self, number: int) -> None:
        for _ in range(self._random.randint(2, 4)):
            chat = f"chat{self._random.randrange(CHATS)}"
            words = " ".join(self._random.choices(WORDS, k=self._random.randint(5, 70)))
            count = len(self.asked.setdefault(chat, []))
            text = f"[[interval=0.002]] {chat} question {count} of life {number}: {words}"
            self.asked[chat].append((await self._platform.say(chat, text), text))

    def start(self, death: Death) -> BaseProcess:
        life = Life(**{f: getattr(self._life, f) for f in Life.__slots__} | {"death": death})
        process = forkserver.Process(target=main, args=(life,), daemon=True)
        process.start()
        return process

    async def one_life(self, number: int, death: Death) -> None:
        process = self.start(death)
        await self.ask_some(number)
        patience = 4.0 if death.point else self._random.uniform(0.15, 0.7)
        await asyncio.to_thread(process.join, patience)
        if process.is_alive():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.join)
        assert process.exitcode == -signal.SIGKILL
        self.kills += 1

    async def last_life(self) -> None:
        process = self.start(Death())
        await asyncio.wait_for(
            self._platform.until_final(*(m for questions in self.asked.values() for m, _ in questions)), 120
        )
        process.terminate()
        await asyncio.to_thread(process.join, 20)
        assert process.exitcode == 0

    def judge(self) -> int:
        """Assert what is promised; returns the number of orphaned first messages."""
        belonging: set[str] = set()
        for chat, questions in self.asked.items():
            firsts = [self._whole(message_id, text, belonging) for message_id, text in questions]
            order = [int(first.id[1:]) for first in firsts]
            assert order == sorted(order), f"{chat}: answers out of order"
        assert self._platform.refusals == []
        orphans = [m for m in self._platform.messages.values() if m.id not in belonging and not m.deleted]
        assert all(m.text.endswith("…") for m in orphans), "a text is doubled"
        return len(orphans)

    def _whole(self, message_id: str, text: str, belonging: set[str]) -> Shown:
        shown = [m for m in self._platform.answer_to(message_id) if not m.text.endswith("…")]
        assert shown, f"{text!r} is not answered"
        assert " ".join(m.text for m in shown).split() == text.split(), "lost, doubled or cut"
        belonging.update(m.id for m in shown)
        return shown[0]


async def trial(platform: Platform, home: Path, database: str, seed: int, kills: int) -> Trial:
    forkserver.set_forkserver_preload(["tests.chaos.worker"])
    random_ = random.Random(seed)
    async with platform, Server(window=100_000).lifespan() as model:
        life = Life(platform.url, model.url, str(home), database, platform.keyed, Death())
        run = Trial(platform, life, random_)
        for number, death in enumerate(deaths(kills, random_)):
            await run.one_life(number, death)
        await run.last_life()
    return run


@pytest.mark.timeout(900)
async def test_a_hundred_kills_with_idempotent_sends(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/chaos.db"
    run = await trial(Platform(keyed=True, limit=200), tmp_path, database, SEED, KILLS)
    assert run.kills == KILLS
    assert run.judge() == 0


@pytest.mark.timeout(900)
async def test_a_hundred_kills_and_faults_where_sends_have_no_key(tmp_path: Path) -> None:
    """What a crash or a lost answer can double is the opening, at most once for each."""
    database = f"sqlite:///{tmp_path}/chaos.db"
    platform = Platform(
        keyed=False, limit=200, faults=Faults(refused=0.05, cut_off=0.02, flood=0.05, seed=SEED)
    )
    run = await trial(platform, tmp_path, database, SEED + 1, KILLS)
    assert run.kills == KILLS
    assert run.judge() <= run.kills + platform.calls["send"] // 10
