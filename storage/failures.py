"""Errors of the database drivers, told in our own terms with what to do about them."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.errors import StorageBusy, StorageError, StorageFull, StorageVersionError

_SQLITE: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_BUSY: (StorageBusy, "the database is locked by another process; try again, or stop it"),
    sqlite3.SQLITE_LOCKED: (StorageBusy, "the database is locked; try again"),
    sqlite3.SQLITE_FULL: (StorageFull, "the disk is full; free some space and try again"),
    sqlite3.SQLITE_READONLY: (
        StorageError,
        "the database cannot be written; give this user write access to the file and its folder",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StorageError,
        "the database file cannot be opened; check that its folder exists and may be written",
    ),
    sqlite3.SQLITE_NOTADB: (
        StorageVersionError,
        "the file is no SQLite database; move it away, or set TERTULIA_DATABASE_URL",
    ),
    sqlite3.SQLITE_CORRUPT: (
        StorageError,
        "the database file is damaged; restore a backup, or try `sqlite3 FILE .recover`",
    ),
    sqlite3.SQLITE_IOERR: (StorageError, "the disk reports an error; check it and the free space"),
}

_POSTGRES: dict[str, tuple[type[StorageError], str]] = {
    "53100": (StorageFull, "PostgreSQL's disk is full; free some space and try again"),
    "53300": (StorageBusy, "PostgreSQL has no connection left; raise max_connections or try again"),
    "55P03": (StorageBusy, "the row is locked by another process; try again"),
    "57P03": (StorageBusy, "PostgreSQL is starting up or shutting down; try again"),
    "25006": (StorageError, "PostgreSQL is read-only (a standby?); set TERTULIA_DATABASE_URL to the primary"),
    "28P01": (StorageError, "PostgreSQL refuses the password; correct TERTULIA_DATABASE_URL"),
    "28000": (
        StorageError,
        "PostgreSQL does not let this user in; create it with `createuser`, or correct TERTULIA_DATABASE_URL",
    ),
    "3D000": (StorageError, "the PostgreSQL database does not exist; create it with `createdb`"),
    "42501": (StorageError, "PostgreSQL denies this; grant the user the right to create and use tables"),
}

_REFUSED_AT_THE_DOOR = [
    (re.compile(words), state)
    for words, state in (
        (r'database ".*" does not exist', "3D000"),
        ("password authentication failed|no password supplied", "28P01"),
        (r'role ".*" does not exist|not permitted to log in|authentication failed|pg_hba\.conf', "28000"),
        ("too many (clients|connections)|connection slots are reserved", "53300"),
        ("(is starting up|is shutting down|not yet accepting connections|in recovery mode)", "57P03"),
        ("permission denied for database", "42501"),
    )
]
"""libpq tells why it cannot connect in words alone, without the SQLSTATE that the server gave."""
_REASON = re.compile(r"(?:failed: |failed to resolve host )(.+)")


def explain(error: BaseException) -> BaseException:
    """The same failure as a StorageError with advice; errors of other kinds come back as they are.

    No SQL, parameter or password is in its text.
    """
    if not isinstance(error, SQLAlchemyError | sqlite3.Error):
        return error
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    told = _of_sqlite(origin) if isinstance(origin, sqlite3.Error) else _of_postgres(origin)
    told.__cause__ = origin
    return told


def _of_sqlite(error: sqlite3.Error) -> StorageError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    kind, advice = _SQLITE.get(code, (StorageError, "the database refused the call"))
    return kind(f"{advice} ({error})")


def _of_postgres(error: BaseException) -> StorageError:
    state = getattr(error, "sqlstate", None) or ""
    if type(error).__name__ == "OperationalError" and not state:
        said = str(error)
        state = next((state for words, state in _REFUSED_AT_THE_DOOR if words.search(said)), "")
        if not state:
            return _no_answer(said)
    if state in _POSTGRES:
        kind, advice = _POSTGRES[state]
        return kind(f"{advice} (SQLSTATE {state})")
    first_line = str(error).partition("\n")[0]
    return StorageError(f"the database refused the call: {type(error).__name__}: {first_line}")


def _no_answer(said: str) -> StorageError:
    reasons = _REASON.findall(said)
    why = f" ({reasons[-1].rpartition('failed: ')[2]})" if reasons else ""
    return StorageError(
        f"PostgreSQL does not answer, or broke off{why}; start it, or correct TERTULIA_DATABASE_URL"
    )


def lost_to_others(error: BaseException | None) -> bool:
    """Whether PostgreSQL rolled the transaction back so that another could go on."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlstate", None) in ("40001", "40P01")
