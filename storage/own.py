"""People's own conversations: found from where the person asked, never from what is said by all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, TextClause, bindparam, text

from bot.types import Conversation, OwnConversation, OwnFound, TurnState
from bot.words import Sought, indexed, sought
from storage.askers import ALONE
from storage.conversations import COLUMNS, GET, conversation_of
from storage.db import Database
from storage.personal_data import remove_conversation
from storage.said import having
from storage.text import clean

LOOKED_THROUGH = 1_000
"""Conversations in one search: some 20 ms."""
TURNS = 5_000
"""Turns of these, at most: some 50 ms on SQLite."""
_FIRST = (1e300, 1 << 62)
_LAST = (1 << 31) - 1
"""No turn has a higher number."""

_COLUMNS = COLUMNS.replace("id,", "conversation.id,", 1)
_OWN = (
    f" FROM asker AS a CROSS JOIN conversation WHERE a.person_id = :person AND {ALONE}"
    " AND (a.active_at, a.conversation_id) < (:at, :id) AND conversation.id = a.conversation_id"
    " ORDER BY a.active_at DESC, a.conversation_id DESC LIMIT :limit"
)
PAGE = text(f"SELECT {_COLUMNS}, a.active_at{_OWN}")
_AMID = " AND s.turn < CASE WHEN a.conversation_id = :amid THEN :below ELSE :last END"
_SAID = f" FROM said AS s WHERE s.conversation_id = a.conversation_id AND s.turn >= start_turn{_AMID}"
SPANS = text(
    f"SELECT conversation.id, a.active_at, start_turn, (SELECT s.turn{_SAID}"
    f" ORDER BY s.turn DESC LIMIT 1) AS newest{_OWN}"
)
SEARCH = (
    f"SELECT conversation.id, a.active_at, title, (SELECT s.turn{_SAID}"
    " AND s.turn >= CASE WHEN a.conversation_id = :cut THEN :since ELSE 0 END AND {words}"
    f" ORDER BY s.turn DESC LIMIT 1) AS turn{_OWN}"
)
LISTED = text(f"SELECT {COLUMNS} FROM conversation WHERE id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
NEWEST = text(
    "SELECT t.conversation_id, t.event_key, t.state FROM conversation AS c CROSS JOIN turn AS t"
    " WHERE c.id IN :ids AND t.id = (SELECT x.id FROM turn AS x WHERE x.conversation_id = c.id"
    " ORDER BY x.number DESC, x.revision DESC LIMIT 1)"
).bindparams(bindparam("ids", expanding=True))
OWN = text(
    f"SELECT 1 FROM asker AS a WHERE a.person_id = :person AND a.conversation_id = :id AND {ALONE} LIMIT 1"
)
TEXTS = text(
    "SELECT text FROM message WHERE conversation_id = :id AND turn = :turn AND role IN ('user', 'assistant')"
    " ORDER BY step"
)


class SqlOwnConversations:
    """See `bot.ports.OwnConversations`. A search looks through `looked_through` conversations, and `turns`
    of their turns, at a time."""

    def __init__(self, db: Database, looked_through: int = LOOKED_THROUGH, turns: int = TURNS) -> None:
        self._db = db
        self._looked_through = looked_through
        self._turns = turns

    async def listing(
        self, person_id: str, *, limit: int = 30, before: tuple[float, int] | None = None
    ) -> list[OwnConversation]:
        values = _place(person_id, max(0, limit), before)

        def work(connection: Connection) -> list[OwnConversation]:
            rows = connection.execute(PAGE, values).all()
            return _listed(connection, [(conversation_of(row), row.active_at, "") for row in rows])

        return await self._db.read(work)

    async def search(
        self, person_id: str, query: str, *, limit: int = 30, before: tuple[float, int, int] | None = None
    ) -> OwnFound:
        asked = sought(query)
        if limit < 1 or asked == Sought():
            return OwnFound()
        words, terms = having(asked, self._db.dialect)
        values = {**_span(person_id, self._looked_through, before), **terms}
        statement = text(SEARCH.format(words=words))
        return await self._db.read(lambda c: _search(c, statement, values, asked, limit, self._turns))

    async def get(self, person_id: str, conversation_id: int) -> Conversation | None:
        values = {"person": clean(person_id), "id": conversation_id}

        def work(connection: Connection) -> Row[Any] | None:
            mine = connection.execute(OWN, values).first() is not None
            return connection.execute(GET, values).first() if mine else None

        row = await self._db.read(work)
        return None if row is None else conversation_of(row)

    async def delete(self, person_id: str, conversation_id: int) -> bool:
        values = {"person": clean(person_id), "id": conversation_id}
        lock = " FOR UPDATE" if self._db.dialect == "postgresql" else ""

        def work(connection: Connection) -> bool:
            connection.execute(text(f"{GET.text}{lock}"), values)
            if connection.execute(OWN, values).first() is None:
                return False
            remove_conversation(connection, conversation_id)
            return True

        return await self._db.write(work)


def _place(person_id: str, limit: int, before: tuple[float, int] | None) -> dict[str, Any]:
    at, id = before or _FIRST
    return {"person": clean(person_id), "at": at, "id": id, "limit": limit}


def _span(person_id: str, limit: int, before: tuple[float, int, int] | None) -> dict[str, Any]:
    """`amid` is a conversation that was looked through as far down as `below`."""
    at, id, turn = before or (*_FIRST, 0)
    place = _place(person_id, limit, (at, id + 1 if turn else id))
    return {**place, "amid": id if turn else 0, "below": turn, "last": _LAST}


def _search(
    connection: Connection,
    statement: TextClause,
    values: dict[str, Any],
    asked: Sought,
    limit: int,
    turns: int,
) -> OwnFound:
    looked_through = values["limit"]
    spans = connection.execute(SPANS, values).all()
    taken, cut, since = _taken(spans, turns)
    values = {**values, "cut": cut, "since": since, "limit": taken}
    rows = connection.execute(statement, values).all()
    matching = []
    for row in rows:
        if row.turn is not None or asked.within(indexed(row.title)):
            matching.append(row)
            if len(matching) == limit:
                break
    known = {
        row.id: conversation_of(row)
        for row in connection.execute(LISTED, {"ids": [row.id for row in matching]})
    }
    found = [(known[row.id], row.active_at, _said(connection, row)) for row in matching]
    last = matching[-1] if len(matching) == limit else rows[-1] if rows else None
    older = None
    if last is not None and last.id == cut and last not in matching:
        older = (last.active_at, last.id, since)
    elif last is not None and (last is not rows[-1] or taken < len(spans) or len(spans) == looked_through):
        older = (last.active_at, last.id, 0)
    return OwnFound(tuple(_listed(connection, found)), older)


def _taken(spans: Sequence[Row[Any]], turns: int) -> tuple[int, int, int]:
    """How many of these conversations have so many turns together; and the id of the last where it has
    more than are left, with the first turn that is looked at."""
    for number, row in enumerate(spans, start=1):
        size = row.newest - row.start_turn + 1 if row.newest else 0
        if size > turns:
            return number, row.id, row.newest - turns + 1
        turns -= size
    return len(spans), 0, 0


def _said(connection: Connection, row: Row[Any]) -> str:
    """In the turn that was found; "" if it was the title."""
    if row.turn is None:
        return ""
    texts = connection.execute(TEXTS, {"id": row.id, "turn": row.turn}).scalars()
    return "\n".join(texts)


def _listed(connection: Connection, rows: Sequence[tuple[Conversation, float, str]]) -> list[OwnConversation]:
    """With what is under way in each."""
    newest = {
        row.conversation_id: row
        for row in connection.execute(NEWEST, {"ids": [conversation.id for conversation, _, _ in rows]})
    }
    return [
        OwnConversation(
            conversation,
            active_at,
            newest[conversation.id].event_key,
            answering=TurnState(newest[conversation.id].state) is TurnState.GENERATING,
            found=said,
        )
        for conversation, active_at, said in rows
        if conversation.id in newest
    ]
