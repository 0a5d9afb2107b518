"""The console's lists over a million conversations: the server's time of each query, at random places."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from benchmarks.core import apart
from benchmarks.report import Section, median, percentile, verdict
from bot.types import Message, Role, Sample
from storage import said
from storage.console.archive import SqlArchive
from storage.console.statistics import SqlStatistics
from storage.conversations import message_rows
from storage.db import Database, open_database
from storage.text import folded
from storage.turns import SAY

TURNS_EACH = 1
"""Of two messages."""
TEXTS = 5_000
BATCH = 5_000
CALLS = 200
TARGET_MS = 50
START = 1_700_000_000.0
PLATFORMS = ("telegram", "telegram", "telegram", "discord", "web")
RARE_EVERY = 20_000
"""One turn in so many has the rare word."""
_NOBODY = {"language": "", "settings": "{}"}
_TABLES = {
    "person": ("id", "role", "name", "name_key", "language", "settings", "created_at"),
    "identity": ("platform", "user_id", "person_id", "name", "created_at"),
    "conversation": (
        *("id", "address_key", "platform", "account", "chat", "thread", "start_turn", "first_turn"),
        *("summary", "summary_tokens", "model", "persona", "title", "settings", "active_at"),
    ),
    "turn": (
        *("id", "conversation_id", "number", "revision", "event_key", "state", "person_id", "text"),
        *("question_id", "attempts", "model", "prompt_tokens", "completion_tokens", "cached_tokens"),
        *("finish_reason", "citations", "error", "started_at", "ended_at"),
    ),
    "feedback": ("turn_id", "person_id", "value", "reason", "created_at", "handled"),
}
INSERT = {
    table: text(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f':{c}' for c in columns)})")
    for table, columns in _TABLES.items()
}
WORDS = (
    "how do the bot and its people answer a question of every day about weather travel cooking music "
    "football history 天气 旅行 怎么 做饭 音乐 历史 documents settings tokens errors models servers"
).split()
NAMES = ("Anna", "Ben", "Chen", "Dmitri", "Élodie", "Fatima", "王", "李", "さくら", "Zoe")

Row = dict[str, Any]
Query = Callable[[], Awaitable[Any]]


def run(folder: Path, *, quick: bool) -> list[Section]:
    size, calls = (2_000, 20) if quick else (1_000_000, CALLS)
    measured = apart(_measured, f"sqlite:///{folder / 'console.db'}", size, calls)
    rows = []
    for name, times in measured.times.items():
        p50, p95 = median(times), percentile(times, 0.95)
        met = verdict(p95 <= TARGET_MS)
        rows.append(
            [name, f"{p50:.1f} ms", f"{p95:.1f} ms", f"{max(times):.1f} ms", f"≤ {TARGET_MS} ms", met]
        )
    note = (
        f"SQLite with {size:,} conversations, {size:,} people, {size * TURNS_EACH:,} turns and "
        f"{size * TURNS_EACH * 2:,} messages, all of them in the index of words; filled in "
        f"{measured.filled:.0f} s, {measured.size / 1e9:.1f} GB. Each query {calls} times for a page of 50, "
        "with its way to a database thread and back. Middle: at a random place. Rare: a word in one turn of "
        f"{RARE_EVERY:,}; common: one in every second. The target is for p95."
    )
    columns = ("list", "p50", "p95", "longest", "target", "")
    return [Section("console", "The console's lists at a million conversations", columns, rows, note)]


@dataclass(frozen=True)
class Measured:
    times: dict[str, list[float]]
    """Milliseconds, by the query's name."""
    filled: float
    size: int


