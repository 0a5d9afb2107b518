"""People's own conversations: found from the person's turns, never from what is said by all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from bot.types import Conversation, OwnConversation, TurnState
from bot.words import indexed, literal_terms
from storage.conversations import COLUMNS, GET, conversation_of
from storage.db import Database, Dialect
from storage.personal_data import remove_conversation
from storage.text import clean

BATCH = 500
"""Conversations that a search looks through at a time."""
_FIRST = (1e300, 1 << 62)

# Beginning with the person's turns is what keeps the cost theirs: hence MATERIALIZED, and the sum, by
# which no index of all conversations' activity can be walked instead.
PAGE = text(
    "WITH mine AS MATERIALIZED (SELECT DISTINCT conversation_id AS mine_id FROM turn"
    " WHERE person_id = :person),"
    f" page AS MATERIALIZED (SELECT {COLUMNS}, active_at FROM mine CROSS JOIN conversation WHERE id = mine_id"
    " AND (active_at + 0.0, id) < (:at, :id) ORDER BY active_at + 0.0 DESC, id DESC LIMIT :limit)"
    " SELECT page.*, t.event_key AS last_event, t.state AS last_state FROM page JOIN turn AS t ON t.id ="
    " (SELECT x.id FROM turn AS x WHERE x.conversation_id = page.id"
    " ORDER BY x.number DESC, x.revision DESC LIMIT 1) ORDER BY page.active_at DESC, page.id DESC"
)
SHARED = text(
    "SELECT DISTINCT conversation_id FROM turn WHERE conversation_id IN :ids AND person_id <> :person"
).bindparams(bindparam("ids", expanding=True))
OWN = text(
    "SELECT 1 FROM turn WHERE conversation_id = :id AND person_id = :person AND NOT EXISTS"
    " (SELECT 1 FROM turn AS other WHERE other.conversation_id = :id AND other.person_id <> :person) LIMIT 1"
)
SAID = (
    "SELECT s.conversation_id, max(s.turn) AS turn FROM said AS s JOIN conversation AS c"
    " ON c.id = s.conversation_id WHERE s.conversation_id IN :ids AND s.turn >= c.start_turn AND {words}"
    " GROUP BY s.conversation_id"
)
TEXTS = text(
    "SELECT text FROM message WHERE conversation_id = :id AND turn = :turn AND role IN ('user', 'assistant')"
    " ORDER BY step"
)


class SqlOwnConversations:
    """See `bot.ports.OwnConversations`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def listing(
        self, person_id: str, *, query: str = "", limit: int = 30, before: tuple[float, int] | None = None
    ) -> list[OwnConversation]:
        asked = literal_terms(query)
        if limit < 1 or (query and not asked):
            return []
        reader = _Reader(clean(person_id), asked, self._db.dialect)
        return await self._db.read(lambda c: reader.listing(c, limit, before or _FIRST))

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


class _Reader:
    """One listing, within one read."""

    def __init__(self, person: str, asked: Sequence[str], dialect: Dialect) -> None:
        self._person = person
        self._asked = asked
        words, self._words = _matching(asked, dialect)
        self._said = text(SAID.format(words=words)).bindparams(bindparam("ids", expanding=True))

    def listing(self, connection: Connection, limit: int, before: tuple[float, int]) -> list[OwnConversation]:
        found: list[OwnConversation] = []
        for rows in self._pages(connection, limit, before):
            found += self._looked_for(connection, self._own(connection, rows))
            if len(found) >= limit:
                break
        return found[:limit]

    def _pages(
        self, connection: Connection, limit: int, before: tuple[float, int]
    ) -> Iterator[Sequence[Row[Any]]]:
        size = max(limit, BATCH) if self._asked else limit
        while True:
            values = {"person": self._person, "at": before[0], "id": before[1], "limit": size}
            rows = connection.execute(PAGE, values).all()
            if rows:
                yield rows
            if len(rows) < size:
                return
            before = (rows[-1].active_at, rows[-1].id)

    def _own(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[OwnConversation]:
        values = {"ids": [row.id for row in rows], "person": self._person}
        shared = set(connection.execute(SHARED, values).scalars())
        return [
            OwnConversation(
                conversation_of(row),
                row.active_at,
                row.last_event,
                answering=TurnState(row.last_state) is TurnState.GENERATING,
            )
            for row in rows
            if row.id not in shared
        ]

    def _looked_for(self, connection: Connection, rows: list[OwnConversation]) -> list[OwnConversation]:
        if not self._asked or not rows:
            return rows
        values = {"ids": [row.conversation.id for row in rows], **self._words}
        said = {row.conversation_id: row.turn for row in connection.execute(self._said, values)}
        found = []
        for row in rows:
            if (turn := said.get(row.conversation.id)) is not None:
                place = {"id": row.conversation.id, "turn": turn}
                texts = connection.execute(TEXTS, place).scalars().all()
                found.append(replace(row, found="\n".join(texts)))
            elif set(self._asked) <= set(indexed(row.conversation.title)):
                found.append(row)
        return found


def _matching(asked: Sequence[str], dialect: Dialect) -> tuple[str, dict[str, str]]:
    """A condition for rows of `said` that have every term, and its parameters. The terms of one
    person's turns are few: they are read, and no index of everybody's is asked."""
    if dialect == "postgresql":
        return "s.terms @@ CAST(:asked AS tsquery)", {"asked": " & ".join(f"'{term}'" for term in asked)}
    words = " AND ".join(f"instr(' ' || s.terms || ' ', :t{n}) > 0" for n in range(len(asked)))
    return words or "1", {f"t{n}": f" {term} " for n, term in enumerate(asked)}
