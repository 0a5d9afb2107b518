"""PostgreSQL through psycopg 3: a bounded pool of threads, one transaction for each piece of work."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import zlib
from collections.abc import Iterator
from queue import SimpleQueue

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from bot.errors import StorageBusy, StorageError
from storage.failures import explain, lost_to_others
from storage.jobs import Job, hand_back
from storage.revisions import bring_up_to_date

THREADS = 8
ATTEMPTS = 5
CONNECT_SECONDS = 10


class PostgresBackend:
    """See `storage.db.Backend`."""

    def __init__(self, url: str) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._engine = postgres_engine(url)

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        with contextlib.ExitStack() as undo:
            undo.callback(self._engine.dispose)
            try:
                with self._engine.connect() as connection:
                    bring_up_to_date(connection)
            except SQLAlchemyError as error:
                raise explain(error) from None
            undo.pop_all()
        for number in range(THREADS):
            thread = threading.Thread(target=self._work, name=f"postgres-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._engine.dispose()

    def read(self, job: Job) -> None:
        self._jobs.put(job)

    def write(self, job: Job) -> None:
        self._jobs.put(job)

    @contextlib.contextmanager
    def exclusive(self, name: str) -> Iterator[None]:
        """A session's advisory lock: PostgreSQL frees it when the connection ends."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            key = {"key": zlib.crc32(f"tertulia {name}".encode())}
            if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar():
                raise StorageBusy(
                    f"another Tertulia process is using this database ({name}); stop it, or set "
                    "TERTULIA_BROKER_URL so that several may run"
                )
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            run_in_transaction(self._engine, job)
            hand_back(self._loop, [job])


def run_in_transaction(engine: Engine, job: Job) -> None:
    """Run and commit; again where the transaction was rolled back for another's sake, or the
    connection turned out to be dead before the commit was asked for."""
    for _ in range(ATTEMPTS):
        committing = False
        with job, engine.begin() as connection:
            job.result = job.work(connection)
            committing = True
        if job.error is None or committing or not (lost_to_others(job.error) or _is_dead(job.error)):
            return


def _is_dead(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated


def postgres_engine(url: str) -> Engine:
    """An engine over psycopg; commits are synchronous whatever the server's default.

    Raises StorageError for a URL that cannot be read. It is not shown: it may hold a password.
    """
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (ValueError, ArgumentError):
        raise StorageError(
            "TERTULIA_DATABASE_URL cannot be read as postgresql://USER:PASSWORD@HOST:PORT/NAME"
        ) from None
    parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(
        parsed,
        pool_size=THREADS + 1,
        max_overflow=2,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "tertulia",
            "options": "-c synchronous_commit=on -c lock_timeout=10s",
        },
    )
