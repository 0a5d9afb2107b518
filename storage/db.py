"""The door to the database: work is handed in as functions and runs in one transaction each.

SQLite has one writer thread that commits all waiting writes together, and a few readers;
PostgreSQL has a bounded pool of threads. Neither needs greenlet, and the event loop never waits
for a disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import Connection, text

from bot.errors import StorageError
from storage.jobs import Job

T = TypeVar("T")
Dialect = Literal["sqlite", "postgresql"]


class Backend(Protocol):
    """Threads with connections. `open` and `close` block."""

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Check, migrate, connect and start. Raises StorageError; a foreign file is not touched."""
        ...

    def close(self) -> None:
        """Finish what was handed in, then stop."""
        ...

    def read(self, job: Job) -> None: ...

    def write(self, job: Job) -> None: ...

    def exclusive(self, name: str) -> AbstractContextManager[None]: ...


class Database:
    """A database by URL: ``sqlite:///FILE`` or ``postgresql://…``. Opened by `lifespan`.

    Work runs on a thread with a SQLAlchemy Core connection inside one transaction. It must be
    quick, must not commit or roll back itself, and touches nothing but the connection and its own
    arguments: it runs again if its transaction was rolled back for another's sake.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect: Dialect = dialect_of(url)
        self._backend: Backend | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[Database]:
        """Open, bringing the tables up to date; close after all work handed in is done.

        Raises StorageVersionError (not ours, or newer), StorageBusy, StorageFull, StorageError.
        """
        loop = asyncio.get_running_loop()
        backend = _backend(self.url, self.dialect)
        await asyncio.to_thread(backend.open, loop)
        self._backend, self._loop = backend, loop
        try:
            yield self
        finally:
            self._backend = None
            await asyncio.to_thread(backend.close)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """The result of `work`, which sees one consistent state and changes nothing."""
        job = Job(work, self._future())
        self._open_backend().read(job)
        result: T = await job.future
        return result

    async def write(self, work: Callable[[Connection], T], on_commit: Callable[[T], None] | None = None) -> T:
        """The result of `work`, durable on return; if it raises, nothing is written.

        A cancelled caller leaves the write whole: it takes place, or not at all. `on_commit` is
        called on the event loop right after the commit, in commit order on SQLite, even if the
        caller has stopped waiting; it must not raise.
        """
        job = Job(work, self._future(), on_commit)
        self._open_backend().write(job)
        result: T = await job.future
        return result

    async def check(self) -> None:
        """Raises StorageError unless the database answers."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar())

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Hold `name` for this process alone; the system frees it if the process dies.

        Raises StorageBusy if another holds it.
        """
        holder = self._open_backend().exclusive(name)
        await asyncio.to_thread(holder.__enter__)
        try:
            yield
        finally:
            await asyncio.to_thread(holder.__exit__, None, None, None)

    def _open_backend(self) -> Backend:
        if self._backend is None:
            raise StorageError("the database is not open")
        return self._backend

    def _future(self) -> asyncio.Future[Any]:
        if self._loop is None:
            raise StorageError("the database is not open")
        return self._loop.create_future()


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """`Database(url).lifespan()`."""
    async with Database(url).lifespan() as db:
        yield db


def dialect_of(url: str) -> Dialect:
    """Raises StorageError for a URL of neither kind. The URL is not shown: it may hold a password."""
    if url.startswith("sqlite:///") and not url.startswith("sqlite:///:memory:") and len(url) > 10:
        return "sqlite"
    if url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        return "postgresql"
    raise StorageError("TERTULIA_DATABASE_URL must be sqlite:///FILE or postgresql://USER@HOST/NAME")


def _backend(url: str, dialect: Dialect) -> Backend:
    if dialect == "sqlite":
        from storage.sqlite import SqliteBackend

        return SqliteBackend(url)
    from storage.postgres import PostgresBackend

    return PostgresBackend(url)
