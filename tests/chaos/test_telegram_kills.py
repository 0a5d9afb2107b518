"""A Telegram bot killed a hundred times under flood control, with every tenth call answered 502:
none of a thousand messages lost, no text doubled or cut, order kept."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.chaos.telegram_worker import Bot, main
from tests.simulators.openai import Server
from tests.simulators.telegram import Chat, Faults, Message, Person, Telegram

SEED = 20261125
WORDS = ("tide", "ember", "quill", "harbour", "lantern", "meadow", "cinder", "willow", "anchor", "thistle")

forkserver = multiprocessing.get_context("forkserver")


@dataclass
class Talk:
    """A chat, who writes in it, and how the bot is called there."""

    person: Person
    chat: Chat | None = None
    mention: str = ""
    asked: list[tuple[Message, str]] = field(default_factory=list)
    """Each question with the answer that it must get: the model says it back."""

    async def ask(self, random_: random.Random) -> None:
        words = " ".join(random_.choices(WORDS, k=random_.randint(5, 60)))
        text = f"[[interval=0.002]] {len(self.asked)} {words}"
        message = await self.person.say(f"{self.mention}{text}", chat=self.chat)
        named = f"{self.person.user.first_name}: " if self.chat else ""
        self.asked.append((message, f"{named}{text}"))


def shows(message: Message, text: str) -> bool:
    return message.text.split() == text.split()


class Trial:
    """The people's side."""

    def __init__(self, tg: Telegram, bot: Bot, seed: int) -> None:
        self.tg = tg
        self._bot = bot
        self._random = random.Random(seed)
        self.talks: list[Talk] = []
        self.kills = 0

    async def gather(self, private: int, groups: int) -> None:
        self.talks = [Talk(self.tg.person(f"P{n}")) for n in range(private)]
        for number in range(groups):
            person = self.tg.person(f"G{number}")
            group = await self.tg.supergroup(f"group {number}", person)
            self.talks.append(Talk(person, group.chat, f"@{self.tg.bot.username} "))

    def start(self) -> BaseProcess:
        process = forkserver.Process(target=main, args=(self._bot,), daemon=True)
        process.start()
        return process

    async def one_life(self, questions: list[Talk]) -> None:
        process = self.start()
        assert process.pid is not None
        for talk in questions:
            await talk.ask(self._random)
        await asyncio.to_thread(process.join, self._random.uniform(0.3, 2.0))
        assert process.is_alive(), "the bot ended by itself"
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.join)
        self.kills += 1

    async def last_life(self, within: float) -> None:
        process = self.start()
        open_ = [(m, text) for talk in self.talks for m, text in talk.asked]

        def all_answered() -> bool:
            while open_ and any(shows(a, open_[-1][1]) for a in open_[-1][0].chat.answers_to(open_[-1][0])):
                open_.pop()
            return not open_

        await self.tg.until(all_answered, within)
        process.terminate()
        await asyncio.to_thread(process.join, 30)
        assert process.exitcode == 0

    def judge(self) -> int:
        """Assert what is promised; returns the number of orphaned first messages."""
        orphans = 0
        for talk in self.talks:
            finals = []
            for question, text in talk.asked:
                answers = question.chat.answers_to(question)
                whole = [a for a in answers if shows(a, text)]
                assert len(whole) == 1, f"{text!r} has {[a.text for a in answers]}"
                rest = [a for a in answers if a not in whole]
                assert all(a.text.endswith("…") for a in rest), "what is doubled is no opening"
                finals.append(whole[0].id)
                orphans += len(rest)
            assert finals == sorted(finals), "answers out of order"
        return orphans


@dataclass(frozen=True, slots=True)
class Size:
    private: int
    groups: int
    each: int
    """Messages of a chat."""
    kills: int


WHOLE = Size(private=90, groups=10, each=10, kills=100)
ONE_IN_TEN = Faults(bad_gateway=0.10, repeated=0.02, seed=SEED, spared=frozenset())
HIDDEN = Faults(bad_gateway=0.05, dropped=0.03, cut_off=0.05, slow=0.05, seed=SEED, spared=frozenset())


async def trial(home: Path, size: Size, faults: Faults) -> Trial:
    """Ask, kill, ask, and wait until all is answered."""
    forkserver.set_forkserver_preload(["tests.chaos.telegram_worker", "adapters.telegram.adapter"])
    async with Telegram(faults=faults, seed=SEED) as tg, Server(window=100_000).lifespan() as model:
        run = Trial(tg, Bot(tg.token, tg.url, model.url, str(home)), SEED)
        await run.gather(size.private, size.groups)
        questions = [talk for talk in run.talks for _ in range(size.each)]
        random.Random(SEED).shuffle(questions)
        for number in range(size.kills):
            await run.one_life(questions[number :: size.kills])
        await run.last_life(within=600)
    return run


@pytest.mark.timeout(1200)
async def test_a_hundred_kills_of_a_bot_that_answers_a_hundred_chats(tmp_path: Path) -> None:
    run = await trial(tmp_path, WHOLE, ONE_IN_TEN)
    assert run.judge() <= run.kills == WHOLE.kills
    assert run.tg.errors == []


@pytest.mark.timeout(600)
async def test_calls_whose_outcome_is_hidden_double_openings_at_most(tmp_path: Path) -> None:
    run = await trial(tmp_path, Size(private=18, groups=2, each=5, kills=10), HIDDEN)
    assert run.judge() <= run.kills + run.tg.calls["sendMessage"] * 0.15
    assert run.tg.errors == []
