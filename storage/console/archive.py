"""All people and conversations, for the console: pages by key, each query along an index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, text

from bot.types import Conversation, Found, ListedConversation, ListedPerson, Rated, Role, Vote
from bot.words import Sought, sought
from storage import conversations, said, turns
from storage.db import Database
from storage.text import clean, folded

NAMES = 3
"""How many who asked are named in a line of the conversations."""
_RECENT = 20
"""Among the askers of how many turns."""
EXACT = 10_000
"""Up to so many rows are counted; more are estimated."""
_END = "\U0010ffff" * 101
"""After every beginning: no key is longer than 100 characters."""
_LAST = (1e300, 1 << 62)

_TURNS = (
    "coalesce((SELECT max(t.number) FROM turn AS t WHERE t.conversation_id = conversation.id), 0) AS turns"
)
_ALL = (
    f"SELECT {conversations.COLUMNS}, active_at, {_TURNS} FROM conversation"
    " WHERE (active_at, id) < (:at, :id){platform} ORDER BY active_at DESC, id DESC LIMIT :limit"
)
_OWN = (
    f"SELECT {conversations.COLUMNS}, asker.active_at, {_TURNS} FROM asker CROSS JOIN conversation"
    " WHERE person_id = :person_id AND (asker.active_at, asker.conversation_id) < (:at, :id)"
    " AND conversation.id = asker.conversation_id{platform}"
    " ORDER BY asker.active_at DESC, asker.conversation_id DESC LIMIT :limit"
)


def _in(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("ids", expanding=True))


CONVERSATIONS = {
    (own, platform): text((_OWN if own else _ALL).format(platform=" AND platform = :platform" * platform))
    for own in (False, True)
    for platform in (False, True)
}
"""By whether they are one person's, and of one platform."""
ASKERS = _in(
    "WITH page AS MATERIALIZED (SELECT c.id, coalesce((SELECT max(m.number) FROM turn AS m"
    f" WHERE m.conversation_id = c.id), 0) - {_RECENT} AS since FROM conversation AS c WHERE c.id IN :ids)"
    " SELECT page.id, p.name FROM page CROSS JOIN turn AS t JOIN person AS p ON p.id = t.person_id"
    " WHERE t.conversation_id = page.id AND t.number > page.since AND p.name <> ''"
    " ORDER BY t.number DESC, t.revision DESC"
)
CONVERSATIONS_OF = _in(f"SELECT {conversations.COLUMNS} FROM conversation WHERE id IN :ids")
TURNS_OF = _in(f"SELECT {turns.COLUMNS} FROM turn WHERE id IN :ids")
SPOKEN_OF = _in(
    "SELECT s.id, m.role, m.text FROM said AS s CROSS JOIN message AS m WHERE s.id IN :ids"
    " AND m.conversation_id = s.conversation_id AND m.turn = s.turn AND m.role IN ('user', 'assistant')"
    " AND m.text <> '' ORDER BY s.id, m.step"
)
QUESTIONS_OF = _in(
    "SELECT t.id, m.text FROM turn AS t CROSS JOIN message AS m WHERE t.id IN :ids"
    " AND m.conversation_id = t.conversation_id AND m.turn = t.number AND m.role = 'user'"
    " AND m.text <> '' ORDER BY t.id, m.step"
)
_PEOPLE = (
    "SELECT id, name, role, language, created_at FROM person"
    " WHERE (name_key, id) > (:key, :id) AND name_key < :end{role} ORDER BY name_key, id LIMIT :limit"
)
PEOPLE = {False: text(_PEOPLE.format(role="")), True: text(_PEOPLE.format(role=" AND role = :role"))}
"""By whether they have one role."""
ACCOUNTS_OF = _in(
    "SELECT person_id AS id, platform, user_id FROM identity WHERE person_id IN :ids"
    " ORDER BY platform, user_id"
)
NAMES_OF = _in("SELECT id, name FROM person WHERE id IN :ids")
_VOTES = "SELECT turn_id, person_id, value, reason, created_at, handled FROM feedback"
_FEEDBACK = (
    "{votes} WHERE {whose}(created_at, turn_id, person_id) < (:at, :turn, :person){which}"
    " ORDER BY created_at DESC, turn_id DESC, person_id DESC LIMIT :limit"
)
# Of one person's, SQLite is to walk the index of theirs, and none by value that has everybody's.
_VALUED = {False: " AND value = :value", True: " AND value + 0 = :value"}
_OPEN = {False: " AND handled = :no", True: " AND NOT handled"}
FEEDBACK = {
    (own, valued, open_only): text(
        _FEEDBACK.format(
            votes=_VOTES,
            whose="person_id = :person_id AND " * own,
            which=_VALUED[own] * valued + _OPEN[own] * open_only,
        )
    )
    for own in (False, True)
    for valued in (False, True)
    for open_only in (False, True)
}
"""By whether they are one person's, of one value, and open."""
VOTES_OF = _in(f"{_VOTES} WHERE turn_id IN :ids ORDER BY created_at, turn_id, person_id")
HANDLED = text("UPDATE feedback SET handled = :handled WHERE turn_id = :turn AND person_id = :person")
WAITING = text(
    "SELECT c.id FROM plugin_kv AS k CROSS JOIN conversation AS c CROSS JOIN turn AS t"
    " WHERE k.scope = '' AND k.plugin = 'takeover' AND c.id = CAST(k.key AS bigint) AND t.id ="
    " (SELECT last.id FROM turn AS last WHERE last.conversation_id = c.id AND last.number >= c.start_turn"
    " ORDER BY last.number DESC, last.revision DESC LIMIT 1)"
    " AND t.state = 'cancelled' AND t.finish_reason = 'taken' LIMIT :most"
)
"""Conversations whose last question waits for a person, of those that `bot.takeover` has a key of."""
UNHANDLED = text("SELECT 1 FROM feedback WHERE handled = :no LIMIT :most")
COUNT = {
    table: text(f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {EXACT + 1}) AS first")
    for table in ("person", "conversation")
}
ESTIMATE = {
    "sqlite": "SELECT max(rowid) FROM {table}",
    "postgresql": "SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = CAST('{table}' AS regclass)",
}


