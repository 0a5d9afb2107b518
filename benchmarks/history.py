"""Loading the last messages of a conversation, however long it has become."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from benchmarks.core import apart
from benchmarks.report import Section, median, percentile, verdict
from benchmarks.throughput import scratch_postgres
from bot.clock import SystemClock
from bot.types import Address, Message, Role
from storage.conversations import SqlConversations, message_rows
from storage.db import Database, open_database
from storage.turns import SAY

TURNS = 10
"""Of the window: twenty messages."""
BATCH = 5_000
TEXT = "A message of some eighty characters, as people and models write them to each other."


def run(folder: Path, *, quick: bool) -> list[Section]:
    sizes = (10, 20, 1_000) if quick else (10, 20, 10_000, 1_000_000)
    rows: list[list[str]] = []
    with scratch_postgres() as postgres:
        databases = {"SQLite": f"sqlite:///{folder / 'history.db'}", "PostgreSQL": postgres}
        for name, url in databases.items():
            if url:
                rows += _rows(name, apart(load_times, url, sizes, 100 if quick else 1000))
    note = (
        f"One call of `Conversations.history` for the newest {TURNS} turns ({2 * TURNS} messages; of the "
        "shortest conversation all ten), with its way to a database thread and back. All conversations lie "
        "in one database, and the calls go round them in turn. Flat: at most 1.5 times what the same number "
        "of messages takes where no others are stored."
    )
    columns = ("database", "stored messages", "p50", "p99", "ratio to 10", "ratio to 20", "flat")
    return [Section("history", "History load", columns, rows, note)]


def _rows(database: str, loads: dict[int, list[float]]) -> list[list[str]]:
    ten, twenty, *_ = map(median, loads.values())
    rows = []
    for size, times in loads.items():
        p50, p99 = median(times), percentile(times, 0.99)
        judged = verdict(p50 <= 1.5 * twenty) if size > 2 * TURNS else ""
        cells = [database, f"{size:,}", f"{p50:.0f} µs", f"{p99:.0f} µs"]
        rows.append([*cells, f"{p50 / ten:.2f}", f"{p50 / twenty:.2f}", judged])
    return rows


async def load_times(url: str, sizes: tuple[int, ...], calls: int) -> dict[int, list[float]]:
    """Microseconds of each call, by the number of stored messages."""
    times: dict[int, list[float]] = {size: [] for size in sizes}
    async with open_database(url) as db:
        conversations = SqlConversations(db, SystemClock())
        ids = {size: await _filled(db, conversations, size) for size in sizes}
        for _ in range(calls):
            for size, conversation in ids.items():
                first = max(1, size // 2 - TURNS + 1)
                began = time.perf_counter()
                messages = await conversations.history(conversation, first_turn=first)
                times[size].append((time.perf_counter() - began) * 1e6)
                assert len(messages) == min(size, 2 * TURNS)
    return times


async def _filled(db: Database, conversations: SqlConversations, size: int) -> int:
    """The id of a conversation with so many messages."""
    found = await conversations.open(Address("bench", "bot", f"of {size}"))
    turn = [Message(Role.USER, TEXT, tokens=20), Message(Role.ASSISTANT, TEXT, tokens=20)]

    def fill(first: int, connection: Connection) -> None:
        numbers = range(first, min(first + BATCH, size // 2 + 1))
        rows = [row for n in numbers for row in message_rows(found.id, n, turn, shown=True)]
        connection.execute(SAY, rows)

    for first in range(1, size // 2 + 1, BATCH):
        await db.write(partial(fill, first))
    return found.id
