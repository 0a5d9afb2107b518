"""Which revision the tables have, and moving them to another with Alembic.

A database that is up to date is recognised by its stored revision alone, and a new SQLite file is
given its tables as they are now (`schema.sql`): Alembic is imported only where there is something
to change.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from bot.errors import StorageVersionError

if TYPE_CHECKING:
    from alembic.config import Config

REVISIONS = (
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013",
    "0014", "0015", "0016", "0017", "0018", "0019", "0020",
)  # fmt: skip
"""All revisions, oldest first; a test compares them with `migrations/versions/`."""
HEAD = REVISIONS[-1]
SCHEMA = Path(__file__).with_name("schema.sql")
"""What the migrations make of an empty SQLite file; `python -m tests.schema` writes it anew."""
_LOCK = 0x54725475


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def bring_up_to_date(connection: Connection) -> None:
    """Make or upgrade the tables, in one transaction. Raises StorageVersionError if they are newer."""
    found = revision(connection)
    connection.rollback()
    if found is None and connection.dialect.name == "sqlite":
        found = _make(connection)
    if found == HEAD:
        return
    if found is not None and found not in REVISIONS:
        raise StorageVersionError(
            f"the database was written by a newer Tertulia (its revision is {found}, the newest known "
            f"here is {HEAD}); install that version, or restore a backup from before the upgrade"
        )
    move(connection, "head")


def _make(connection: Connection) -> str | None:
    """All tables at once, in a SQLite file that has none: the migrations would take a third of the first
    start. Returns the revision then."""
    empty = text("SELECT NOT EXISTS (SELECT * FROM sqlite_master)")
    with connection.begin():
        if connection.execute(empty).scalar():
            for statement in SCHEMA.read_text(encoding="utf-8").split(";\n"):
                connection.exec_driver_sql(statement)
        return revision(connection)


def move(connection: Connection, target: str) -> None:
    """Upgrade or downgrade to `target` (``head``, ``base`` or a revision), in one transaction.

    Two processes that start at once take turns; the second finds nothing left to do. Raises
    StorageVersionError if there is no such revision.
    """
    from alembic import command

    if target not in ("head", "base", *REVISIONS):
        raise StorageVersionError(
            f"there is no revision {target!r}; there are head, base and {', '.join(REVISIONS)}"
        )

    config = alembic_config(connection)
    with connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        found = revision(connection)
        if target == "base" or (target in REVISIONS and found is not None and target < found):
            command.downgrade(config, target)
        else:
            command.upgrade(config, target)


def alembic_config(connection: Connection) -> Config:
    """For `alembic.command`: everything happens on this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
