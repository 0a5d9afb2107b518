"""Migrations: up, down, in step with the models; and every hot query uses an index."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, TextClause, inspect, text

from storage import conversations, identities, keyvalue, people, revisions, turns
from storage.console import accounts, audit, personas, sessions, shares
from storage.console.statistics import SPANS
from storage.console.tables import metadata
from storage.db import Database, open_database
from storage.inbox import sql as inbox
from storage.postgres import postgres_engine
from storage.search import sql as search
from storage.sqlite import check_file, raw, sqlite_engine

DAY = 86_400
KINDS = ("up", "down", "helped")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    if database_url.startswith("sqlite"):
        path = Path(database_url.removeprefix("sqlite:///"))
        check_file(path)
        made = sqlite_engine(path)
    else:
        made = postgres_engine(database_url)
    yield made
    made.dispose()


def tables(connection: Connection) -> set[str]:
    found = set(inspect(connection).get_table_names())
    connection.rollback()
    return found


def test_up_down_and_up_again(engine: Engine) -> None:
    with engine.connect() as connection:
        revisions.bring_up_to_date(connection)
        assert set(metadata.tables) <= tables(connection)
        revisions.move(connection, "base")
        assert tables(connection) <= {"alembic_version", "sqlite_sequence"}
        for revision in revisions.REVISIONS:
            revisions.move(connection, revision)
            assert revisions.revision(connection) == revision
            connection.rollback()
        for revision in revisions.REVISIONS[::-1]:
            revisions.move(connection, revision)
        revisions.move(connection, "head")
        assert set(metadata.tables) <= tables(connection)


def test_models_and_migrations_agree(engine: Engine) -> None:
    with engine.connect() as connection:
        revisions.move(connection, "head")
        options = {"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        context = MigrationContext.configure(connection, opts={"compare_type": True, **options})
        assert compare_metadata(context, metadata) == []


def test_a_new_file_is_made_as_the_migrations_would_make_it(tmp_path: Path) -> None:
    dumps = []
    for name, make in (("made", revisions.bring_up_to_date), ("migrated", migrate_all)):
        engine = sqlite_engine(tmp_path / name)
        with engine.connect() as connection:
            make(connection)
            assert revisions.revision(connection) == revisions.HEAD
            connection.rollback()
            dumps.append([" ".join(line.replace(";", " ;").split()) for line in raw(connection).iterdump()])
    made, migrated = dumps
    assert len(made) > 80
    assert made == migrated, "`python -m tests.schema` writes storage/schema.sql anew"


def migrate_all(connection: Connection) -> None:
    revisions.move(connection, "head")


async def test_a_new_file_opens_without_alembic(sqlite_url: str) -> None:
    assert await opens_without(sqlite_url, "alembic", "sqlmodel", "pydantic")


def test_the_named_revisions_are_those_in_the_folder(engine: Engine) -> None:
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(revisions.alembic_config(connection))
        found = [s.revision for s in script.walk_revisions()][::-1]
    assert tuple(found) == revisions.REVISIONS


def test_contexts_stored_before_go_on_being_rendered(engine: Engine) -> None:
    conversation = {"id": 1, "start_turn": 1, "first_turn": 3, "summary_tokens": 0, "settings": "{}"}
    texts = ("address_key", "platform", "account", "chat", "thread", "summary", "model", "persona", "title")
    message = {"conversation_id": 1, "turn": 3, "step": 0, "shown": True, "context": "passages", "tokens": 9}
    parts = ("role", "text", "name", "attachments", "tool_calls", "tool_call_id")
    with engine.connect() as connection:
        revisions.move(connection, "0003")
        for table, values, empty in (("conversation", conversation, texts), ("message", message, parts)):
            row = {**dict.fromkeys(empty, ""), **values}
            columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), row)
        connection.commit()
        revisions.move(connection, "0004")
        assert connection.execute(text("SELECT first_turn, context_turn FROM conversation")).one() == (3, 1)
        stored = connection.execute(text("SELECT context, tokens, context_tokens FROM message")).one()
        assert stored == ("passages", 9, 0)
        connection.rollback()
        revisions.move(connection, "0003")
        assert connection.execute(text("SELECT first_turn FROM conversation")).one() == (3,)
        assert connection.execute(text("SELECT context, tokens FROM message")).one() == ("passages", 9)
        connection.rollback()


def put(connection: Connection, table: str, empty: str, **values: object) -> None:
    """A row; the columns that `empty` names have an empty text."""
    row = {**dict.fromkeys(empty.split(), ""), **values}
    columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), row)


def test_ratings_stored_before_are_counted_as_they_are(engine: Engine) -> None:
    now = time.time()
    numbers = {"start_turn": 1, "first_turn": 1, "summary_tokens": 0, "settings": "{}"}
    counts = dict.fromkeys(("revision", "attempts", "prompt_tokens", "completion_tokens", "cached_tokens"), 0)
    times = {"started_at": 0.0, "ended_at": 0.0}
    texts = "state person_id text question_id model finish_reason citations error"
    rows = [(-1, "wrong", now), (1, "", now), (1, "helped", now), (1, "", now - 20 * DAY)]
    with engine.connect() as connection:
        revisions.move(connection, "0016")
        address = "address_key platform account chat thread summary model persona title"
        put(connection, "conversation", address, id=1, **numbers)
        for n, (value, reason, at) in enumerate(rows):
            place = {"id": f"t{n}", "event_key": f"e{n}", "conversation_id": 1, "number": n}
            put(connection, "turn", texts, **place, **counts, **times)
            rated = {"value": value, "reason": reason, "created_at": at, "handled": False}
            put(connection, "feedback", "", turn_id=f"t{n}", person_id="p", **rated)
        connection.commit()
        revisions.move(connection, "0017")
        found = connection.execute(text("SELECT span, at, label, count, total FROM statistic")).all()
        expected = {(span, int(now) // span * span, kind, 1, 1.0) for span in SPANS for kind in KINDS}
        long_ago = int(now - 20 * DAY)
        expected |= {(span, long_ago // span * span, "up", 1, 1.0) for span in (3_600, DAY)}
        assert {tuple(row) for row in found} == expected
        connection.rollback()
        revisions.move(connection, "0016")
        assert connection.execute(text("SELECT count(*) FROM statistic")).scalar_one() == 0
        connection.rollback()


async def test_an_up_to_date_database_opens_without_alembic_or_the_models(sqlite_url: str) -> None:
    async with open_database(sqlite_url):
        pass
    assert await opens_without(sqlite_url, "alembic", "sqlmodel", "pydantic", "greenlet", "psycopg")


async def opens_without(url: str, *heavy: str) -> bool:
    """Whether a process that opens the database imports none of these."""
    program = (
        "import asyncio, sys\nfrom storage.db import open_database\n"
        "async def main():\n async with open_database(sys.argv[1]): pass\n"
        "asyncio.run(main())\n"
        "sys.exit(not set(sys.argv[2:]).isdisjoint(sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, *heavy)
    return await process.wait() == 0


AUDITED: dict[str, object] = {
    **{"account_id": "a", "action": "x", "target": "t"},
    **{"since": 1.0, "at": 9.0, "id": 9, "limit": 5},
}
HOT: list[tuple[TextClause, dict[str, object]]] = [
    (conversations.FIND, {"key": "k"}),
    (conversations.GET, {"id": 1}),
    (conversations.HISTORY, {"id": 1, "first": 1, "before": 9}),
    (conversations.LISTING, {"person": "p", "before": 9, "limit": 5}),
    (conversations.RESTART, {"id": 1}),
    (inbox.PENDING, {"after": 0, "limit": 5}),
    (inbox.DONE, {"key": "k"}),
    (inbox.BURY, {"key": "k", "reason": ""}),
    (inbox.DEAD, {"limit": 5, "before": "", "end": 9}),
    (inbox.REVIVE, {"key": "k"}),
    (inbox.OLDEST, {"after": 0, "limit": 5}),
    (inbox.FORGET, {"id": 1}),
    (inbox.FORGET_REPLY, {"key": "k"}),
    (personas.GET, {"name": "n", "number": 1}),
    (personas.NEWEST, {"name": "n"}),
    (personas.NEWEST_FIRST, {"name": "n", "limit": 5}),
    (personas.BELOW, {"name": "n", "before": 9, "limit": 5}),
    (search.LISTING, {"collection": "c", "after": "a", "limit": 5}),
    (keyvalue.GET, {"scope": "s", "plugin": "p", "key": "k"}),
    *(
        (statement, {"scope": "s", "plugin": "p", "first": "a", "end": "b", "limit": 5})
        for statement in keyvalue.ITEMS.values()
    ),
    (keyvalue.DELETE_SCOPE, {"scope": "s"}),
    (identities.FIND, {"platform": "t", "user_id": "u"}),
    (identities.GET, {"id": "p"}),
    (people.INVITATION, {"code_hash": "h"}),
    (
        turns.BEGIN,
        {
            "conversation_id": 1,
            "id": "i",
            "event_key": "e",
            "person_id": "p",
            "platform": "t",
            "user_id": "u",
            "question_id": "",
            "now": 0.0,
        },
    ),
    (turns.REPLACED, {"id": "i", "conversation_id": 1}),
    (turns.TAKE_DELIVERIES, {"id": "i", "conversation_id": 1, "number": 1}),
    (turns.CHECKPOINT, {"id": "i", "text": "", "state": "generating", "thoughts": ""}),
    (turns.UNSAY, {"conversation_id": 1, "number": 1}),
    (turns.SHOW, {"conversation_id": 1, "number": 1, "shown": True}),
    (turns.ANSWERED, {"conversation_id": 1, "number": 1}),
    (turns.OF_EVENT, {"key": "k"}),
    (turns.OF_MESSAGE, {"conversation_id": 1, "message_id": "m"}),
    (turns.LAST, {"conversation_id": 1}),
    (turns.LISTING, {"conversation_id": 1, "limit": 50, "before": 99}),
    (turns.QUESTION, {"conversation_id": 1, "number": 1}),
    (turns.DELIVERIES, {"id": "i"}),
    (turns.DROP_DELIVERIES, {"id": "i", "part": 1}),
    (sessions.FIND, {"token_hash": "h", "now": 1.0, "seen_since": 0.0}),
    (sessions.SEEN, {"id": "s", "now": 1.0}),
    (sessions.DROP_EXPIRED, {"now": 1.0}),
    (sessions.LISTING, {"account_id": "a", "at": 9.0, "made": 9.0, "id": "", "now": 1.0, "limit": 5}),
    (accounts.NAMED, {"key": "k"}),
    (accounts.LISTING, {"after": "a", "limit": 5}),
    (accounts.KEYS, {"account_id": "a", "at": 0.0, "id": "", "limit": 5}),
    (audit.ALL, AUDITED),
    (audit.OF_ACCOUNT, AUDITED),
    (audit.OF_ACTION, AUDITED),
    (audit.OF_BOTH, AUDITED),
    (text(audit.OF_TARGET.text.replace("IN :actions", "IN (:action)")), {**AUDITED, "all_actions": False}),
    (shares.FIND, {"token_hash": "h", "now": 1.0}),
    (shares.LISTING, {"person_id": "p", "at": 9.0, "id": "", "now": 1.0, "limit": 5}),
    (shares.REVOKE, {"person_id": "p", "id": "s", "now": 1.0}),
    (shares.DROP_EXPIRED, {"now": 1.0}),
]


@pytest.mark.parametrize(
    ("statement", "values"), HOT, ids=lambda v: v.text[:60] if isinstance(v, TextClause) else ""
)
async def test_a_hot_query_searches_an_index_and_scans_no_table(
    sqlite_db: Database, statement: TextClause, values: dict[str, object]
) -> None:
    explained = text(f"EXPLAIN QUERY PLAN {statement.text}")
    plan = await sqlite_db.write(lambda c: [row[3] for row in c.execute(explained, values)])
    scans = [step for step in plan if step.startswith("SCAN") and step not in ALLOWED]
    assert scans == []
    assert any(step.startswith("SEARCH") for step in plan)
    sorts = [step for step in plan if "TEMP B-TREE" in step]
    assert not sorts or statement is turns.OF_MESSAGE or statement is conversations.LISTING, plan


ALLOWED = {"SCAN last", "SCAN (subquery-1)", "SCAN CONSTANT ROW"}
