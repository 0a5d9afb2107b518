"""The console and the page over a million conversations: the server's time of whole pages, and of the
queries behind them."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.core import apart
from benchmarks.million import BUSY, HEAVY, RARE_EVERY, Million, name_of, person_id
from benchmarks.pages import measured as pages_measured
from benchmarks.report import Section, median, percentile, verdict
from bot.statistics import LEVELS
from bot.types import RATINGS
from storage.console.archive import SqlArchive
from storage.console.statistics import SqlStatistics
from storage.db import open_database
from storage.own import SqlOwnConversations

CALLS = 200
ROUNDS = 100
TARGET_MS = 50
CHARTS = ("events", "turns", "tokens", "first_chunk", "turn", "errors", RATINGS, *LEVELS)

Query = Callable[[], Awaitable[Any]]
Times = Mapping[str, Sequence[float]]
"""Milliseconds, by the name of what was asked for."""


def run(folder: Path, *, quick: bool) -> list[Section]:
    million = Million(2_000 if quick else 1_000_000)
    url = f"sqlite:///{folder / 'console.db'}"
    filled = apart(filled_with, url, million)
    queries = apart(queries_measured, url, million, 20 if quick else CALLS)
    pages = apart(pages_measured, folder, url, million, 3 if quick else ROUNDS)
    size = million.size
    some, few = f"{size // 10:,}", f"{size // 1_000:,}"
    note = (
        f"SQLite with {size:,} conversations, {size:,} people, {size:,} turns and {size * 2:,} messages, all "
        f"of them in the index of words; {size // 20:,} of the conversations are one person's, {few} each of "
        f"{BUSY} others'; {some} dead letters, lines of the audit log, invitations and places; {few} "
        "personas, versions of one of them, accounts and shared links; 90 days of statistics; filled in "
        f"{filled.seconds:.0f} s, {filled.size / 1e9:.1f} GB. The target is for p95. "
    )
    whole = (
        f"`tertulia run` in a process of its own, asked by HTTP on loopback, {len(pages)} pages in turn, "
        f"{ROUNDS} rounds; the time is the client's, so that it holds the way there and back, who asks (a "
        "session, a cookie), the page's line in the audit log, and the HTML."
    )
    single = (
        f"Each query {CALLS} times for a page of 50, with its way to a database thread and back. Middle: at "
        f"a random place. Rare: a word in one turn of {RARE_EVERY:,}; common: one in every second."
    )
    return [
        _section("console-pages", "Pages over a million conversations", "page", pages, note + whole),
        _section("console", "The console's lists at a million conversations", "list", queries, single),
    ]


def _section(name: str, title: str, what: str, times: Times, note: str) -> Section:
    rows = []
    for asked, took in times.items():
        p95 = percentile(took, 0.95)
        met = verdict(p95 <= TARGET_MS)
        rows.append(
            [asked, *(f"{v:.1f} ms" for v in (median(took), p95, max(took))), f"≤ {TARGET_MS} ms", met]
        )
    return Section(name, title, (what, "p50", "p95", "longest", "target", ""), rows, note)


@dataclass(frozen=True)
class Filled:
    seconds: float
    size: int


async def filled_with(url: str, million: Million) -> Filled:
    began = time.monotonic()
    async with open_database(url) as db:
        await million.fill(db)
    seconds, file = time.monotonic() - began, Path(url.removeprefix("sqlite:///"))
    return Filled(seconds, (await asyncio.to_thread(file.stat)).st_size)


async def queries_measured(url: str, million: Million, calls: int) -> Times:
    async with open_database(url) as db:
        archive, own = SqlArchive(db), SqlOwnConversations(db)
        queries = _queries(archive, SqlStatistics(db), own, million, random.Random(5))
        times: dict[str, list[float]] = {name: [] for name in queries}
        gc.collect()
        gc.freeze()  # as the service does, once it has started
        for _ in range(calls):
            for name, query in queries.items():
                asked = time.perf_counter()
                await query()
                times[name].append((time.perf_counter() - asked) * 1e3)
    return times


def _queries(
    archive: SqlArchive,
    statistics: SqlStatistics,
    own: SqlOwnConversations,
    million: Million,
    chance: random.Random,
) -> dict[str, Query]:
    size, day = million.size, 86_400.0

    def place() -> tuple[float, int]:
        return million.at(chance), 1 << 62

    def name() -> tuple[str, str]:
        return name_of(chance.randrange(size)), ""

    def turn() -> int:
        return chance.randrange(1, size)

    def charts(days: int, step: float) -> Awaitable[Any]:
        return statistics.range(CHARTS, since=million.now - days * day, until=million.now, step=step)

    return {
        "conversations, first page": archive.conversations,
        "conversations, middle": lambda: archive.conversations(before=place()),
        "conversations, last page": lambda: archive.conversations(before=(million.start + 50, 0)),
        "conversations of a platform, middle": lambda: archive.conversations(before=place(), platform="web"),
        "conversations of a person": lambda: archive.conversations(
            person_id=person_id(chance.randrange(size))
        ),
        "conversations of one with many": lambda: archive.conversations(before=place(), person_id=HEAVY),
        "one's own, of many, middle": lambda: own.listing(HEAVY, before=place()),
        "search in one's own, of many": lambda: own.search(HEAVY, "question", before=(*place(), 0)),
        "search in one's own, of many, nothing": lambda: own.search(HEAVY, "zzzzz", before=(*place(), 0)),
        "search, common word, first page": lambda: archive.search("question"),
        "search, common word, middle": lambda: archive.search("question", before=turn()),
        "search, common word, last page": lambda: archive.search("question", before=60),
        "search, common character": lambda: archive.search("天", before=turn()),
        "search, two common words": lambda: archive.search("music 历史", before=turn()),
        "search, rare word": lambda: archive.search("xylophone"),
        "search, rare and common word": lambda: archive.search("xylophone question"),
        "search, no such word": lambda: archive.search("zzzzz question"),
        "search, beginning of a common word": lambda: archive.search("ques", before=turn()),
        "search, beginning of a rare word": lambda: archive.search("xylo"),
        "search, rare word and a common beginning": lambda: archive.search("xylophone ques"),
        "search, common word and a rare beginning": lambda: archive.search("question xylo"),
        "search, no such beginning": lambda: archive.search("question zzzz"),
        "people, first page": archive.people,
        "people, middle": lambda: archive.people(after=name()),
        "people by name": lambda: archive.people(name=name()[0][:4]),
        "people by name, middle": lambda: archive.people(name="anna", after=("anna 5", "")),
        "people by name, last page": lambda: archive.people(name="anna", after=("anna 999", "")),
        "people of a role": lambda: archive.people(role="operator"),
        "people of a role by name": lambda: archive.people(role="operator", name="chen"),
        "feedback, first page": archive.feedback,
        "feedback, middle": lambda: archive.feedback(before=(place()[0], "", "")),
        "feedback, bad and open": lambda: archive.feedback(value=-1, open_only=True),
        "totals": archive.totals,
        "charts of a day": lambda: charts(1, 900),
        "charts of ninety days": lambda: charts(90, day),
    }
