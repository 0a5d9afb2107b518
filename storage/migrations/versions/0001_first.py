"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for create in (
        _conversation,
        _inbox,
        _invite,
        _person,
        _plugin_kv,
        _identity,
        _message,
        _turn,
        _delivery,
        _feedback,
    ):
        create()


def downgrade() -> None:
    for table in (
        "feedback",
        "delivery",
        "turn",
        "message",
        "identity",
        "plugin_kv",
        "person",
        "invite",
        "inbox",
        "conversation",
    ):
        op.drop_table(table)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _serial(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _seconds(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=False)


def _conversation() -> None:
    op.create_table(
        "conversation",
        _serial("id"),
        _text("address_key"),
        _text("platform"),
        _text("account"),
        _text("chat"),
        _text("thread"),
        _integer("start_turn"),
        _integer("first_turn"),
        _text("summary"),
        _integer("summary_tokens"),
        _text("model"),
        _text("persona"),
        _text("title"),
        _text("settings"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address_key"),
        sqlite_autoincrement=True,
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        _serial("id"),
        _text("key"),
        _integer("state"),
        _text("sender"),
        _text("payload"),
        _text("reason"),
        _seconds("put_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_inbox_open",
        "inbox",
        ["state", "id"],
        sqlite_where=sa.text("state <> 1"),
        postgresql_where=sa.text("state <> 1"),
    )


def _invite() -> None:
    op.create_table(
        "invite",
        _text("code_hash"),
        _text("kind"),
        _text("role"),
        _integer("uses_left"),
        _seconds("expires_at"),
        _text("created_by"),
        _seconds("created_at"),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index("ix_invite_created_by", "invite", ["created_by"])


def _person() -> None:
    op.create_table(
        "person",
        _text("id"),
        _text("role"),
        _text("name"),
        _text("language"),
        _text("settings"),
        _seconds("created_at"),
        sa.PrimaryKeyConstraint("id"),
    )


def _plugin_kv() -> None:
    op.create_table(
        "plugin_kv",
        _text("scope"),
        _text("plugin"),
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        _text("value"),
        sa.PrimaryKeyConstraint("scope", "plugin", "key"),
        sqlite_with_rowid=False,
    )


def _identity() -> None:
    op.create_table(
        "identity",
        _text("platform"),
        _text("user_id"),
        _text("person_id"),
        _text("name"),
        _seconds("created_at"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("platform", "user_id"),
    )
    op.create_index("ix_identity_person_id", "identity", ["person_id"])


def _message() -> None:
    op.create_table(
        "message",
        _serial("conversation_id"),
        _integer("turn"),
        _integer("step"),
        sa.Column("shown", sa.Boolean(), nullable=False),
        _text("role"),
        _text("text"),
        _text("context"),
        _text("name"),
        _text("attachments"),
        _text("tool_calls"),
        _text("tool_call_id"),
        _integer("tokens"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
        sa.PrimaryKeyConstraint("conversation_id", "turn", "step"),
        sqlite_with_rowid=False,
    )


def _turn() -> None:
    op.create_table(
        "turn",
        _text("id"),
        _serial("conversation_id"),
        _integer("number"),
        _integer("revision"),
        _text("event_key"),
        _text("state"),
        _text("person_id"),
        _text("text"),
        _text("question_id"),
        _integer("attempts"),
        _text("model"),
        _integer("prompt_tokens"),
        _integer("completion_tokens"),
        _integer("cached_tokens"),
        _text("finish_reason"),
        _text("citations"),
        _text("error"),
        _seconds("started_at"),
        _seconds("ended_at"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_key"),
    )
    op.create_index("ix_turn_person", "turn", ["person_id", "conversation_id"])
    op.create_index("ix_turn_place", "turn", ["conversation_id", "number", "revision"], unique=True)
    op.create_index("ix_turn_question", "turn", ["conversation_id", "question_id"])


def _delivery() -> None:
    op.create_table(
        "delivery",
        _text("turn_id"),
        _integer("part"),
        _text("state"),
        _text("message_id"),
        _text("digest"),
        sa.PrimaryKeyConstraint("turn_id", "part"),
    )
    op.create_index("ix_delivery_message_id", "delivery", ["message_id"])


def _feedback() -> None:
    op.create_table(
        "feedback",
        _text("turn_id"),
        _text("person_id"),
        _integer("value"),
        _text("reason"),
        _seconds("created_at"),
        sa.ForeignKeyConstraint(["turn_id"], ["turn.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("turn_id", "person_id"),
    )
    op.create_index("ix_feedback_person_id", "feedback", ["person_id"])
