"""Migrations, packaged; and moving by hand, for `tertulia migrate` and those who go back a version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from storage import revisions
from storage.db import dialect_of
from storage.failures import explain


def revision(url: str) -> str | None:
    """The revision of the tables; None if there are none yet. Changes nothing.

    Raises StorageError as `storage.db.Database.lifespan` does.
    """
    if dialect_of(url) == "sqlite" and not _path(url).exists():
        return None
    with _connection(url) as connection:
        return revisions.revision(connection)


def migrate(url: str, target: str = "head") -> str | None:
    """Bring the tables to `target` (``head``, ``base`` or a revision) in one transaction; returns
    the revision then. Going down drops what the older version does not know. Blocks."""
    with _connection(url) as connection:
        if target == "head":
            revisions.bring_up_to_date(connection)
        else:
            revisions.move(connection, target)
        return revisions.revision(connection)


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///")).expanduser().absolute()


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    if dialect_of(url) == "sqlite":
        from storage.sqlite import check_file, claim, sqlite_engine

        check_file(_path(url))
        engine, prepare = sqlite_engine(_path(url)), claim
    else:
        from storage.postgres import postgres_engine

        engine, prepare = postgres_engine(url), None
    try:
        with engine.connect() as connection:
            if prepare is not None:
                prepare(connection)
            yield connection
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise explain(error) from None
    finally:
        engine.dispose()