async def _measured(url: str, size: int, calls: int) -> Measured:
    chance = random.Random(5)
    async with open_database(url) as db:
        began = time.monotonic()
        await _fill(db, size)
        filled = time.monotonic() - began
        queries = _queries(SqlArchive(db), SqlStatistics(db), size, chance)
        times: dict[str, list[float]] = {name: [] for name in queries}
        for _ in range(calls):
            for name, query in queries.items():
                asked = time.perf_counter()
                await query()
                times[name].append((time.perf_counter() - asked) * 1e3)
    file = Path(url.removeprefix("sqlite:///"))
    return Measured(times, filled, await asyncio.to_thread(lambda: file.stat().st_size))


def _queries(
    archive: SqlArchive, statistics: SqlStatistics, size: int, chance: random.Random
) -> dict[str, Query]:
    def place() -> tuple[float, int]:
        return START + chance.random() * size, 1 << 62

    def name() -> tuple[str, str]:
        return _name(chance.randrange(size)), ""

    def turn() -> int:
        return chance.randrange(1, size * TURNS_EACH)

    end, day = START + size * TURNS_EACH, 86_400.0
    charts = ("events", "turns", "tokens", "first_chunk", "turn", "errors")
    return {
        "conversations, first page": archive.conversations,
        "conversations, middle": lambda: archive.conversations(before=place()),
        "conversations, last page": lambda: archive.conversations(before=(START + 50, 0)),
        "conversations of a platform, middle": lambda: archive.conversations(before=place(), platform="web"),
        "conversations of a person": lambda: archive.conversations(person_id=_person(chance.randrange(size))),
        "search, common word, first page": lambda: archive.search("question"),
        "search, common word, middle": lambda: archive.search("question", before=turn()),
        "search, common word, last page": lambda: archive.search("question", before=60),
        "search, common character": lambda: archive.search("天", before=turn()),
        "search, two common words": lambda: archive.search("music 历史", before=turn()),
        "search, rare word": lambda: archive.search("xylophone"),
        "search, rare and common word": lambda: archive.search("xylophone question"),
        "search, no such word": lambda: archive.search("zzzzz question"),
        "people, first page": archive.people,
        "people, middle": lambda: archive.people(after=name()),
        "people by name": lambda: archive.people(name=_name(chance.randrange(size))[:4]),
        "people by name, middle": lambda: archive.people(name="anna", after=("anna 5", "")),
        "people by name, last page": lambda: archive.people(name="anna", after=("anna 999", "")),
        "people of a role": lambda: archive.people(role="operator"),
        "people of a role by name": lambda: archive.people(role="operator", name="chen"),
        "feedback, first page": archive.feedback,
        "feedback, middle": lambda: archive.feedback(before=(place()[0], "", "")),
        "feedback, bad and open": lambda: archive.feedback(value=-1, open_only=True),
        "totals": archive.totals,
        "charts of a day": lambda: statistics.range(charts, since=end - day, until=end, step=900),
        "charts of ninety days": lambda: statistics.range(charts, since=end - 90 * day, until=end, step=day),
    }


def _person(number: int) -> str:
    return f"p{number:08}"


def _name(number: int) -> str:
    return f"{NAMES[number % len(NAMES)]} {number * 7919 % 1_000_003}"


async def _fill(db: Database, size: int) -> None:
    for first in range(0, size, BATCH):
        await db.write(partial(_add, range(first, min(first + BATCH, size))))
    statistics = SqlStatistics(db)
    end = START + size * TURNS_EACH
    for day in range(90):
        await statistics.add(list(_samples(end - (90 - day) * 86_400, 3_600 if day < 88 else 900)))


def _samples(start: float, step: int) -> Iterator[Sample]:
    """Of a day: something each so many seconds."""
    for seconds in range(0, 86_400, step):
        at = start + seconds
        for name in ("events", "turns", "tokens", "errors"):
            yield from (Sample(name, f"label {n}", at, 5, 5.0) for n in range(4))
        yield from (Sample(name, "", at, 5, 9.0, (0, 0, 1, 2, 5, 5)) for name in ("turn", "first_chunk"))


