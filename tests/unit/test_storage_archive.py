"""The console's queries walk indexes, and what was stored before there was an archive is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, TextClause, text

from bot.types import Address, Event, EventKind, Message, Role, Sender, TurnState
from storage import own, revisions, said
from storage.console import archive, statistics
from storage.console.archive import SqlArchive
from storage.conversations import SqlConversations
from storage.db import Database, dialect_of, open_database
from storage.inbox.sql import COUNT_DEAD, DEAD
from storage.people import INVITATIONS, SqlPeople
from storage.postgres import postgres_engine
from storage.sqlite import sqlite_engine
from storage.turns import SqlTurns
from tests.fakes import FakeClock

PLACE = {"at": 1.0, "id": 1, "limit": 5, "platform": "p", "person_id": "p"}
AMID: dict[str, object] = {"person": "p", "at": 1.0, "id": 1, "limit": 5, "amid": 1, "below": 9, "last": 99}
PAGES: list[tuple[TextClause, dict[str, object]]] = [
    *((statement, PLACE) for statement in archive.CONVERSATIONS.values()),
    *((s, {"key": "a", "id": "", "end": "b", "role": "r", "limit": 5}) for s in archive.PEOPLE.values()),
    *(
        (s, {"at": 1.0, "turn": "", "person": "", "person_id": "", "value": 1, "no": False, "limit": 5})
        for s in archive.FEEDBACK.values()
    ),
    (own.PAGE, {"person": "p", "at": 1.0, "id": 1, "limit": 5}),
    (own.SPANS, AMID),
    (text(own.SEARCH.format(words="1")), {**AMID, "cut": 2, "since": 3}),
    (statistics.FORGET, {"span": 60, "before": 1}),
    (INVITATIONS, {"at": 1.0, "id": "", "now": 1.0, "limit": 5}),
    (DEAD, {"limit": 5, "before": "", "end": 9}),
    (COUNT_DEAD, {"most": 5}),
    (archive.WAITING, {"most": 5}),
    (archive.UNHANDLED, {"no": False, "most": 5}),
]


@pytest.mark.parametrize(("statement", "values"), PAGES)
async def test_a_page_walks_an_index_in_its_order(
    sqlite_db: Database, statement: TextClause, values: dict[str, object]
) -> None:
    explained = text(f"EXPLAIN QUERY PLAN {statement.text}")
    plan = await sqlite_db.write(lambda c: [row[3] for row in c.execute(explained, values)])
    assert [step for step in plan if step.startswith("SCAN")] == []
    assert not [step for step in plan if "TEMP B-TREE" in step], plan
    ratings_of_one = "feedback WHERE person_id" in statement.text
    assert not ratings_of_one or "ix_feedback_person" in plan[0], plan


WORDS = "instr(s.terms, 'a') > 0"


@pytest.mark.parametrize(
    "statement",
    [
        said.FIND.text,
        said.FLOOR.text,
        said.MATCHING_FLOOR.text,
        said.WALK.format(words=WORDS),
        said.MATCHING_WALK.format(words=WORDS),
    ],
)
async def test_words_are_walked_backwards_without_sorting(sqlite_db: Database, statement: str) -> None:
    explained = text(f"EXPLAIN QUERY PLAN {statement}")
    values = {"asked": '"a"', "before": 9, "floor": 3, "limit": 5, "most": 5}
    plan = await sqlite_db.write(lambda c: [row[3] for row in c.execute(explained, values)])
    assert not [step for step in plan if "TEMP B-TREE" in step], plan
    assert not {"SCAN s", "SCAN said"} & set(plan), plan


async def test_what_was_stored_before_is_found_in_its_order(database_url: str) -> None:
    clock = FakeClock()
    async with open_database(database_url) as db:
        people, turns = SqlPeople(db, clock), SqlTurns(db, clock)
        ann = await people.admit("test", Sender("ann", "Ann ÉMILE"))
        conversations = SqlConversations(db, clock)
        for number, chat in enumerate(("b", "a", "b")):
            await clock.advance(1)
            home = await conversations.open(Address("test", "bot", chat))
            event = Event(str(number), EventKind.MESSAGE, home.address, Sender("ann"))
            turn = await turns.begin(home, event, person_id=ann.id)
            said = [Message(Role.USER, f"question {number} 天气"), Message(Role.ASSISTANT, "answer")]
            await turns.finish(turn, said)
            assert turn.state is TurnState.GENERATING
        kept = SqlArchive(db)
        before = (
            await kept.conversations(),
            await kept.search("天气 answer"),
            await kept.people(name="ann é"),
        )
    path = Path(database_url.removeprefix("sqlite:///"))
    sqlite = dialect_of(database_url) == "sqlite"
    engine = sqlite_engine(path) if sqlite else postgres_engine(database_url)
    with engine.connect() as connection:
        revisions.move(connection, "0008")
    engine.dispose()
    async with open_database(database_url) as db:
        kept = SqlArchive(db)
        assert await kept.conversations() == before[0]
        assert [(f.question, f.at) for f in await kept.search("天气 answer")] == [
            (f.question, f.at) for f in before[1]
        ]
        assert [f.question for f in before[1]] == [f"question {n} 天气" for n in (2, 1, 0)]
        assert await kept.people(name="ann é") == before[2]


async def test_the_words_follow_their_rows_when_a_conversation_or_an_answer_goes(sqlite_db: Database) -> None:
    clock = FakeClock()
    people, turns = SqlPeople(sqlite_db, clock), SqlTurns(sqlite_db, clock)
    ann = await people.admit("test", Sender("ann", "Ann"))
    home = await SqlConversations(sqlite_db, clock).open(Address("test", "bot", "chat"))
    replaced = ""
    for number in range(3):
        event = Event(str(number), EventKind.MESSAGE, home.address, Sender("ann"))
        turn = await turns.begin(home, event, person_id=ann.id, replaces=replaced)
        await turns.finish(
            turn, [Message(Role.USER, f"question {number} 天气"), Message(Role.ASSISTANT, "a")]
        )
        replaced = turn.id

    async def words() -> list[str]:
        def read(connection: Connection) -> list[str]:
            connection.execute(text("INSERT INTO said_fts (said_fts) VALUES ('integrity-check')"))
            connection.execute(
                text("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'said_fts', 'row')")
            )
            found = [row.term for row in connection.execute(text("SELECT term FROM temp.vocabulary"))]
            connection.execute(text("DROP TABLE temp.vocabulary"))
            return found

        return await sqlite_db.write(read)

    assert await words() == ["2", "a", "question", "天", "天气", "气"]
    await people.delete(ann.id)
    assert await words() == []
