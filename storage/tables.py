"""The tables. Stores use them through SQLAlchemy Core (`person`, `turn`, …), not as objects.

Texts are valid Unicode without NUL, which PostgreSQL cannot hold (`storage.text` sees to it);
columns of JSON are text, written and read by msgspec, so that both databases keep the same bytes.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
    literal_column,
)
from sqlmodel import Field, SQLModel

ORDERED = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that compares by code point on both databases."""
_NOT_DONE: ColumnElement[bool] = literal_column("state <> 1")
_OPEN: ColumnElement[bool] = literal_column("uses_left > 0 AND kind <> 'link'")
SERIAL = BigInteger().with_variant(Integer(), "sqlite")


class Base(SQLModel):
    metadata = MetaData()


metadata = Base.metadata


class PersonRow(Base, table=True):
    """`name_key` is what people are ordered and looked up by (`storage.text.folded`)."""

    __tablename__ = "person"
    __table_args__ = (
        Index("ix_person_name", "name_key", "id"),
        Index("ix_person_role", "role", "name_key", "id"),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    role: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    language: str = Field(sa_type=Text)
    settings: str = Field(sa_type=Text)
    created_at: float
    name_key: str = Field(sa_type=ORDERED, sa_column_kwargs={"server_default": ""})


class IdentityRow(Base, table=True):
    __tablename__ = "identity"

    platform: str = Field(primary_key=True, sa_type=Text)
    user_id: str = Field(primary_key=True, sa_type=Text)
    person_id: str = Field(foreign_key="person.id", index=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    created_at: float


class InviteRow(Base, table=True):
    """`code_hash` is the SHA-256 of the code, which itself is stored nowhere."""

    __tablename__ = "invite"
    __table_args__ = (
        Index("ix_invite_open", "created_at", "code_hash", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    code_hash: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    uses_left: int
    expires_at: float
    created_by: str = Field(index=True, sa_type=Text)
    created_at: float


class RedemptionRow(Base, table=True):
    """Who used which code: outlives the code, so that the message with it may come again."""

    __tablename__ = "redemption"

    code_hash: str = Field(primary_key=True, sa_type=Text)
    person_id: str = Field(primary_key=True, foreign_key="person.id", index=True, sa_type=Text)


class ConversationRow(Base, table=True):
    """`active_at` is when a turn of it last began, 0 if none has."""

    __tablename__ = "conversation"
    __table_args__ = (
        Index("ix_conversation_active", "active_at", "id"),
        Index("ix_conversation_platform", "platform", "active_at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=SERIAL)
    address_key: str = Field(unique=True, sa_type=Text)
    platform: str = Field(sa_type=Text)
    account: str = Field(sa_type=Text)
    chat: str = Field(sa_type=Text)
    thread: str = Field(sa_type=Text)
    start_turn: int
    first_turn: int
    context_turn: int = Field(sa_column_kwargs={"server_default": "1"})
    summary: str = Field(sa_type=Text)
    summary_tokens: int
    model: str = Field(sa_type=Text)
    persona: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    settings: str = Field(sa_type=Text)
    active_at: float = Field(sa_column_kwargs={"server_default": "0"})


class PlaceRow(Base, table=True):
    """`name_key` is the name, or without one the code, folded; `around` the addresses it lies in."""

    __tablename__ = "place"
    __table_args__ = (
        Index("ix_place_within", "parent_key", "name_key", "id"),
        Index("ix_place_name", "name_key", "id"),
        Index("ix_place_code", "code", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=SERIAL)
    address_key: str = Field(unique=True, sa_type=Text)
    platform: str = Field(sa_type=Text)
    account: str = Field(sa_type=Text)
    chat: str = Field(sa_type=Text)
    thread: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=ORDERED)
    code: str = Field(sa_type=Text)
    parent_key: str = Field(sa_type=Text)
    around: str = Field(sa_type=Text)


class MessageRow(Base, table=True):
    """Clustered by (conversation, turn, step): a history is one walk along the primary key.

    `shown` tells whether it is part of the history: its turn ended well, or was cancelled with
    text.
    """

    __tablename__ = "message"
    __table_args__ = {"sqlite_with_rowid": False}

    conversation_id: int = Field(primary_key=True, foreign_key="conversation.id", sa_type=SERIAL)
    turn: int = Field(primary_key=True)
    step: int = Field(primary_key=True)
    shown: bool
    role: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    context: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    attachments: str = Field(sa_type=Text)
    tool_calls: str = Field(sa_type=Text)
    tool_call_id: str = Field(sa_type=Text)
    tokens: int
    context_tokens: int = Field(sa_column_kwargs={"server_default": "0"})


class TurnRow(Base, table=True):
    """`revision` counts how often the turn of this number was replaced. `thoughts` are one JSON value, ""
    where there are none."""

    __tablename__ = "turn"
    __table_args__ = (
        Index("ix_turn_place", "conversation_id", "number", "revision", unique=True),
        Index("ix_turn_question", "conversation_id", "question_id"),
        Index("ix_turn_person", "person_id", "conversation_id", "number", "revision"),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    conversation_id: int = Field(foreign_key="conversation.id", sa_type=SERIAL)
    number: int
    revision: int
    event_key: str = Field(unique=True, sa_type=Text)
    state: str = Field(sa_type=Text)
    person_id: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    question_id: str = Field(sa_type=Text)
    attempts: int
    model: str = Field(sa_type=Text)
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    finish_reason: str = Field(sa_type=Text)
    citations: str = Field(sa_type=Text)
    error: str = Field(sa_type=Text)
    started_at: float
    ended_at: float
    thoughts: str = Field(sa_type=Text, sa_column_kwargs={"server_default": ""})


class AskerRow(Base, table=True):
    """When who asked last in which conversation; nobody ("") are those who were erased."""

    __tablename__ = "asker"
    __table_args__ = (
        Index("ix_asker_active", "person_id", "active_at", "conversation_id"),
        Index("ix_asker_conversation", "conversation_id"),
        {"sqlite_with_rowid": False},
    )

    person_id: str = Field(primary_key=True, sa_type=Text)
    conversation_id: int = Field(
        primary_key=True, foreign_key="conversation.id", ondelete="CASCADE", sa_type=SERIAL
    )
    active_at: float


class DeliveryRow(Base, table=True):
    """`turn_id` may also be ``event:KEY``: a reply outside of turns."""

    __tablename__ = "delivery"

    turn_id: str = Field(primary_key=True, sa_type=Text)
    part: int = Field(primary_key=True)
    state: str = Field(sa_type=Text)
    message_id: str = Field(index=True, sa_type=Text)
    digest: str = Field(sa_type=Text)


class FeedbackRow(Base, table=True):
    """`handled`: somebody has seen to it."""

    __tablename__ = "feedback"
    __table_args__ = (
        Index("ix_feedback_person", "person_id", "created_at", "turn_id"),
        Index("ix_feedback_time", "created_at", "turn_id", "person_id"),
        Index("ix_feedback_value", "value", "created_at", "turn_id", "person_id"),
        Index("ix_feedback_open", "handled", "created_at", "turn_id", "person_id"),
        Index("ix_feedback_open_value", "handled", "value", "created_at", "turn_id", "person_id"),
    )

    turn_id: str = Field(primary_key=True, foreign_key="turn.id", ondelete="CASCADE", sa_type=Text)
    person_id: str = Field(primary_key=True, sa_type=Text)
    value: int
    reason: str = Field(sa_type=Text)
    created_at: float
    handled: bool = Field(sa_column_kwargs={"server_default": false()})


class StatisticRow(Base, table=True):
    """What was measured within `span` seconds from `at`. Bucket 0 holds how often and the sum,
    bucket n of a duration how many lay between its bounds n-1 and n. `highest` is a level's."""

    __tablename__ = "statistic"
    __table_args__ = {"sqlite_with_rowid": False}

    span: int = Field(primary_key=True)
    at: int = Field(primary_key=True, sa_type=BigInteger)
    name: str = Field(primary_key=True, sa_type=Text)
    label: str = Field(primary_key=True, sa_type=Text)
    bucket: int = Field(primary_key=True)
    count: int = Field(sa_type=BigInteger)
    total: float
    highest: float = Field(sa_column_kwargs={"server_default": "0"})


class PluginValueRow(Base, table=True):
    __tablename__ = "plugin_kv"
    __table_args__ = {"sqlite_with_rowid": False}

    scope: str = Field(primary_key=True, sa_type=Text)
    plugin: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=ORDERED)
    value: str = Field(sa_type=Text)


class LeaseRow(Base, table=True):
    __tablename__ = "lease"

    name: str = Field(primary_key=True, sa_type=Text)
    holder: str = Field(sa_type=Text)
    expires_at: float


class OverheardRow(Base, table=True):
    __tablename__ = "overheard"
    __table_args__ = (
        Index("ix_overheard_recent", "conversation_id", "said_at"),
        Index("ix_overheard_sender", "platform", "user_id"),
    )

    conversation_id: int = Field(
        primary_key=True, foreign_key="conversation.id", ondelete="CASCADE", sa_type=SERIAL
    )
    message_id: str = Field(primary_key=True, sa_type=Text)
    platform: str = Field(sa_type=Text)
    user_id: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    said_at: float


class InboxRow(Base, table=True):
    """`state`: 0 waits, 1 done, 2 dead. A done row keeps its key alone, against late duplicates."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_open", "state", "id", sqlite_where=_NOT_DONE, postgresql_where=_NOT_DONE),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=SERIAL)
    key: str = Field(unique=True, sa_type=Text)
    state: int
    sender: str = Field(sa_type=Text)
    payload: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    put_at: float


def table_of(model: type[SQLModel]) -> Table:
    """The Core table of a model."""
    found: Table = metadata.tables[str(model.__tablename__)]
    return found


person = table_of(PersonRow)
identity = table_of(IdentityRow)
invite = table_of(InviteRow)
redemption = table_of(RedemptionRow)
conversation = table_of(ConversationRow)
message = table_of(MessageRow)
turn = table_of(TurnRow)
delivery = table_of(DeliveryRow)
feedback = table_of(FeedbackRow)
statistic = table_of(StatisticRow)
plugin_kv = table_of(PluginValueRow)
inbox = table_of(InboxRow)
lease = table_of(LeaseRow)
overheard = table_of(OverheardRow)
