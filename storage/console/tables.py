"""The console's tables, of the same metadata as `storage.tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field

from storage.tables import ORDERED, SERIAL, Base

metadata = Base.metadata
"""Of all tables: these, and those of `storage.tables`."""


class AccountRow(Base, table=True):
    """`name_key` is what names are compared by. `password` is a hash, or empty."""

    __tablename__ = "console_account"

    id: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    name_key: str = Field(unique=True, sa_type=ORDERED)
    role: str = Field(sa_type=Text)
    language: str = Field(sa_type=Text)
    password: str = Field(sa_type=Text)
    disabled: bool
    created_at: float
    seen_at: float


class PasskeyRow(Base, table=True):
    __tablename__ = "console_passkey"
    __table_args__ = (Index("ix_console_passkey_made", "account_id", "created_at", "id"),)

    id: str = Field(primary_key=True, sa_type=Text)
    account_id: str = Field(foreign_key="console_account.id", ondelete="CASCADE", sa_type=Text)
    public_key: str = Field(sa_type=Text)
    sign_count: int = Field(sa_type=BigInteger)
    name: str = Field(sa_type=Text)
    created_at: float
    used_at: float


class TokenRow(Base, table=True):
    """`kind` is owner, invite (for `name` and `role`, made by the account `made_by`) or again (for
    the account `account_id`)."""

    __tablename__ = "console_token"

    token_hash: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    account_id: str = Field(sa_type=Text)
    made_by: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    expires_at: float


class SessionRow(Base, table=True):
    __tablename__ = "console_session"
    __table_args__ = (Index("ix_console_session_seen", "account_id", "seen_at", "created_at", "id"),)

    token_hash: str = Field(primary_key=True, sa_type=Text)
    id: str = Field(unique=True, sa_type=Text)
    account_id: str = Field(foreign_key="console_account.id", ondelete="CASCADE", sa_type=Text)
    created_at: float
    seen_at: float
    expires_at: float = Field(index=True)
    client: str = Field(sa_type=Text)
    agent: str = Field(sa_type=Text)


class AuditRow(Base, table=True):
    """`account_id` may be of an account that is gone."""

    __tablename__ = "console_audit"
    __table_args__ = (
        Index("ix_console_audit_at", "at", "id"),
        Index("ix_console_audit_account", "account_id", "at", "id"),
        Index("ix_console_audit_action", "action", "at", "id"),
        Index("ix_console_audit_both", "account_id", "action", "at", "id"),
        Index("ix_console_audit_target", "target", "at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=SERIAL)
    at: float
    account_id: str = Field(sa_type=Text)
    account: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)


class ShareRow(Base, table=True):
    __tablename__ = "share"
    __table_args__ = (Index("ix_share_person", "person_id", "created_at", "id"),)

    token_hash: str = Field(primary_key=True, sa_type=Text)
    id: str = Field(unique=True, sa_type=Text)
    conversation_id: int = Field(
        foreign_key="conversation.id", ondelete="CASCADE", index=True, sa_type=SERIAL
    )
    person_id: str = Field(foreign_key="person.id", ondelete="CASCADE", sa_type=Text)
    last_turn: int
    title: str = Field(sa_type=Text)
    created_at: float
    expires_at: float = Field(index=True)


class PersonaRow(Base, table=True):
    """A persona that can be chosen, and the number of its version in force."""

    __tablename__ = "persona"

    name: str = Field(primary_key=True, sa_type=ORDERED)
    active: int


class PersonaVersionRow(Base, table=True):
    __tablename__ = "persona_version"

    name: str = Field(primary_key=True, sa_type=ORDERED)
    number: int = Field(primary_key=True)
    prompt: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    sampling: str = Field(sa_type=Text)
    note: str = Field(sa_type=Text)
    made_by: str = Field(sa_type=Text)
    made_at: float
