"""Tokens that enter an account, each once. All but `peek` need `rows.alone` before."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from bot.errors import AccessError
from bot.types import Account, ConsoleRole
from storage.console.names import free, key_of
from storage.console.rows import COLUMNS, GET, MAKE, account_of, enabled, hash_of, new_id, new_token

PUT = text(
    "INSERT INTO console_token (token_hash, kind, account_id, made_by, name, role, expires_at)"
    " VALUES (:token_hash, :kind, :account_id, :made_by, :name, :role, :expires_at)"
)
DROP_EXPIRED = text("DELETE FROM console_token WHERE expires_at <= :now")
DROP_LIKE = text("DELETE FROM console_token WHERE kind = :kind AND account_id = :account_id")
DROP_MADE_BY = text("DELETE FROM console_token WHERE made_by = :id")
DROP_OF = text("DELETE FROM console_token WHERE account_id = :id OR made_by = :id")
PEEK = text("SELECT 1 FROM console_token WHERE token_hash = :token_hash AND expires_at > :now")
SPEND = text(
    "DELETE FROM console_token WHERE token_hash = :token_hash AND expires_at > :now"
    " RETURNING kind, account_id, name, role"
)
OLDEST_OWNER = text(
    f"SELECT {COLUMNS} FROM console_account AS a WHERE a.role = 'owner' AND NOT a.disabled"
    " ORDER BY a.created_at, a.id LIMIT 1"
)
NAMES = text("SELECT name FROM console_account WHERE id <> :but")
"""An owner invites each by hand: they are few."""


def put(connection: Connection, now: float, seconds: float, **row: str) -> str:
    """A new token of what `row` says beside its kind: an account, or who invites whom as what."""
    token = new_token()
    values: dict[str, Any] = {"account_id": "", "made_by": "", "name": "", "role": "", **row}
    connection.execute(DROP_EXPIRED, {"now": now})
    connection.execute(PUT, {**values, "token_hash": hash_of(token), "expires_at": now + seconds})
    return token


def replace(connection: Connection, now: float, seconds: float, kind: str, account_id: str) -> str:
    """A new token, instead of all that were like it."""
    connection.execute(DROP_LIKE, {"kind": kind, "account_id": account_id})
    return put(connection, now, seconds, kind=kind, account_id=account_id)


def peek(connection: Connection, token: str, now: float) -> bool:
    return connection.execute(PEEK, {"token_hash": hash_of(token), "now": now}).first() is not None


def enter(connection: Connection, token: str, now: float) -> Account:
    """See `bot.ports.Accounts.enter`."""
    row = connection.execute(SPEND, {"token_hash": hash_of(token), "now": now}).first()
    if row is None:
        raise AccessError("this link is unknown, used or expired")
    if row.kind == "again":
        return enabled(connection, row.account_id)
    if row.kind == "invite":
        return _make(connection, row.name, row.role, now)
    owner = connection.execute(OLDEST_OWNER).first()
    return _make(connection, "Owner", ConsoleRole.OWNER, now) if owner is None else account_of(owner)


def _make(connection: Connection, name: str, role: str, now: float) -> Account:
    name = free(name, connection.execute(NAMES, {"but": ""}).scalars().all())
    values = {"id": new_id(), "name": name, "name_key": key_of(name), "role": str(role)}
    connection.execute(MAKE, {**values, "no": False, "now": now})
    return account_of(connection.execute(GET, values).one())
