"""The index of what was said: one row for each turn, found by the words of its question and answer.

The words are `bot.words`'s, each once; SQLite keeps them in an FTS5 table that follows by triggers
(https://sqlite.org/fts5.html#external_content_tables), PostgreSQL as a tsvector with a GIN index.
Rows go with their conversation.

An index of words collects all turns that a beginning has before it gives the last of them, which is slow
where many have it: so the last turns are looked through one by one, and the index is asked for older ones
only where those were not enough, so that few can have it. In PostgreSQL this holds for whole words, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, text

from bot.types import Message, Role
from bot.words import Sought, indexed
from storage.db import Dialect
from storage.erasure import erased

SPOKEN = (Role.USER, Role.ASSISTANT)
LOOKED_THROUGH = 2_000
"""Turns, before the index is asked: some 5 ms."""
RARE = 20
"""Whole words that fewer of these turns have are rare."""
_PUT = "INSERT INTO said (conversation_id, turn, at, terms) VALUES (:conversation_id, :number, :at, {terms})"
PUT = {
    "sqlite": text(_PUT.format(terms=":terms")),
    "postgresql": text(_PUT.format(terms="CAST(:terms AS tsvector)")),
}
DROP = text("DELETE FROM said WHERE conversation_id = :conversation_id AND turn = :number")
# SQLite walks its index of words in the order of rows, from the last on
_MATCHING = "FROM said_fts AS f CROSS JOIN said AS s WHERE said_fts MATCH :asked AND s.id = f.rowid"
FIND = text(
    f"SELECT s.id, s.conversation_id, s.turn, s.at {_MATCHING} AND f.rowid < :before"
    " ORDER BY f.rowid DESC LIMIT :limit"
)
FLOOR = text("SELECT id FROM said WHERE id < :before ORDER BY id DESC LIMIT 1 OFFSET :most")
MATCHING_FLOOR = text(
    "SELECT rowid AS id FROM said_fts WHERE said_fts MATCH :asked AND rowid < :before"
    " ORDER BY rowid DESC LIMIT 1 OFFSET :most"
)
WALK = (
    "SELECT s.id, s.conversation_id, s.turn, s.at FROM said AS s WHERE s.id < :before AND s.id > :floor"
    " AND {words} ORDER BY s.id DESC LIMIT :limit"
)
MATCHING_WALK = (
    f"SELECT s.id, s.conversation_id, s.turn, s.at {_MATCHING} AND f.rowid < :before AND f.rowid > :floor"
    " AND {words} ORDER BY f.rowid DESC LIMIT :limit"
)
# PostgreSQL takes a beginning for more frequent than a rare one is, and would walk all turns: `id + 0`
# leaves it the index of words alone
REST = (
    "SELECT s.id, s.conversation_id, s.turn, s.at FROM said AS s WHERE s.terms @@ CAST(:asked AS tsquery)"
    " AND s.id + 0 <= :floor AND {words} ORDER BY s.id + 0 DESC LIMIT :limit"
)


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
    connection: Connection,
    asked: Sought,
    *,
    before: int,
    limit: int,
    dialect: Dialect,
    looked_through: int = LOOKED_THROUGH,
) -> Sequence[Row[Any]]:
    """The turns that have all that is asked for, the last stored first."""
    look = _sqlite if dialect == "sqlite" else _postgresql
    values = {"before": before or 1 << 62, "limit": max(0, limit), "most": looked_through}
    return look(connection, asked, values)


def _sqlite(connection: Connection, asked: Sought, values: dict[str, Any]) -> Sequence[Row[Any]]:
    values["asked"] = _query(Sought(asked.whole), "sqlite")
    if not asked.begun:
        return connection.execute(FIND, values).all()
    values["floor"] = connection.execute(MATCHING_FLOOR if asked.whole else FLOOR, values).scalar() or 0
    words, terms = having(replace(asked, whole=()), "sqlite")
    walk = text((MATCHING_WALK if asked.whole else WALK).format(words=words))
    rows = connection.execute(walk, values | terms).all()
    if not values["floor"] or len(rows) == values["limit"]:
        return rows
    rest = {"before": values["floor"] + 1, "limit": values["limit"] - len(rows)}
    return [*rows, *connection.execute(FIND, {"asked": _query(asked, "sqlite"), **rest})]


def _postgresql(connection: Connection, asked: Sought, values: dict[str, Any]) -> Sequence[Row[Any]]:
    values["floor"] = connection.execute(FLOOR, values).scalar() or 0

    def walk(asked: Sought, limit: int) -> Sequence[Row[Any]]:
        words, terms = having(asked, "postgresql")
        return connection.execute(text(WALK.format(words=words)), {**values, **terms, "limit": limit}).all()

    rows = walk(asked, values["limit"])
    if not values["floor"] or len(rows) == values["limit"]:
        return rows
    indexed, read = asked, Sought()
    whole, last = Sought(asked.whole), replace(asked, whole=())
    if asked.whole and asked.begun and len(walk(whole, RARE)) < RARE:
        indexed, read = whole, last  # few turns have these, and any number what the last one begins
    words, terms = having(read, "postgresql") if read.begun else ("TRUE", {})
    rest = {"asked": _query(indexed, "postgresql"), "limit": values["limit"] - len(rows)}
    return [*rows, *connection.execute(text(REST.format(words=words)), {**values, **terms, **rest})]


def _query(asked: Sought, dialect: Dialect) -> str:
    """For the index of words."""
    quote, prefix, every, one = (
        ('"', "*", " AND ", " OR ") if dialect == "sqlite" else ("'", ":*", " & ", " | ")
    )
    query = [f"{quote}{term}{quote}" for term in asked.whole]
    if asked.begun:
        last = [f"{quote}{asked.begun}{quote}{prefix}", *(f"{quote}{term}{quote}" for term in asked.ended)]
        query.append(f"({one.join(last)})")
    return every.join(query)


def having(asked: Sought, dialect: Dialect) -> tuple[str, dict[str, str]]:
    """A condition for rows of `said AS s` that have all that is asked for, and its parameters. The rows'
    own terms are read, and no index of everybody's is asked."""
    if dialect == "postgresql":
        return "(s.terms @@ CAST(:words AS tsquery)) IS TRUE", {"words": _query(asked, dialect)}
    terms = [f" {term} " for term in asked.whole]
    last_terms = [f" {asked.begun}", *(f" {term} " for term in asked.ended)] if asked.begun else []
    has = [f"instr(' ' || s.terms || ' ', :t{n}) > 0" for n in range(len(terms) + len(last_terms))]
    every, any_of = has[: len(terms)], " OR ".join(has[len(terms) :])
    words = " AND ".join([*every, f"({any_of})"] if any_of else every)
    return words, {f"t{n}": term for n, term in enumerate(terms + last_terms)}
