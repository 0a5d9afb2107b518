"""Turns per second in front of a model that needs no time, and the CPU of a message."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from benchmarks.core import Setup, apart, cpu_seconds, tertulia
from benchmarks.model import model_server
from benchmarks.report import Section, verdict

CHATS = 64
PLAIN = "message number"
"""The documents are searched for it, and hold nothing."""
LOOKED_UP = "How do I connect Telegram?"
"""Shown to the model with up to 4,000 characters of the handbook."""
POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


def run(folder: Path, *, quick: bool) -> list[Section]:
    messages = 256 if quick else 6400
    rows = []
    with model_server() as url, scratch_postgres() as postgres:
        for name, database, question in (
            ("SQLite", f"sqlite:///{folder / 'plain.db'}", PLAIN),
            ("SQLite, passages", f"sqlite:///{folder / 'passages.db'}", LOOKED_UP),
            ("PostgreSQL", postgres, PLAIN),
        ):
            if database:
                per_second, cost = apart(rate, Setup(url, database), messages, question)
                met = verdict(per_second >= 100 and cost <= 10)
                rows.append([name, f"{per_second:.0f}", f"{cost:.2f} ms", "≥ 100/s, ≤ 10 ms", met])
    note = (
        f"{messages} questions in {CHATS} conversations, each asking again as soon as it is answered; "
        "answers of three chunks, everything durable. For each the documents are searched; `passages`: and "
        "found, and shown to the model. CPU is that of Tertulia's process (of PostgreSQL, its client's)."
    )
    columns = ("database", "turns/s", "CPU per message", "target", "")
    return [Section("throughput", "Turns per second, a model without latency", columns, rows, note)]


async def rate(setup: Setup, messages: int, question: str = PLAIN) -> tuple[float, float]:
    """(turns per second, CPU milliseconds per turn)."""
    async with tertulia(setup) as bot:

        async def talk(chat: str, questions: int) -> None:
            for number in range(questions):
                await bot.ask(chat, f"{question} {number}")

        await asyncio.gather(*(talk(f"chat{n}", 1) for n in range(CHATS)))
        cpu, began = cpu_seconds(), time.monotonic()
        await asyncio.gather(*(talk(f"chat{n}", messages // CHATS) for n in range(CHATS)))
        asked = messages // CHATS * CHATS
        return asked / (time.monotonic() - began), (cpu_seconds() - cpu) / asked * 1000


@contextmanager
def scratch_postgres() -> Iterator[str]:
    """The URL of an empty database on this machine's PostgreSQL; "" where there is none."""
    name = f"tertulia_bench_{uuid.uuid4().hex[:12]}"
    engine = create_engine(POSTGRES, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError:
        yield ""
        return
    try:
        yield f"postgresql://postgres@127.0.0.1:5432/{name}"
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
