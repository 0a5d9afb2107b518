"""Sessions of accounts as rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, text

from bot.types import ConsoleSession
from storage.console.rows import COLUMNS, account_of, hash_of, new_id, new_token

SEEN_SECONDS = 60.0
"""How often a session in use is marked as seen."""
LAST = (1e300, 1e300, "")
"""After every session, in the order of `LISTING`."""
_JOINED = (
    f"SELECT s.id AS session_id, s.created_at AS opened_at, s.seen_at AS used_at, s.expires_at,"
    f" s.client, s.agent, {COLUMNS}"
    " FROM console_session AS s JOIN console_account AS a ON a.id = s.account_id"
)
OPEN = text(
    "INSERT INTO console_session"
    " (token_hash, id, account_id, created_at, seen_at, expires_at, client, agent)"
    " VALUES (:token_hash, :id, :account_id, :now, :now, :expires_at, :client, :agent)"
)
FIND = text(
    f"{_JOINED} WHERE s.token_hash = :token_hash AND s.expires_at > :now AND s.seen_at > :seen_since"
    " AND NOT a.disabled"
)
LISTING = text(
    f"{_JOINED} WHERE s.account_id = :account_id AND (s.seen_at, s.created_at, s.id) < (:at, :made, :id)"
    " AND s.expires_at > :now ORDER BY s.seen_at DESC, s.created_at DESC, s.id DESC LIMIT :limit"
)
SEEN = text("UPDATE console_session SET seen_at = :now WHERE id = :id AND seen_at < :now")
ACCOUNT_SEEN = text("UPDATE console_account SET seen_at = :now WHERE id = :account_id AND seen_at < :now")
DROP_EXPIRED = text("DELETE FROM console_session WHERE expires_at <= :now")
DROP_OF = text("DELETE FROM console_session WHERE account_id = :id")
END = text("DELETE FROM console_session WHERE account_id = :account_id AND id = :id AND expires_at > :now")
END_OTHERS = text(
    "DELETE FROM console_session WHERE account_id = :account_id AND id <> :but AND expires_at > :now"
)


def put(connection: Connection, account_id: str, now: float, seconds: float, client: str, agent: str) -> str:
    """A new session of an account that is enabled. Its token."""
    token = new_token()
    values = {"account_id": account_id, "now": now, "client": client, "agent": agent}
    connection.execute(DROP_EXPIRED, values)
    connection.execute(ACCOUNT_SEEN, values)
    row = {"token_hash": hash_of(token), "id": new_id(), "expires_at": now + seconds}
    connection.execute(OPEN, {**values, **row})
    return token


def find(connection: Connection, token: str, now: float, idle: float) -> ConsoleSession | None:
    """See `bot.ports.Accounts.session`; marks nothing."""
    values = {"token_hash": hash_of(token), "now": now, "seen_since": now - idle}
    row = connection.execute(FIND, values).first()
    return None if row is None else session_of(row)


def mark(connection: Connection, session: ConsoleSession, now: float) -> None:
    """As seen now. The account first, as whoever changes it does: so that neither waits for the other."""
    connection.execute(ACCOUNT_SEEN, {"account_id": session.account.id, "now": now})
    connection.execute(SEEN, {"id": session.id, "now": now})


def session_of(row: Row[Any]) -> ConsoleSession:
    return ConsoleSession(
        id=row.session_id,
        account=account_of(row),
        created_at=row.opened_at,
        seen_at=row.used_at,
        expires_at=row.expires_at,
        client=row.client,
        agent=row.agent,
    )
