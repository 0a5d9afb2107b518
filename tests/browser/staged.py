"""A service that has been in use for a day, for pictures and for figures: people, conversations and
statistics, put into a home's database as the service itself would have put them, before it starts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bot.opening import Stores, open_stores
from bot.settings import Settings
from bot.statistics import Statistics
from bot.types import (
    RATINGS,
    Address,
    ConsoleRole,
    Event,
    EventKind,
    Message,
    Part,
    Role,
    Sample,
    Sender,
    Turn,
    TurnState,
    Usage,
)
from tests.fakes import FakeClock, FakeTelemetry

DAY = 86_400.0
QUARTER = 900.0
MODEL = "house-large"
SHARES = {"telegram": 5, "discord": 3, "web": 2}
"""Of ten messages."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A question with its answer, so many hours ago. `vote` is what its person said of it."""

    hours: float
    platform: str
    name: str
    question: str
    answer: str
    vote: int = 0
    reason: str = ""


TALKS = (
    Talk(
        21,
        "telegram",
        "Élodie Martin",
        "Where do I find my invoice?",
        "Under *Account › Invoices*, as a PDF.",
    ),
    Talk(19, "discord", "kestrel", "Does the bot read our forum?", "Yes: `/settings channel support on`.", 1),
    Talk(17, "telegram", "Dmitri", "How long is the warranty?", "Two years from the day of delivery.", 1),
    Talk(14, "web", "", "Do you ship to Norway?", "Yes, within five working days."),
    Talk(12, "telegram", "王小明", "怎么导出我的数据？", "打开 /mydata 页面，选择“下载”。", 1),
    Talk(
        9, "discord", "Fatima", "Which languages can it speak?", "It answers in the language of the question."
    ),
    Talk(
        7,
        "web",
        "",
        "The parcel came open. What now?",
        "Please send us a photo of it.",
        -1,
        "I have no camera",
    ),
    Talk(5, "telegram", "Ben Okafor", "Can I pay by invoice?", "Companies can, from the second order on."),
    Talk(3, "telegram", "さくら", "開店時間を教えてください", "月曜から金曜、9時から18時までです。", 1),
    Talk(
        1.5, "discord", "moss", "How do I reset my password?", "Choose *Forgotten?* below the login field.", 1
    ),
)


async def stage(home: Path) -> str:
    """Fill the database of this home, a folder. No service runs on it meanwhile. Gives what logs Olga in
    to the console, an owner, within an hour: the `token` of the login page's address."""
    clock = FakeClock(time.time() - DAY)
    async with open_stores(Settings(home=home), clock, durable_inbox=True) as stores:
        statistics = Statistics(stores.statistics, FakeTelemetry(), clock)
        waiting = sorted(TALKS, key=lambda talk: -talk.hours)
        for quarter in range(96):
            while waiting and waiting[0].hours * 3600 >= DAY - quarter * QUARTER:
                await _talk(stores, waiting.pop(0), clock)
            _count(statistics, quarter)
            await statistics.store()
            await stores.statistics.add(list(_ratings(quarter, clock.time())))
            await clock.advance(QUARTER)
        return await stores.accounts.invite("", name="Olga", role=ConsoleRole.OWNER, seconds=3600)


def _count(statistics: Statistics, quarter: int) -> None:
    """What happens in a quarter of an hour, more of it in the middle of the day."""
    busy = 4 + round(16 * math.sin(quarter / 96 * math.pi) ** 2) + quarter * 7 % 5
    for platform, share in SHARES.items():
        statistics.count("events", max(1, busy * share // 10), platform=platform, kind="message")
    for number in range(busy):
        statistics.observe("first_chunk", 0.12 + 0.015 * (number * 5 % 7) + 0.004 * busy)
        statistics.observe("turn", 1.4 + 0.35 * (number * 3 % 8) + 0.05 * busy)
        cached = 620 + quarter * 13 % 90
        for kind, tokens in (("prompt", 900), ("cached", cached), ("completion", 160 + number * 31 % 120)):
            statistics.count("tokens", tokens, kind=kind, model=MODEL)
        statistics.count("turns", state="done")
    if quarter % 11 == 0:
        statistics.count("turns", state="cancelled")
    if quarter % 29 == 7:
        statistics.count("turns", state="failed")
        statistics.count("errors", kind="ModelTimeout")
    if quarter % 13 == 5:
        statistics.count("flood_waits", 2, kind="preview")
    if quarter % 17 == 3:
        statistics.count("refusals", reason="rate")


def _ratings(quarter: int, at: float) -> Iterator[Sample]:
    if quarter % 11 == 0:
        yield Sample(RATINGS, "down", at, 1, 1.0)
    if quarter % 4 == 1:
        yield Sample(RATINGS, "up", at, 1 + quarter % 3, 1.0 + quarter % 3)


async def _talk(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    who = f"{number_of(talk.question)}"
    sender = Sender(who, talk.name)
    chat = f"{who}:a" if talk.platform == "web" else who
    address = Address(talk.platform, "web" if talk.platform == "web" else "bot", chat)
    person = await stores.people.admit(talk.platform, sender)
    conversation = await stores.conversations.open(address)
    await stores.conversations.update(conversation.id, title=talk.question)
    part = Part(text=talk.question)
    event = Event(who, EventKind.MESSAGE, address, sender, (part,), received_at=clock.time())
    turn = await stores.turns.begin(conversation, event, person_id=person.id)
    await _finished(stores, turn, talk, clock)
    if talk.vote:
        await stores.turns.feedback(turn.id, person.id, talk.vote, talk.reason)


async def _finished(stores: Stores, turn: Turn, talk: Talk, clock: FakeClock) -> None:
    said = replace(
        turn,
        state=TurnState.DELIVERING,
        text=talk.answer,
        model=MODEL,
        usage=Usage(912, 48, 640),
        finish_reason="stop",
    )
    asked = Message(Role.USER, talk.question)
    await stores.turns.finish(said, (asked, Message(Role.ASSISTANT, talk.answer)))
    await stores.turns.finish(replace(said, state=TurnState.DONE, ended_at=clock.time() + 2.3))


def number_of(text: str) -> int:
    """Of whoever asked this: the same in every process."""
    return sum((place + 1) * ord(char) ** 2 for place, char in enumerate(text))
