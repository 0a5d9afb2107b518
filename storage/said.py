"""The index of what was said: one row for each turn, found by the words of its question and answer.

The words are `bot.words`'s, each once; SQLite keeps them in an FTS5 table that follows by triggers
(https://sqlite.org/fts5.html#external_content_tables), PostgreSQL as a tsvector with a GIN index.
Rows go with their conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from bot.types import Message, Role
from bot.words import indexed
from storage.db import Dialect
from storage.erasure import erased

SPOKEN = (Role.USER, Role.ASSISTANT)
_PUT = "INSERT INTO said (conversation_id, turn, at, terms) VALUES (:conversation_id, :number, :at, {terms})"
PUT = {
    "sqlite": text(_PUT.format(terms=":terms")),
    "postgresql": text(_PUT.format(terms="CAST(:terms AS tsvector)")),
}
DROP = text("DELETE FROM said WHERE conversation_id = :conversation_id AND turn = :number")
FIND = {
    "sqlite": text(
        "SELECT s.id, s.conversation_id, s.turn, s.at FROM said_fts AS f CROSS JOIN said AS s"
        " WHERE said_fts MATCH :asked AND f.rowid < :before AND s.id = f.rowid"
        " ORDER BY f.rowid DESC LIMIT :limit"
    ),
    "postgresql": text(
        "SELECT id, conversation_id, turn, at FROM said"
        " WHERE terms @@ CAST(:asked AS tsquery) AND id < :before ORDER BY id DESC LIMIT :limit"
    ),
}


def terms_of(messages: Iterable[Message], dialect: Dialect) -> str:
    """What `put` stores of a turn's messages; "" if there is nothing to be found by."""
    return joined(indexed("\n".join(m.text for m in messages if m.role in SPOKEN)), dialect)


def joined(terms: Iterable[str], dialect: Dialect) -> str:
    """The terms as the column holds them; they have neither quotes nor backslashes."""
    return " ".join(terms if dialect == "sqlite" else (f"'{term}'" for term in terms))


def put(connection: Connection, place: dict[str, Any], terms: str, at: float, dialect: Dialect) -> None:
    """`place` names the turn: `conversation_id` and `number`."""
    connection.execute(PUT[dialect], {**place, "terms": terms, "at": at})


def drop(connection: Connection, place: dict[str, Any]) -> None:
    """Of a turn that is replaced."""
    if connection.execute(DROP, place).rowcount:
        erased(connection, urgent=False)


def find(
    connection: Connection, asked: Sequence[str], *, before: int, limit: int, dialect: Dialect
) -> Sequence[Row[Any]]:
    """The turns that have every term, the last stored first."""
    query = (
        " AND ".join(f'"{term}"' for term in asked)
        if dialect == "sqlite"
        else " & ".join(f"'{term}'" for term in asked)
    )
    values = {"asked": query, "before": before or 1 << 62, "limit": max(0, limit)}
    return connection.execute(FIND[dialect], values).all()
