"""SQLite: one writer thread with group commit, a few readers, and care with foreign files.

WAL with `synchronous=FULL`: a commit is on the disk when it returns (https://sqlite.org/wal.html).
Writes that wait while the disk syncs are committed together next time, each in a savepoint of
its own, so that a hundred of them cost one sync.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bot.errors import StorageBusy, StorageError, StorageVersionError
from storage.erasure import Eraser
from storage.failures import explain
from storage.jobs import Job, hand_back
from storage.revisions import bring_up_to_date

APPLICATION_ID = 0x54725475
"""In the header of every file of ours (https://sqlite.org/fileformat2.html#application_id)."""
READERS = 3
BATCH = 128
BUSY_MS = 5_000
_HEADER = b"SQLite format 3\0"


class SqliteBackend:
    """One file, one writer. See `storage.db.Backend`."""

    def __init__(self, url: str) -> None:
        self.path = file_of(url)
        self._writes: SimpleQueue[Job | None] = SimpleQueue()
        self._reads: SimpleQueue[Job | None] = SimpleQueue()
        self._engine = sqlite_engine(self.path)
        self._writer = threading.Thread(target=self._write, name="sqlite-writer", daemon=True)
        self._readers = [
            threading.Thread(target=self._read, name=f"sqlite-reader-{n}", daemon=True)
            for n in range(READERS)
        ]

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        check_file(self.path)
        try:
            self._prepare()
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise explain(error) from None
        self._loop = loop
        for thread in (self._writer, *self._readers):
            thread.start()

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            claim(connection)
            bring_up_to_date(connection)

    def close(self) -> None:
        """The writer goes last: the last connection moves the WAL into the file."""
        for _ in self._readers:
            self._reads.put(None)
        for thread in self._readers:
            thread.join()
        self._writes.put(None)
        self._writer.join()

    def read(self, job: Job) -> None:
        self._reads.put(job)

    def write(self, job: Job) -> None:
        self._writes.put(job)

    @contextlib.contextmanager
    def exclusive(self, name: str) -> Iterator[None]:
        with lock_file(self.path.with_name(f"{self.path.name}-{name}.lock"), name):
            yield

    def _read(self) -> None:
        with self._engine.connect() as connection:
            raw(connection).execute("PRAGMA query_only=ON")
            connection.info["begin"] = "BEGIN"
            while (job := self._reads.get()) is not None:
                with job, connection.begin():
                    job.result = job.work(connection)
                hand_back(self._loop, [job])

    def _write(self) -> None:
        with self._engine.connect() as connection:
            eraser = Eraser(raw(connection))
            while (batch := self._take(eraser.wait())) is not None:
                if batch:
                    _commit(connection, batch)
                    hand_back(self._loop, batch)
                eraser.step()
            eraser.finish()

    def _take(self, wait: float | None) -> list[Job] | None:
        """The writes that wait, none if there are none for so many seconds; None once all is done
        and the end was asked for."""
        try:
            first = self._writes.get(timeout=wait)
        except Empty:
            return []
        if first is None:
            return None
        batch = [first]
        while len(batch) < BATCH:
            try:
                job = self._writes.get_nowait()
            except Empty:
                break
            if job is None:
                self._writes.put(None)
                break
            batch.append(job)
        return batch


def _commit(connection: Connection, batch: list[Job]) -> None:
    if not _commit_together(connection, batch):
        for job in batch:
            _commit_alone(connection, job)


def _commit_together(connection: Connection, batch: list[Job]) -> bool:
    """Settled or not: False, with nothing written, if the transaction as a whole was lost; then
    each job is to be tried alone, so that one cannot take the others down."""
    if len(batch) == 1:
        return False
    driver = raw(connection)
    try:
        transaction = connection.begin()
    except sqlite3.Error as error:
        for job in batch:
            job.error = error
        return True
    try:
        with transaction:
            for job in batch:
                driver.execute("SAVEPOINT job")
                if not job.run(connection):
                    driver.execute("ROLLBACK TO job")
                driver.execute("RELEASE job")
    except (sqlite3.Error, SQLAlchemyError):
        return False
    return True


def _commit_alone(connection: Connection, job: Job) -> None:
    with job, connection.begin():
        job.result = job.work(connection)


def file_of(url: str) -> Path:
    """The file that a ``sqlite:///`` URL names."""
    return Path(url.removeprefix("sqlite:///")).expanduser().absolute()


def sqlite_engine(path: Path) -> Engine:
    """An engine whose transactions begin as this module wants them: IMMEDIATE unless read-only."""

    def connect() -> sqlite3.Connection:
        raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
            "cache_size=-16000",
            "journal_size_limit=67108864",
        ):
            raw.execute(f"PRAGMA {pragma}")
        return raw

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        raw(connection).execute(connection.info.get("begin", "BEGIN IMMEDIATE"))

    return engine


def check_file(path: Path) -> None:
    """Raise unless the file is a database of ours, or there is room for a new one.

    Only its header is read: a foreign file is not even opened by SQLite, which would leave files
    beside it.
    """
    try:
        if not path.exists() or path.stat().st_size == 0:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            return
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise StorageError(
            f"{path}: {error.strerror}. Give this user write access to it, or set TERTULIA_DATABASE_URL."
        ) from error
    if not header.startswith(_HEADER):
        raise StorageVersionError(
            f"{path} is no SQLite database. Move it away, or set TERTULIA_DATABASE_URL to another file."
        )
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StorageVersionError(
            f"{path} is a database of another program. Set TERTULIA_DATABASE_URL to another file."
        )


@contextlib.contextmanager
def lock_file(path: Path, name: str) -> Iterator[None]:
    """An OS lock on `path`, which is made if needed and left there. Raises StorageBusy."""
    with path.open("ab") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            raise StorageBusy(
                f"another Tertulia process is using this database ({name}); stop it, or give this one "
                "its own TERTULIA_HOME"
            ) from error
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def claim(connection: Connection) -> None:
    """Mark a new file as ours, before anything else stands in it."""
    driver = raw(connection)
    if driver.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        driver.execute(f"PRAGMA application_id={APPLICATION_ID}")
    driver.execute("PRAGMA journal_mode=WAL")


def raw(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
