"""Accounts as rows, and what guards them: shared by `accounts`, `entry` and `sessions`."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from sqlalchemy import Connection, Row, text

from bot.errors import AccessError
from bot.types import Account, ConsoleRole

COLUMNS = (
    "a.id, a.name, a.role, a.language, a.password <> '' AS has_password, a.disabled, a.created_at,"
    " a.seen_at, (SELECT count(*) FROM console_passkey AS k WHERE k.account_id = a.id) AS passkeys"
)
GET = text(f"SELECT {COLUMNS} FROM console_account AS a WHERE a.id = :id")
MAKE = text(
    "INSERT INTO console_account"
    " (id, name, name_key, role, language, password, disabled, created_at, seen_at)"
    " VALUES (:id, :name, :name_key, :role, '', '', :no, :now, 0)"
)
ALONE = text("LOCK TABLE console_account IN SHARE ROW EXCLUSIVE MODE")


def new_token() -> str:
    """256 random bits, fit for an address."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    return secrets.token_urlsafe(16)


def hash_of(token: str) -> str:
    """What is stored of a token: its SHA-256."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def alone(connection: Connection) -> None:
    """Nobody else changes accounts until the transaction ends: whether an owner is left, or a name
    free, stays true. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(ALONE)


def account_of(row: Row[Any]) -> Account:
    """The account that a row of `COLUMNS` tells of."""
    return Account(
        id=row.id,
        name=row.name,
        role=ConsoleRole(row.role),
        language=row.language,
        has_password=bool(row.has_password),
        passkeys=row.passkeys,
        disabled=bool(row.disabled),
        created_at=row.created_at,
        seen_at=row.seen_at,
    )


def known(connection: Connection, account_id: str) -> Account:
    """Raises AccessError if there is none of this id."""
    row = connection.execute(GET, {"id": account_id}).first()
    if row is None:
        raise AccessError("there is no such account")
    return account_of(row)


def enabled(connection: Connection, account_id: str) -> Account:
    """Raises AccessError if there is none of this id, or it is disabled."""
    account = known(connection, account_id)
    if account.disabled:
        raise AccessError("this account is disabled")
    return account
