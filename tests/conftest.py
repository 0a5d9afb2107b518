"""Fixtures for all tests: databases, fresh for each test."""

from __future__ import annotations

import gc
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from storage.db import Database
from storage.migrations import migrate
from storage.postgres import postgres_engine

# How long an example takes says more about the machine than about the code.
settings.register_profile("tertulia", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tertulia")

SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
NO_ROWS = """DO $$
DECLARE place record; used boolean;
BEGIN
  FOR place IN SELECT relname FROM pg_class
      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', place.relname) INTO used;
    IF used THEN EXECUTE format('TRUNCATE %I CASCADE', place.relname); END IF;
  END LOOP;
  PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence;
END $$"""
"""Empties what a test has filled: to empty a table takes long, to look takes nothing."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """More than there are cores, as many tests wait for a browser or a process; PostgreSQL bounds them."""
    cores = os.cpu_count() or 1
    return min(cores + (cores + 1) // 2, 6)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: else one worker is left with them while all others have ended."""
    items.sort(key=lambda item: "chaos" not in item.path.parts)


def pytest_collection_finish() -> None:
    """What was imported stays, and the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def require(reason: str) -> None:
    """Skip for want of something; fail where the environment promises everything."""
    if os.environ.get("TERTULIA_TEST_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def scratch_database() -> Iterator[str]:
    """The URL of a new PostgreSQL database, dropped at the end."""
    name = f"tertulia_test_{uuid.uuid4().hex[:12]}"
    url = SERVER.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError as error:
        require(f"PostgreSQL at 127.0.0.1:5432 does not answer: {str(error.orig).splitlines()[0]}")
    yield SERVER.rpartition("/")[0] + f"/{name}"
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_server_database() -> Iterator[str]:
    """The scratch database of this test worker."""
    with scratch_database() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server_database: str) -> str:
    """An empty PostgreSQL database."""
    engine = postgres_engine(postgres_server_database)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres_server_database


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A place for a SQLite database; no file is there yet."""
    return f"sqlite:///{tmp_path / 'tertulia.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def started_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as a first start leaves it: to migrate takes ten times as long as to copy."""
    path = tmp_path_factory.mktemp("started") / "tertulia.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_ready(started_sqlite: Path, tmp_path: Path) -> str:
    """A SQLite database with tables and no rows."""
    shutil.copy(started_sqlite, tmp_path)
    return f"sqlite:///{tmp_path / started_sqlite.name}"


@pytest.fixture(scope="session")
def started_postgres() -> Iterator[Engine]:
    """A scratch database of this test worker as a first start leaves it."""
    with scratch_database() as url:
        migrate(url)
        engine = postgres_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def postgres_ready(started_postgres: Engine) -> str:
    """A PostgreSQL database with tables and no rows."""
    with started_postgres.begin() as connection:
        connection.execute(text(NO_ROWS))
    return started_postgres.url.set(drivername="postgresql").render_as_string()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """An open database of each kind."""
    async with Database(request.getfixturevalue(f"{request.param}_ready")).lifespan() as database:
        yield database


@pytest.fixture
async def sqlite_db(sqlite_ready: str) -> AsyncIterator[Database]:
    async with Database(sqlite_ready).lifespan() as database:
        yield database
