"""A Telegram bot killed a hundred times under flood control, with every tenth call answered 502:
none of a thousand messages lost, no text doubled or cut, order kept."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chaos.judge import Question, Shown, all_answered, judge
from tests.chaos.lives import Lives
from tests.chaos.people import WORDS
from tests.chaos.telegram_worker import Bot, main
from tests.simulators.openai import Server
from tests.simulators.telegram import Chat as TelegramChat
from tests.simulators.telegram import Faults, Person, Telegram

SEED = 20261125


@dataclass
class Chat:
    """A chat, who writes in it, and how the bot is called there."""

    person: Person
    group: TelegramChat | None = None
    mention: str = ""
    asked: list[Question] = field(default_factory=list)

    async def ask(self, random_: random.Random) -> None:
        words = " ".join(random_.choices(WORDS, k=random_.randint(5, 60)))
        text = f"[[interval=0.002]] {len(self.asked)} {words}"
        message = await self.person.say(f"{self.mention}{text}", chat=self.group)
        named = f"{self.person.user.first_name}: " if self.group else ""
        self.asked.append(Question(message.id, f"{named}{text}"))

    def shown(self) -> list[Shown]:
        chat = self.group or self.person.chat
        return [Shown(a.id, a.text, a.reply_to.id if a.reply_to else 0) for a in chat.answers]


class Trial:
    """The people's side."""

    def __init__(self, tg: Telegram, bot: Bot, seed: int) -> None:
        self.tg = tg
        self.talks: list[Chat] = []
        self.lives = Lives(main)
        self._bot = bot
        self._random = random.Random(seed)

    async def gather(self, private: int, groups: int) -> None:
        self.talks = [Chat(self.tg.person(f"P{n}")) for n in range(private)]
        for number in range(groups):
            person = self.tg.person(f"G{number}")
            group = await self.tg.supergroup(f"group {number}", person)
            self.talks.append(Chat(person, group.chat, f"@{self.tg.bot.username} "))

    async def one_life(self, questions: list[Chat]) -> None:
        process = self.lives.start(self._bot)
        for talk in questions:
            await talk.ask(self._random)
        await self.lives.kill(process, self._random.uniform(0.3, 2.0))

    async def last_life(self, within: float) -> None:
        process = self.lives.start(self._bot)
        await self.tg.until(all_answered(self.talks), within)
        await self.lives.end(process)

    def judge(self) -> int:
        """Assert what is promised; returns the number of orphaned first messages."""
        return sum(judge(talk.asked, talk.shown()) for talk in self.talks)


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
    assert run.judge() <= run.lives.kills == WHOLE.kills
    assert run.tg.errors == []


@pytest.mark.timeout(600)
async def test_calls_whose_outcome_is_hidden_double_openings_at_most(tmp_path: Path) -> None:
    run = await trial(tmp_path, Size(private=18, groups=2, each=5, kills=10), HIDDEN)
    assert run.judge() <= run.lives.kills + run.tg.calls["sendMessage"] * 0.15
    assert run.tg.errors == []
