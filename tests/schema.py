"""`python -m tests.schema`, after a new migration: writes `storage/schema.sql` anew."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from sqlalchemy import Connection, text

from storage import revisions
from storage.sqlite import sqlite_engine

_MADE = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
_SHADOWS = re.compile(r"sqlite_|\w+_fts_")
"""SQLite makes these itself."""


def schema_of(connection: Connection) -> str:
    """The statements that make an empty file what this one is, rows of people's aside."""
    made = [sql for name, sql in connection.execute(_MADE) if not _SHADOWS.match(name)]
    made.append(f"INSERT INTO alembic_version VALUES ('{revisions.revision(connection)}')")
    return ";\n".join(_tidy(sql) for sql in made) + "\n"


def _tidy(sql: str) -> str:
    head, paren, rest = re.sub(r"\s*\n\s*", "\n  ", sql.strip()).rpartition("\n  )")
    return head + paren.replace("  ", "") + rest.replace("\n ", "")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = sqlite_engine(Path(folder, "new.db"))
        with engine.connect() as connection:
            revisions.move(connection, "head")
            revisions.SCHEMA.write_text(schema_of(connection), encoding="utf-8")


if __name__ == "__main__":
    main()
