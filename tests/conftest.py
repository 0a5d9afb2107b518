"""Fixtures for all tests: databases, fresh for each test."""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from storage.db import Database
from storage.postgres import postgres_engine

# How long an example takes says more about the machine than about the code.
settings.register_profile("tertulia", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tertulia")

SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"


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


@pytest.fixture(scope="session")
def postgres_server_database() -> Iterator[str]:
    """The URL of a scratch database of this test worker, dropped at the end."""
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


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open database of each kind."""
    async with Database(database_url).lifespan() as database:
        yield database


@pytest.fixture
async def sqlite_db(sqlite_url: str) -> AsyncIterator[Database]:
    async with Database(sqlite_url).lifespan() as database:
        yield database
