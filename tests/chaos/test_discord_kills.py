"""A Discord bot killed again and again under rate limits, with every tenth call answered 5xx or not at
all, and a gateway that drops, moves and forgets its sessions: no message lost, no text doubled or cut,
order kept."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chaos.discord_worker import POINTS, main
from tests.chaos.judge import Question, Shown, all_answered, judge
from tests.chaos.lives import DoomedLives, deaths
from tests.chaos.people import WORDS
from tests.chaos.worker import Death, Life
from tests.simulators.discord import Channel, Discord, Faults, GatewayRules, Person
from tests.simulators.openai import Server

SEED = 20261126
LONG, TIMES = 8, 3
"""One question in so many has code in it, and comes back so many times: as several messages."""


@dataclass
class Chat:
    """A channel of a guild, or a private one, and who asks in it."""

    person: Person
    guild: Channel | None = None
    asked: list[Question] = field(default_factory=list)

    async def ask(self, random_: random.Random) -> None:
        number, times = len(self.asked), 1
        words = " ".join(random_.choices(WORDS, k=random_.randint(5, 60)))
        if random_.randrange(LONG) == 0:
            times = TIMES
            code = "\n".join(" ".join(random_.choices(WORDS, k=4)) for _ in range(35))
            words = f"{words}\n\n```\n{code}\n```\n\n{random_.choice(WORDS)}"
        text = f"[[interval=0.002 times={times}]] {number} {words}"
        if self.guild is None:
            message, said = await self.person.say(text), text
        else:
            message = await self.person.ask(text, channel=self.guild)
            said = f"{self.person.user.name}: {text}"
        self.asked.append(Question(message.id, "\n\n".join([said] * times)))

    def shown(self) -> list[Shown]:
        channel = self.guild or self.person.channel
        return [Shown(a.id, a.content, a.reply_to.id if a.reply_to else 0) for a in channel.answers]


class Trial:
    """The people's side."""

    def __init__(self, dc: Discord, life: Life, random_: random.Random) -> None:
        self.dc = dc
        self.lives = DoomedLives(main, life)
        self.talks: list[Chat] = []
        self._random = random_

    async def gather(self, guilds: int, channels: int, private: int) -> None:
        for number in range(guilds):
            people = [self.dc.person(f"G{number}C{n}") for n in range(channels)]
            room = await self.dc.guild(f"guild {number}", *people)
            places = [room.general, *[await room.text(f"channel {n}") for n in range(1, channels)]]
            self.talks += [Chat(person, place) for person, place in zip(people, places, strict=True)]
        self.talks += [Chat(self.dc.person(f"P{n}")) for n in range(private)]

    async def meet(self) -> None:
        """Discord tells a bot of a private chat when something is said in it, and of guilds when it comes:
        what came before that counts for nothing. So the first life meets all, and then ends."""
        process = self.lives.begin(Death())
        await self.dc.until(lambda: self.dc.connected, 30)
        private = [talk for talk in self.talks if talk.guild is None]
        for talk in private:
            await talk.ask(self._random)
        await self.dc.until(all_answered(private), 60)
        await self.lives.kill(process, 0)

    async def one_life(self, death: Death, questions: Sequence[Chat]) -> None:
        """Some ask while the bot is down, some while it is up, some while its gateway is away."""
        down, up, away = (questions[n::3] for n in range(3))
        await self._ask(down)
        process = self.lives.begin(death)
        patience = 20.0 if death.point else self._random.uniform(0.1, 1.4)
        dying = asyncio.create_task(self.lives.die(process, death, patience))
        connected = asyncio.create_task(self.dc.until(lambda: self.dc.connected, 30))
        await asyncio.wait([dying, connected], return_when=asyncio.FIRST_COMPLETED)
        connected.cancel()
        await self._ask(up)
        self._trouble_gateway(gently=bool(death.point))
        await self._ask(away)
        await dying

    async def last_life(self, within: float) -> None:
        process = self.lives.begin(Death())
        await self.dc.until(all_answered(self.talks), within)
        await self.lives.end(process)

    def judge(self) -> int:
        """Assert what is promised; returns the number of orphaned first messages."""
        return sum(judge(talk.asked, talk.shown()) for talk in self.talks)

    def troubles(self) -> Counter[str]:
        """What went wrong, by kind."""
        dc, gateway = self.dc, self.dc.world.gateway
        calls = Counter("5xx" if call.status >= 500 else call.description for call in dc.log)
        return Counter(
            {kind: calls[kind] for kind in ("5xx", "drop", "cut")}
            | {"429": sum(dc.refused.values()), "calls": sum(dc.calls.values())}
            | {"sessions": gateway.identifies, "resumed": gateway.resumes, "invalid": gateway.invalidated}
        )

    async def _ask(self, talks: Sequence[Chat]) -> None:
        for talk in talks:
            await talk.ask(self._random)

    def _trouble_gateway(self, *, gently: bool) -> None:
        """`gently`: so that the bot need not wait for another session."""
        troubles = [lambda: None, self.dc.drop_gateway, self.dc.request_reconnect]
        if not gently:
            troubles += [
                lambda: self.dc.invalidate_sessions(resumable=True),
                lambda: self.dc.invalidate_sessions(resumable=False),
            ]
        self._random.choice(troubles)()


