"""Persons, their identities and codes as rows: what `people` and `links` share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from bot.types import Person, PersonRole
from storage.text import from_json

RANK = {PersonRole.BLOCKED: 0, PersonRole.MEMBER: 1, PersonRole.OPERATOR: 2, PersonRole.OWNER: 3}
COLUMNS = "p.id, p.role, p.name, p.language, p.settings, p.created_at"

FIND = text(
    f"SELECT {COLUMNS} FROM identity AS i JOIN person AS p ON p.id = i.person_id"
    " WHERE i.platform = :platform AND i.user_id = :user_id"
)
GET = text(f"SELECT {COLUMNS} FROM person AS p WHERE id = :id")
MAKE = text(
    "INSERT INTO person (id, role, name, name_key, language, settings, created_at)"
    " VALUES (:id, :role, :name, :name_key, '', '{}', :now)"
)
IDENTIFY = text(
    "INSERT INTO identity (platform, user_id, person_id, name, created_at)"
    " VALUES (:platform, :user_id, :id, :name, :now) ON CONFLICT (platform, user_id) DO NOTHING"
)
UNMAKE = text("DELETE FROM person WHERE id = :id")
USE = text("UPDATE invite SET uses_left = uses_left - 1 WHERE code_hash = :code_hash AND uses_left > 0")
REDEEMED = text("SELECT 1 FROM redemption WHERE code_hash = :code_hash AND person_id = :id")
REMEMBER = text(
    "INSERT INTO redemption (code_hash, person_id) VALUES (:code_hash, :id) ON CONFLICT DO NOTHING"
)


def admit(connection: Connection, values: Mapping[str, Any]) -> Person:
    """The person of this identity, made as `values` say if it is new."""
    row = connection.execute(FIND, values).first()
    if row is None:
        connection.execute(MAKE, values)
        if not connection.execute(IDENTIFY, values).rowcount:  # another was quicker (PostgreSQL)
            connection.execute(UNMAKE, values)
        row = connection.execute(FIND, values).one()
    return person_of(row)


def person_of(row: Row[Any]) -> Person:
    """The person that a row of `COLUMNS` tells of."""
    return Person(
        id=row.id,
        role=PersonRole(row.role),
        name=row.name,
        language=row.language,
        settings=from_json(row.settings, dict),
        created_at=row.created_at,
    )
