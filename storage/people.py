"""People, their identities on platforms, and invitations."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from bot.errors import AccessError
from bot.ports import Clock
from bot.types import Person, PersonRole, Sender
from storage import personal_data
from storage.db import Database
from storage.text import clean, from_json, merged, to_json

RANK = {PersonRole.BLOCKED: 0, PersonRole.MEMBER: 1, PersonRole.OPERATOR: 2, PersonRole.OWNER: 3}
_COLUMNS = "p.id, p.role, p.name, p.language, p.settings, p.created_at"

FIND = text(
    f"SELECT {_COLUMNS} FROM identity AS i JOIN person AS p ON p.id = i.person_id"
    " WHERE i.platform = :platform AND i.user_id = :user_id"
)
GET = text(f"SELECT {_COLUMNS} FROM person AS p WHERE id = :id")
MAKE = text(
    "INSERT INTO person (id, role, name, language, settings, created_at)"
    " VALUES (:id, :role, :name, '', '{}', :now)"
)
IDENTIFY = text(
    "INSERT INTO identity (platform, user_id, person_id, name, created_at)"
    " VALUES (:platform, :user_id, :id, :name, :now) ON CONFLICT (platform, user_id) DO NOTHING"
)
OWNER_ON = text(
    "SELECT i.user_id FROM identity AS i JOIN person AS p ON p.id = i.person_id"
    " WHERE i.platform = :platform AND p.role = 'owner' LIMIT 1"
)
UNMAKE = text("DELETE FROM person WHERE id = :id")
UPDATE = text("UPDATE person SET role = :role, language = :language, settings = :settings WHERE id = :id")
PROMOTE = text("UPDATE person SET role = :role WHERE id = :id")
OWNER = text("SELECT 1 FROM person WHERE role = 'owner' LIMIT 1")
DROP_OWNER_CODES = text("DELETE FROM invite WHERE kind = 'owner'")
INVITE = text(
    "INSERT INTO invite (code_hash, kind, role, uses_left, expires_at, created_by, created_at)"
    " VALUES (:code_hash, :kind, :role, :uses, :expires_at, :by, :now)"
)
INVITATION = text("SELECT kind, role, uses_left, expires_at FROM invite WHERE code_hash = :code_hash")
USE = text("UPDATE invite SET uses_left = uses_left - 1 WHERE code_hash = :code_hash AND uses_left > 0")
REDEEMED = text("SELECT 1 FROM redemption WHERE code_hash = :code_hash AND person_id = :id")
REMEMBER = text(
    "INSERT INTO redemption (code_hash, person_id) VALUES (:code_hash, :id) ON CONFLICT DO NOTHING"
)


class SqlPeople:
    """See `bot.ports.People`. `update` of someone unknown raises AccessError."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def find(self, platform: str, user_id: str) -> Person | None:
        identity = {"platform": clean(platform), "user_id": clean(user_id)}
        row = await self._db.read(lambda c: c.execute(FIND, identity).first())
        return None if row is None else _person(row)

    async def get(self, person_id: str) -> Person | None:
        row = await self._db.read(lambda c: c.execute(GET, {"id": person_id}).first())
        return None if row is None else _person(row)

    async def owner(self, platform: str) -> str:
        place = {"platform": clean(platform)}
        found: str | None = await self._db.read(lambda c: c.execute(OWNER_ON, place).scalar())
        return found or ""

    async def admit(self, platform: str, sender: Sender, role: PersonRole = PersonRole.MEMBER) -> Person:
        values = self._newcomer(platform, sender, role)
        return await self._db.write(lambda c: _admit(c, values))

    async def update(
        self,
        person_id: str,
        *,
        role: PersonRole | None = None,
        language: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Person:
        def work(connection: Connection) -> Person:
            lock = " FOR UPDATE" if self._db.dialect == "postgresql" else ""
            row = connection.execute(text(f"{GET.text}{lock}"), {"id": person_id}).first()
            if row is None:
                raise AccessError("this person is not known here")
            values = {
                "id": person_id,
                "role": row.role if role is None else str(role),
                "language": row.language if language is None else clean(language),
                "settings": to_json(merged(from_json(row.settings, dict), settings)),
            }
            connection.execute(UPDATE, values)
            return _person(connection.execute(GET, values).one())

        return await self._db.write(work)

    async def owner_code(self) -> str | None:
        def work(connection: Connection) -> str | None:
            if connection.execute(OWNER).first() is not None:
                return None
            connection.execute(DROP_OWNER_CODES)
            return self._new_code(connection, "owner", PersonRole.OWNER, 1, 0.0, "")

        return await self._db.write(work)

    async def invite(
        self, by: str, *, role: PersonRole = PersonRole.MEMBER, uses: int = 1, expires_at: float = 0.0
    ) -> str:
        return await self._db.write(lambda c: self._new_code(c, "invite", role, uses, expires_at, by))

    def _new_code(
        self, connection: Connection, kind: str, role: PersonRole, uses: int, expires_at: float, by: str
    ) -> str:
        code = secrets.token_urlsafe(18)
        values = {
            "code_hash": _hash(code),
            "kind": kind,
            "role": str(role),
            "uses": uses,
            "expires_at": expires_at,
            "by": by,
            "now": self._clock.time(),
        }
        connection.execute(INVITE, values)
        return code

    async def redeem(self, platform: str, sender: Sender, code: str) -> Person:
        values = self._newcomer(platform, sender, PersonRole.MEMBER)
        code_hash = {"code_hash": _hash(code.strip())}
        now = self._clock.time()

        def work(connection: Connection) -> Person:
            known = connection.execute(FIND, values).first()
            if known is not None and connection.execute(REDEEMED, {**code_hash, "id": known.id}).first():
                return _person(known)
            invitation = connection.execute(INVITATION, code_hash).first()
            if not _is_valid(connection, invitation, now):
                raise AccessError("this invitation is unknown, used up or expired")
            assert invitation is not None
            role = PersonRole(invitation.role)
            if known is not None and not _rises(PersonRole(known.role), role):
                return _person(known)
            if not connection.execute(USE, code_hash).rowcount:
                raise AccessError("this invitation is used up")
            person = _admit(connection, {**values, "role": str(role)})
            connection.execute(REMEMBER, {**code_hash, "id": person.id})
            if not _rises(person.role, role):
                return person
            connection.execute(PROMOTE, {"id": person.id, "role": str(role)})
            return _person(connection.execute(GET, {"id": person.id}).one())

        return await self._db.write(work)

    async def export(self, person_id: str) -> dict[str, Any]:
        return await self._db.read(lambda c: personal_data.export(c, person_id))

    async def delete(self, person_id: str) -> None:
        await self._db.write(lambda c: personal_data.delete(c, person_id))

    def _newcomer(self, platform: str, sender: Sender, role: PersonRole) -> dict[str, Any]:
        return {
            "id": secrets.token_urlsafe(16),
            "platform": clean(platform),
            "user_id": clean(sender.id),
            "name": clean(sender.name),
            "role": str(role),
            "now": self._clock.time(),
        }


def _admit(connection: Connection, values: Mapping[str, Any]) -> Person:
    row = connection.execute(FIND, values).first()
    if row is None:
        connection.execute(MAKE, values)
        if not connection.execute(IDENTIFY, values).rowcount:  # another was quicker (PostgreSQL)
            connection.execute(UNMAKE, values)
        row = connection.execute(FIND, values).one()
    return _person(row)


def _is_valid(connection: Connection, invitation: Row[Any] | None, now: float) -> bool:
    if invitation is None or invitation.uses_left < 1:
        return False
    if invitation.expires_at and invitation.expires_at <= now:
        return False
    return invitation.kind != "owner" or connection.execute(OWNER).first() is None


def _rises(old: PersonRole, new: PersonRole) -> bool:
    return old is not PersonRole.BLOCKED and RANK[new] > RANK[old]


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()


def _person(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        role=PersonRole(row.role),
        name=row.name,
        language=row.language,
        settings=from_json(row.settings, dict),
        created_at=row.created_at,
    )