@dataclass(frozen=True, slots=True)
class Size:
    guilds: int
    channels: int
    """Of a guild."""
    private: int
    each: int
    """Messages of a chat."""
    kills: int
    planned: int
    """Kills before and after each point."""

    @property
    def chats(self) -> int:
        return self.guilds * self.channels + self.private


WHOLE = Size(guilds=9, channels=10, private=10, each=10, kills=100, planned=3)
ONE_IN_TEN = Faults(
    server_error=0.06,
    dropped=0.01,
    cut_off=0.04,
    socket_drops=0.01,
    reconnects=0.01,
    invalid_sessions=0.2,
    seed=SEED,
    spared=frozenset(),
)


async def trial(home: Path, size: Size, *, privileged: Collection[str] = ("content",)) -> Trial:
    """Meet, ask, kill, ask, and wait until all is answered."""
    random_ = random.Random(SEED)
    rules = GatewayRules(identify_seconds=0)
    async with (
        Discord(privileged=privileged, gateway=rules, faults=ONE_IN_TEN) as dc,
        Server(window=100_000).lifespan() as model,
    ):
        life = Life(dc.url, model.url, str(home), f"sqlite:///{home}/chaos.db", keyed=True, death=Death())
        run = Trial(dc, life, random_)
        await run.gather(size.guilds, size.channels, size.private)
        await run.meet()
        questions = [talk for talk in run.talks for _ in range(size.each - len(talk.asked))]
        random_.shuffle(questions)
        first = ("turns.checkpoint", "values.put")
        plan = deaths(POINTS, size.kills - 1, random_, each=size.planned, first=first)
        for number, death in enumerate(plan):
            await run.one_life(death, questions[number :: len(plan)])
        await run.last_life(within=600)
    assert run.lives.kills == size.kills
    return run


@pytest.mark.timeout(600)
async def test_a_bot_killed_at_every_state_of_a_turn_loses_and_doubles_nothing(tmp_path: Path) -> None:
    run = await trial(tmp_path, Size(guilds=3, channels=7, private=4, each=8, kills=40, planned=1))
    assert run.judge() == 0
    assert set(run.lives.fired) == {(point, after) for point in POINTS for after in (False, True)}
    assert all(run.troubles().values()), run.troubles()
    assert run.dc.errors == []


@pytest.mark.timeout(600)
async def test_a_bot_that_may_not_read_all_messages_finds_those_to_it(tmp_path: Path) -> None:
    size = Size(guilds=2, channels=5, private=2, each=5, kills=10, planned=0)
    run = await trial(tmp_path, size, privileged=())
    assert run.judge() == 0
    assert {error.split()[1] for error in run.dc.errors} == {"4014"}