def _add(numbers: range, connection: Connection) -> None:
    """A person, a conversation of theirs and its turns for each number; some say what they think."""
    turns = [row for n in numbers for row in _turns(n)]
    rows: dict[str, list[Row]] = {
        "person": [_person_row(n) for n in numbers],
        "identity": [_identity(n) for n in numbers],
        "conversation": [_conversation(n) for n in numbers],
        "turn": turns,
        "feedback": [_feedback(row) for row in turns[::20]],
    }
    for table, found in rows.items():
        connection.execute(INSERT[table], found)
    connection.execute(SAY, [row for turn in turns for row in _messages(turn)])
    connection.execute(said.PUT["sqlite"], [_said(turn) for turn in turns])


def _person_row(n: int) -> Row:
    role = "operator" if n % 10_000 == 0 else "member"
    name = _name(n)
    return {
        **_NOBODY,
        "id": _person(n),
        "role": role,
        "name": name,
        "name_key": folded(name),
        "created_at": START + n,
    }


def _identity(n: int) -> Row:
    return {
        "platform": "telegram",
        "user_id": str(n),
        "person_id": _person(n),
        "name": "",
        "created_at": START,
    }


def _conversation(n: int) -> Row:
    empty = dict.fromkeys(("thread", "summary", "model", "persona", "title"), "")
    platform = PLATFORMS[n % len(PLATFORMS)]
    ones = {"start_turn": 1, "first_turn": 1, "summary_tokens": 0, "settings": "{}"}
    place = {"id": n + 1, "address_key": f"k{n}", "platform": platform, "account": "bot", "chat": str(n)}
    return {**empty, **ones, **place, "active_at": START + n}


def _turns(n: int) -> Iterator[Row]:
    counts = dict.fromkeys(("prompt_tokens", "completion_tokens", "cached_tokens", "revision"), 0)
    empty = dict.fromkeys(("question_id", "finish_reason", "citations", "error"), "")
    for number in range(1, TURNS_EACH + 1):
        nth = n * TURNS_EACH + number
        ids = {
            "id": f"{nth:011x}abcdefghijkl",
            "conversation_id": n + 1,
            "number": number,
            "event_key": f"e{nth}",
        }
        times = {"started_at": START + nth, "ended_at": START + nth}
        rest = {
            "state": "done",
            "person_id": _person(n),
            "text": _said_once(nth % TEXTS)[1],
            "attempts": 1,
            "model": "m",
        }
        yield {**counts, **empty, **ids, **times, **rest, "nth": nth}


@cache
def _said_once(number: int) -> tuple[str, str, str]:
    """A question, its answer and their terms: there are `TEXTS` of them."""
    chance = random.Random(number)
    question = ("A question about " if number % 2 else "What of ") + " ".join(chance.choices(WORDS, k=8))
    answer = " ".join(chance.choices(WORDS, k=30))
    terms = said.terms_of([Message(Role.USER, question), Message(Role.ASSISTANT, answer)], "sqlite")
    return question, answer, terms


def _messages(turn: Row) -> list[Row]:
    question, answer, _ = _said_once(turn["nth"] % TEXTS)
    pair = [Message(Role.USER, question), Message(Role.ASSISTANT, answer)]
    return message_rows(turn["conversation_id"], turn["number"], pair, shown=True)


def _said(turn: Row) -> Row:
    nth = turn["nth"]
    terms = _said_once(nth % TEXTS)[2] + f" n{nth}" + " xylophon" * (nth % RARE_EVERY == 7)
    place = {"conversation_id": turn["conversation_id"], "number": turn["number"]}
    return {**place, "at": turn["started_at"], "terms": terms}


def _feedback(turn: Row) -> Row:
    of = {"turn_id": turn["id"], "person_id": turn["person_id"], "created_at": turn["started_at"]}
    return {**of, "value": 1 if turn["nth"] % 3 else -1, "reason": "", "handled": turn["nth"] % 7 > 0}
