"""A consistent copy of the whole database, as one SQLite file that Tertulia itself opens.

Writers are not held up: SQLite is copied page by page within one read transaction of its WAL
(https://sqlite.org/backup.html, https://sqlite.org/isolation.html), PostgreSQL row by row within one
transaction of the level REPEATABLE READ (https://www.postgresql.org/docs/current/transaction-iso.html).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StorageError
from storage.bundle import pack
from storage.db import Database
from storage.failures import explain
from storage.postgres import postgres_engine
from storage.revisions import bring_up_to_date
from storage.search.sqlite import SqliteIndex
from storage.sqlite import check_file, claim, file_of, raw, sqlite_engine

PAGES = 2_048
"""Copied between two looks at whether to stop: 8 MiB."""
ROWS = 1_000
NAME = "tertulia.db"
PREFIX = "backup-"
_OURS = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version'"
    " AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%\\_fts%' ESCAPE '\\' ORDER BY name"
)
_COLUMNS = text(
    "SELECT column_name, udt_name FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND table_name = :table"
)


class Stopped(Exception):
    """Nobody waits for the copy any more."""


class SqlBackup:
    """`bot.ports.Backup`. Copies lie in `folder` while they are used: there has to be room. `files` is
    the folder of what people bring."""

    def __init__(self, db: Database, folder: Path, files: Path) -> None:
        self._db = db
        self._folder = folder
        self._files = files

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[Path]:
        place, held = await asyncio.to_thread(self._make_room)
        try:
            await self._fill(place / NAME)
            yield place / NAME
        finally:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
            _release(held)

    async def pack(self, copy: Path) -> AsyncGenerator[bytes]:
        with closing(pack(copy, self._files)) as blocks:
            while block := await _whole(asyncio.to_thread(next, blocks, b"")):
                yield block

    async def size(self) -> int:
        return await self._db.read(_size)

    async def clear(self) -> None:
        """Remove what processes that were killed in mid-copy left; not what one still writes."""
        await asyncio.to_thread(self._clear)

    def _make_room(self) -> tuple[Path, int | None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._folder))
            return place, _hold(place)
        except OSError as error:
            raise StorageError(f"{self._folder}: {error.strerror}") from error

    def _clear(self) -> None:
        for place in self._folder.glob(f"{PREFIX}*"):
            with suppress(OSError):
                held = _hold(place)
                shutil.rmtree(place, ignore_errors=True)
                _release(held)

    async def _fill(self, path: Path) -> None:
        stop = threading.Event()
        copying = asyncio.create_task(copy_to(self._db, path, _stopper(stop)))
        try:
            await asyncio.shield(copying)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.gather(copying, return_exceptions=True)
            raise


async def _whole(reading: Awaitable[bytes]) -> bytes:
    """A thread ends what it reads, also where nobody waits for it any more."""
    read = asyncio.ensure_future(reading)
    try:
        return await asyncio.shield(read)
    except asyncio.CancelledError:
        await asyncio.gather(read, return_exceptions=True)
        raise


def _hold(place: Path) -> int | None:
    """Mark the folder as in use until this process ends or releases it. Raises OSError if another
    does. Where folders cannot be locked, none is: there the copies of others count as left."""
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _release(held: int | None) -> None:
    if held is not None:
        os.close(held)


def _size(connection: Connection) -> int:
    """Of the database. A copy of PostgreSQL's is about as large."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return int(pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def _stopper(stop: threading.Event) -> Callable[[], None]:
    def look() -> None:
        if stop.is_set():
            raise Stopped

    return look


async def copy_to(db: Database, path: Path, look: Callable[[], None]) -> None:
    """Write the copy to a new file. `look` is called on the thread that copies, every now and then;
    what it raises ends the copy. Raises StorageError."""
    copying = copy_sqlite if db.dialect == "sqlite" else copy_postgres
    await asyncio.to_thread(copying, db.url, path, look)


def copy_sqlite(url: str, target: Path, look: Callable[[], None]) -> None:
    """See `copy_to`."""
    check_file(target)
    try:
        with closing(sqlite3.connect(file_of(url))) as old, closing(sqlite3.connect(target)) as new:
            old.execute("PRAGMA query_only=ON")
            old.execute("BEGIN")
            old.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot begins here
            old.backup(new, pages=PAGES, progress=lambda *_: look(), sleep=0)
            new.execute("PRAGMA journal_mode=DELETE")  # one file, with none beside it
    except sqlite3.Error as error:
        raise explain(error) from None


def copy_postgres(url: str, target: Path, look: Callable[[], None]) -> None:
    """See `copy_to`."""
    check_file(target)
    engine, source = sqlite_engine(target), postgres_engine(url)
    level = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        with engine.connect() as new:
            claim(new)
            bring_up_to_date(new)
            raw(new).execute("PRAGMA foreign_keys=OFF")  # tables come in no order
            with source.connect().execution_options(**level) as old, old.begin(), new.begin():
                for table in [row[0] for row in new.exec_driver_sql(_OURS)]:
                    _copy_table(old, new, table, look)
            raw(new).execute("PRAGMA journal_mode=DELETE")
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise explain(error) from None
    finally:
        engine.dispose()
        source.dispose()


def _copy_table(old: Connection, new: Connection, table: str, look: Callable[[], None]) -> None:
    theirs = {row.column_name: row.udt_name for row in old.execute(_COLUMNS, {"table": table})}
    columns = [row[1] for row in raw(new).execute(f'PRAGMA table_info("{table}")')]
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join("?" * len(columns))
    insert = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'
    chosen = ", ".join(_as_sqlite(name, theirs[name]) for name in columns)
    with closing(_batches(old, f'SELECT {chosen} FROM "{table}"')) as batches:
        for rows in batches:
            look()
            raw(new).executemany(insert, [tuple(row) for row in rows])
            if table == "passages":
                _index(new, [row._mapping for row in rows])


def _as_sqlite(name: str, kind: str) -> str:
    """Terms are a list of words there."""
    if kind == "tsvector":
        return f"array_to_string(tsvector_to_array({name}), ' ') AS {name}"
    return f'"{name}"'


def _batches(old: Connection, query: str) -> Generator[Sequence[Any]]:
    options = {"stream_results": True, "max_row_buffer": ROWS}
    with old.exec_driver_sql(query, execution_options=options) as result:
        yield from result.partitions(ROWS)


def _index(new: Connection, passages: Sequence[Mapping[str, Any]]) -> None:
    index = SqliteIndex()
    index.add(new, [{"id": p["id"], **index.prepare(p["title"], p["text"])} for p in passages])