class SqlArchive:
    """See `bot.ports.Archive`. A search for a beginning looks through `looked_through` turns before it asks
    the index of words. Raises StorageError."""

    def __init__(self, db: Database, looked_through: int = said.LOOKED_THROUGH) -> None:
        self._db = db
        self._looked_through = looked_through

    async def conversations(
        self,
        *,
        limit: int = 50,
        before: tuple[float, int] | None = None,
        platform: str = "",
        person_id: str = "",
    ) -> list[ListedConversation]:
        at, id = before or _LAST
        which = {"platform": clean(platform), "person_id": clean(person_id)}
        values = {"at": at, "id": id, "limit": max(0, limit), **which}
        statement = CONVERSATIONS[bool(person_id), bool(platform)]
        return await self._db.read(lambda c: _conversations(c, statement, values))

    async def search(self, query: str, *, limit: int = 50, before: int = 0) -> list[Found]:
        asked, dialect, some = sought(query), self._db.dialect, self._looked_through
        if asked == Sought():
            return []

        def work(connection: Connection) -> list[Found]:
            rows = said.find(
                connection, asked, before=before, limit=limit, dialect=dialect, looked_through=some
            )
            within = _conversations_of(connection, (row.conversation_id for row in rows))
            texts: dict[tuple[int, str], list[str]] = defaultdict(list)
            for spoken in _rows(connection, SPOKEN_OF, (row.id for row in rows)):
                texts[spoken.id, spoken.role].append(spoken.text)
            return [
                Found(
                    conversation=within[row.conversation_id],
                    turn=row.turn,
                    question="\n\n".join(texts[row.id, Role.USER]),
                    answer="\n\n".join(texts[row.id, Role.ASSISTANT]),
                    at=row.at,
                    id=row.id,
                )
                for row in rows
                if row.conversation_id in within
            ]

        return await self._db.read(work)

    async def people(
        self, *, limit: int = 50, after: tuple[str, str] | None = None, role: str = "", name: str = ""
    ) -> list[ListedPerson]:
        start = folded(name)
        key, id = max((start, ""), (folded(after[0]), clean(after[1])) if after else ("", ""))
        values = {"key": key, "id": id, "end": f"{start}{_END}", "role": clean(role), "limit": max(0, limit)}
        return await self._db.read(lambda c: _people(c, PEOPLE[bool(role)], values))

    async def feedback(
        self,
        *,
        limit: int = 50,
        before: tuple[float, str, str] | None = None,
        value: int = 0,
        open_only: bool = False,
        person_id: str = "",
    ) -> list[Rated]:
        at, turn, person = before or (_LAST[0], "", "")
        values = {"at": at, "turn": clean(turn), "person": clean(person), "limit": max(0, limit)}
        values |= {"value": value, "no": False, "person_id": clean(person_id)}
        statement = FEEDBACK[bool(person_id), bool(value), open_only]
        return await self._db.read(lambda c: _feedback(c, statement, values))

    async def votes(self, turn_ids: Sequence[str]) -> list[Vote]:
        rows = await self._db.read(lambda c: _rows(c, VOTES_OF, map(clean, turn_ids)))
        return [Vote(r.turn_id, r.person_id, r.value, r.reason, r.created_at, bool(r.handled)) for r in rows]

    async def handled(self, turn_id: str, person_id: str, handled: bool) -> None:
        values = {"turn": clean(turn_id), "person": clean(person_id), "handled": handled}

        def work(connection: Connection) -> None:
            connection.execute(HANDLED, values)

        await self._db.write(work)

    async def pressing(self, most: int) -> Mapping[str, int]:
        values = {"most": most, "no": False}

        def count(connection: Connection) -> Mapping[str, int]:
            found = _conversations_of(connection, connection.execute(WAITING, values).scalars())
            waiting = sum(bool(each.taken_by) for each in found.values())
            return {"waiting": waiting, "feedback": len(connection.execute(UNHANDLED, values).all())}

        return await self._db.read(count)

    async def totals(self) -> Mapping[str, int]:
        estimate = ESTIMATE[self._db.dialect]

        def count(connection: Connection, table: str) -> int:
            exact = int(connection.execute(COUNT[table]).scalar_one())
            if exact <= EXACT:
                return exact
            return max(exact, connection.execute(text(estimate.format(table=table))).scalar() or 0)

        return await self._db.read(
            lambda c: {"people": count(c, "person"), "conversations": count(c, "conversation")}
        )


