"""What the console lists: conversations by activity, turns by their words, people by name, feedback.

What is stored already is indexed in batches of so many turns or people, in the order of time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from bot.words import indexed
from storage.db import Dialect
from storage.said import joined
from storage.text import folded

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 1_000
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TERMS = sa.Text().with_variant(TSVECTOR(), "postgresql")
INDEXES = (
    ("ix_conversation_active", "conversation", ["active_at", "id"]),
    ("ix_conversation_platform", "conversation", ["platform", "active_at", "id"]),
    ("ix_person_name", "person", ["name_key", "id"]),
    ("ix_person_role", "person", ["role", "name_key", "id"]),
    ("ix_feedback_time", "feedback", ["created_at", "turn_id", "person_id"]),
    ("ix_feedback_value", "feedback", ["value", "created_at", "turn_id", "person_id"]),
    ("ix_feedback_open", "feedback", ["handled", "created_at", "turn_id", "person_id"]),
    ("ix_feedback_open_value", "feedback", ["handled", "value", "created_at", "turn_id", "person_id"]),
)
ACTIVE = (
    "UPDATE conversation SET active_at = coalesce((SELECT t.started_at FROM turn AS t"
    " WHERE t.conversation_id = conversation.id ORDER BY t.number DESC, t.revision DESC LIMIT 1), 0)"
)
FOLLOW = (
    "CREATE VIRTUAL TABLE said_fts USING fts5(terms, content = 'said', content_rowid = 'id',"
    " tokenize = 'ascii', detail = none, columnsize = 0)",
    "CREATE TRIGGER said_put AFTER INSERT ON said BEGIN"
    " INSERT INTO said_fts (rowid, terms) VALUES (new.id, new.terms); END",
    "CREATE TRIGGER said_drop AFTER DELETE ON said BEGIN"
    " INSERT INTO said_fts (said_fts, rowid, terms) VALUES ('delete', old.id, old.terms); END",
)
PEOPLE = sa.text("SELECT id, name FROM person WHERE id > :last ORDER BY id LIMIT :batch")
NAME = sa.text("UPDATE person SET name_key = :key WHERE id = :id")
TURNS = sa.text(
    "SELECT t.id, t.conversation_id, t.number, t.started_at, m.text FROM (SELECT id, conversation_id,"
    " number, started_at FROM turn WHERE id > :last AND revision = 0 ORDER BY id LIMIT :batch) AS t"
    " LEFT JOIN message AS m ON m.conversation_id = t.conversation_id AND m.turn = t.number"
    " AND m.role IN ('user', 'assistant') ORDER BY t.id, m.step"
)
SAY = "INSERT INTO said (conversation_id, turn, at, terms) VALUES (:conversation, :turn, :at, {terms})"


def upgrade() -> None:
    op.add_column("conversation", sa.Column("active_at", sa.Float(), nullable=False, server_default="0"))
    op.add_column("person", sa.Column("name_key", ORDERED, nullable=False, server_default=""))
    op.add_column("feedback", sa.Column("handled", sa.Boolean(), nullable=False, server_default=sa.false()))
    _make_said()
    op.execute(ACTIVE)
    _name_people()
    _index_turns()
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def _make_said() -> None:
    op.create_table(
        "said",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("conversation_id", SERIAL, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("terms", TERMS, nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_said_place", "said", ["conversation_id", "turn"], unique=True)
    if op.get_bind().dialect.name == "sqlite":
        for statement in FOLLOW:
            op.execute(statement)
    else:
        op.create_index("ix_said_terms", "said", ["terms"], postgresql_using="gin")


def _batches(query: sa.TextClause) -> Iterator[Sequence[sa.Row[Any]]]:
    last = ""
    while rows := op.get_bind().execute(query, {"last": last, "batch": BATCH}).all():
        yield rows
        last = rows[-1].id


def _name_people() -> None:
    for rows in _batches(PEOPLE):
        op.get_bind().execute(NAME, [{"id": row.id, "key": folded(row.name)} for row in rows])


def _index_turns() -> None:
    dialect: Dialect = "sqlite" if op.get_bind().dialect.name == "sqlite" else "postgresql"
    say = sa.text(SAY.format(terms=":terms" if dialect == "sqlite" else "CAST(:terms AS tsvector)"))
    for rows in _batches(TURNS):
        said = []
        for _, group in groupby(rows, key=lambda row: row.id):
            first, *more = group
            terms = indexed("\n".join(row.text or "" for row in (first, *more)))
            if terms:
                place = {"conversation": first.conversation_id, "turn": first.number}
                said.append({**place, "at": first.started_at, "terms": joined(terms, dialect)})
        if said:
            op.get_bind().execute(say, said)


def downgrade() -> None:
    for name, table, _ in reversed(INDEXES):
        op.drop_index(name, table)
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER said_put")
        op.execute("DROP TRIGGER said_drop")
        op.execute("DROP TABLE said_fts")
    op.drop_table("said")
    op.drop_column("feedback", "handled")
    op.drop_column("person", "name_key")
    op.drop_column("conversation", "active_at")
