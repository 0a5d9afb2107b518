"""People, their identities on platforms, and the codes that let them in or link their accounts."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from bot.errors import AccessError
from bot.ports import Clock
from bot.types import Exported, Invitation, Person, PersonRole, Redeemed, Sender
from storage import links, personal_data, takeout
from storage.db import Database
from storage.identities import FIND, GET, RANK, REDEEMED, REMEMBER, USE, admit, person_of
from storage.text import clean, folded, from_json, merged, to_json

OWNER_ON = text(
    "SELECT i.user_id FROM identity AS i JOIN person AS p ON p.id = i.person_id"
    " WHERE i.platform = :platform AND p.role = 'owner' LIMIT 1"
)
UPDATE = text("UPDATE person SET role = :role, language = :language, settings = :settings WHERE id = :id")
PROMOTE = text("UPDATE person SET role = :role WHERE id = :id")
OWNER = text("SELECT 1 FROM person WHERE role = 'owner' LIMIT 1")
DROP_OWNER_CODES = text("DELETE FROM invite WHERE kind = 'owner'")
INVITE = text(
    "INSERT INTO invite (code_hash, kind, role, uses_left, expires_at, created_by, created_at)"
    " VALUES (:code_hash, :kind, :role, :uses, :expires_at, :by, :now)"
)
INVITATION = text(
    "SELECT kind, role, uses_left, expires_at, created_by FROM invite WHERE code_hash = :code_hash"
)
_OPEN = "uses_left > 0 AND kind <> 'link'"
INVITATIONS = text(
    "SELECT code_hash, kind, role, uses_left, expires_at, created_by, created_at FROM invite"
    f" WHERE {_OPEN} AND (created_at, code_hash) < (:at, :id) AND (expires_at = 0 OR expires_at > :now)"
    " ORDER BY created_at DESC, code_hash DESC LIMIT :limit"
)
REVOKE = text(f"DELETE FROM invite WHERE code_hash = :id AND {_OPEN}")


class SqlPeople:
    """See `bot.ports.People`. `update` of someone unknown raises AccessError."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def find(self, platform: str, user_id: str) -> Person | None:
        identity = {"platform": clean(platform), "user_id": clean(user_id)}
        row = await self._db.read(lambda c: c.execute(FIND, identity).first())
        return None if row is None else person_of(row)

    async def get(self, person_id: str) -> Person | None:
        row = await self._db.read(lambda c: c.execute(GET, {"id": clean(person_id)}).first())
        return None if row is None else person_of(row)

    async def owner(self, platform: str) -> str:
        place = {"platform": clean(platform)}
        found: str | None = await self._db.read(lambda c: c.execute(OWNER_ON, place).scalar())
        return found or ""

    async def admit(self, platform: str, sender: Sender, role: PersonRole = PersonRole.MEMBER) -> Person:
        values = self._newcomer(platform, sender, role)
        return await self._db.write(lambda c: admit(c, values))

    async def update(
        self,
        person_id: str,
        *,
        role: PersonRole | None = None,
        language: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Person:
        def work(connection: Connection) -> Person:
            lock = " FOR UPDATE" if self._shared else ""
            row = connection.execute(text(f"{GET.text}{lock}"), {"id": clean(person_id)}).first()
            if row is None:
                raise AccessError("this person is not known here")
            values = {
                "id": row.id,
                "role": row.role if role is None else str(role),
                "language": row.language if language is None else clean(language),
                "settings": to_json(merged(from_json(row.settings, dict), settings)),
            }
            connection.execute(UPDATE, values)
            return person_of(connection.execute(GET, values).one())

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
        return await self._db.write(lambda c: self._new_code(c, "invite", role, uses, expires_at, clean(by)))

    async def invitations(
        self, *, limit: int = 50, before: tuple[float, str] | None = None
    ) -> list[Invitation]:
        at, id = before or (1e300, "")
        values = {"at": at, "id": clean(id), "now": self._clock.time(), "limit": max(0, limit)}
        rows = await self._db.read(lambda c: c.execute(INVITATIONS, values).all())
        return [Invitation(*row) for row in rows]

    async def revoke(self, id: str) -> bool:
        values = {"id": clean(id)}
        return await self._db.write(lambda c: bool(c.execute(REVOKE, values).rowcount))

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

    async def link(self, by: str, *, expires_at: float) -> str:
        def work(connection: Connection) -> str:
            connection.execute(links.DROP_CODES, {"by": by})
            return self._new_code(connection, "link", PersonRole.MEMBER, 1, expires_at, by)

        return await self._db.write(work)

    async def redeem(self, platform: str, sender: Sender, code: str, *, sure: bool = False) -> Redeemed:
        values = {
            **self._newcomer(platform, sender, PersonRole.MEMBER),
            "code_hash": _hash(code.strip()),
        }

        def work(connection: Connection) -> Redeemed:
            invitation = connection.execute(INVITATION, values).first()
            if invitation is not None and invitation.kind == "link":
                return links.redeem(connection, invitation, values, sure=sure, lock=self._shared)
            return Redeemed(_enter(connection, invitation, values))

        return await self._db.write(work)

    async def accounts(self, person_id: str) -> list[tuple[str, str]]:
        return await self._db.read(lambda c: links.accounts(c, clean(person_id)))

    async def unlink(self, platform: str, sender: Sender) -> Person | None:
        values = self._newcomer(platform, sender, PersonRole.MEMBER)
        return await self._db.write(lambda c: links.unlink(c, values, lock=self._shared))

    @property
    def _shared(self) -> bool:
        """Whether others write at the same time; SQLite has one writer."""
        return self._db.dialect == "postgresql"

    async def stored(self, person_id: str, *, most: int = 10_000) -> Mapping[str, int]:
        return await self._db.read(lambda c: takeout.stored(c, clean(person_id), most))

    def export(self, person_id: str) -> AsyncGenerator[Exported]:
        return takeout.export(self._db, clean(person_id))

    async def delete(self, person_id: str) -> None:
        person_id = clean(person_id)
        while await self._db.write(lambda c: personal_data.delete_some(c, person_id)):
            pass
        await self._db.write(lambda c: personal_data.delete(c, person_id))

    def _newcomer(self, platform: str, sender: Sender, role: PersonRole) -> dict[str, Any]:
        return {
            "id": secrets.token_urlsafe(16),
            "platform": clean(platform),
            "user_id": clean(sender.id),
            "name": clean(sender.name),
            "name_key": folded(sender.name),
            "role": str(role),
            "now": self._clock.time(),
        }


def _enter(connection: Connection, invitation: Row[Any] | None, values: Mapping[str, Any]) -> Person:
    """Let the identity in by an invite or owner code."""
    known = connection.execute(FIND, values).first()
    if known is not None and connection.execute(REDEEMED, {**values, "id": known.id}).first():
        return person_of(known)
    if invitation is None or not _is_valid(connection, invitation, values["now"]):
        raise AccessError("this invitation is unknown, used up or expired")
    role = PersonRole(invitation.role)
    if known is not None and not _rises(PersonRole(known.role), role):
        return person_of(known)
    if not connection.execute(USE, values).rowcount:
        raise AccessError("this invitation is used up")
    person = admit(connection, {**values, "role": str(role)})
    connection.execute(REMEMBER, {**values, "id": person.id})
    if not _rises(person.role, role):
        return person
    connection.execute(PROMOTE, {"id": person.id, "role": str(role)})
    return person_of(connection.execute(GET, {"id": person.id}).one())


def _is_valid(connection: Connection, invitation: Row[Any], now: float) -> bool:
    if invitation.uses_left < 1:
        return False
    if invitation.expires_at and invitation.expires_at <= now:
        return False
    return invitation.kind != "owner" or connection.execute(OWNER).first() is None


def _rises(old: PersonRole, new: PersonRole) -> bool:
    return old is not PersonRole.BLOCKED and RANK[new] > RANK[old]


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