def _rows(connection: Connection, statement: TextClause, ids: Iterable[Any]) -> Sequence[Any]:
    wanted = list(dict.fromkeys(ids))
    return connection.execute(statement, {"ids": wanted}).all() if wanted else []


def _conversations_of(connection: Connection, ids: Iterable[int]) -> dict[int, Conversation]:
    rows = _rows(connection, CONVERSATIONS_OF, ids)
    return {row.id: conversations.conversation_of(row) for row in rows}


def _conversations(
    connection: Connection, statement: TextClause, values: Mapping[str, Any]
) -> list[ListedConversation]:
    rows = connection.execute(statement, values).all()
    names: dict[int, dict[str, None]] = defaultdict(dict)
    for asker in _rows(connection, ASKERS, (row.id for row in rows)):
        names[asker.id].setdefault(asker.name)
    return [
        ListedConversation(
            conversation=found,
            active_at=row.active_at,
            people=tuple(names[found.id])[:NAMES],
            turns=row.turns,
            taken_by=found.taken_by,
        )
        for row, found in ((row, conversations.conversation_of(row)) for row in rows)
    ]


def _people(connection: Connection, statement: TextClause, values: Mapping[str, Any]) -> list[ListedPerson]:
    rows = connection.execute(statement, values).all()
    accounts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for account in _rows(connection, ACCOUNTS_OF, (row.id for row in rows)):
        accounts[account.id].append((account.platform, account.user_id))
    return [
        ListedPerson(row.id, row.name, row.role, row.language, row.created_at, tuple(accounts[row.id]))
        for row in rows
    ]


def _feedback(connection: Connection, statement: TextClause, values: Mapping[str, Any]) -> list[Rated]:
    rows = connection.execute(statement, values).all()
    ids = [row.turn_id for row in rows]
    rated = {row.id: turns.turn_of(row) for row in _rows(connection, TURNS_OF, ids)}
    within = _conversations_of(connection, (turn.conversation_id for turn in rated.values()))
    names = {row.id: row.name for row in _rows(connection, NAMES_OF, (row.person_id for row in rows))}
    questions: dict[str, list[str]] = defaultdict(list)
    for question in _rows(connection, QUESTIONS_OF, ids):
        questions[question.id].append(question.text)
    return [
        Rated(
            turn=turn,
            conversation=within[turn.conversation_id],
            person_id=row.person_id,
            person=names.get(row.person_id, ""),
            question="\n\n".join(questions[row.turn_id]),
            value=row.value,
            reason=row.reason,
            at=row.created_at,
            handled=bool(row.handled),
        )
        for row in rows
        if (turn := rated.get(row.turn_id)) is not None and turn.conversation_id in within
    ]
