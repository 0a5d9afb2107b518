"""Accounts of the console, their keys and their sessions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, bindparam, text

from bot.errors import AccessError
from bot.ports import Clock
from bot.types import Account, ConsoleRole, ConsoleSession, Passkey
from storage.console import entry, sessions
from storage.console.names import key_of, refuse, tidy
from storage.console.rows import COLUMNS, GET, account_of, alone, enabled, known
from storage.db import Database
from storage.text import clean

NAMED = text(f"SELECT {COLUMNS} FROM console_account AS a WHERE a.name_key = :key")
LISTING = text(
    f"SELECT {COLUMNS} FROM console_account AS a WHERE a.name_key > :after ORDER BY a.name_key LIMIT :limit"
)
NAMES = text("SELECT id, name FROM console_account WHERE id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
UPDATE = text(
    "UPDATE console_account SET name = :name, name_key = :key, role = :role, language = :language,"
    " disabled = :disabled WHERE id = :id"
)
OWNERS = text("SELECT id FROM console_account WHERE role = 'owner' AND NOT disabled LIMIT 2")
DELETE = text("DELETE FROM console_account WHERE id = :id")
PASSWORD = text("SELECT password FROM console_account WHERE id = :id")
SET_PASSWORD = text("UPDATE console_account SET password = :hashed WHERE id = :id")
_KEY = "id, account_id, public_key, sign_count, name, created_at, used_at"
ADD_KEY = text(
    f"INSERT INTO console_passkey ({_KEY}) VALUES (:id, :account_id, :public_key, :sign_count, :name,"
    " :created_at, :used_at) ON CONFLICT (id) DO NOTHING"
)
KEYS = text(
    f"SELECT {_KEY} FROM console_passkey WHERE account_id = :account_id AND (created_at, id) > (:at, :id)"
    " ORDER BY created_at, id LIMIT :limit"
)
KEY = text(f"SELECT {_KEY} FROM console_passkey WHERE id = :id")
KEY_USED = text(
    "UPDATE console_passkey SET sign_count = :sign_count, used_at = :now"
    " WHERE id = :id AND used_at <= :asked_at"
)
REMOVE_KEY = text("DELETE FROM console_passkey WHERE id = :id AND account_id = :account_id")
T = TypeVar("T")


class SqlAccounts:
    """See `bot.ports.Accounts`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def _alone(self, work: Callable[[Connection], T]) -> T:
        """Write while nobody else changes an account."""

        def guarded(connection: Connection) -> T:
            alone(connection)
            return work(connection)

        return await self._db.write(guarded)

    async def owner_link(self, *, seconds: float) -> str:
        now = self._clock.time()
        return await self._alone(lambda c: entry.replace(c, now, seconds, "owner", ""))

    async def invite(self, by: str, *, name: str, role: ConsoleRole, seconds: float) -> str:
        now, row = self._clock.time(), {"made_by": clean(by), "name": tidy(name), "role": str(role)}

        def work(connection: Connection) -> str:
            refuse(row["name"], _others(connection))
            return entry.put(connection, now, seconds, kind="invite", **row)

        return await self._alone(work)

    async def again(self, account_id: str, *, seconds: float) -> str:
        now, id = self._clock.time(), clean(account_id)

        def work(connection: Connection) -> str:
            return entry.replace(connection, now, seconds, "again", enabled(connection, id).id)

        return await self._alone(work)

    async def peek(self, token: str) -> bool:
        now = self._clock.time()
        return await self._db.read(lambda c: entry.peek(c, token, now))

    async def enter(self, token: str) -> Account:
        now = self._clock.time()
        return await self._alone(lambda c: entry.enter(c, token, now))

    async def get(self, account_id: str) -> Account | None:
        id = {"id": clean(account_id)}
        return _account(await self._db.read(lambda c: c.execute(GET, id).first()))

    async def named(self, name: str) -> Account | None:
        key = {"key": key_of(name)}
        return _account(await self._db.read(lambda c: c.execute(NAMED, key).first()))

    async def listing(self, *, limit: int = 50, after: str = "") -> list[Account]:
        place = {"after": key_of(after), "limit": limit}
        return await self._db.read(lambda c: [account_of(row) for row in c.execute(LISTING, place)])

    async def names(self, account_ids: Collection[str]) -> Mapping[str, str]:
        ids = sorted({clean(id) for id in account_ids})
        if not ids:
            return {}
        rows = await self._db.read(lambda c: c.execute(NAMES, {"ids": ids}).all())
        return {row.id: row.name for row in rows}

    async def update(
        self,
        account_id: str,
        *,
        name: str | None = None,
        role: ConsoleRole | None = None,
        language: str | None = None,
        disabled: bool | None = None,
    ) -> Account:
        given: dict[str, Any] = {
            "name": None if name is None else tidy(name),
            "role": role,
            "language": None if language is None else clean(language),
            "disabled": disabled,
        }
        changes = {k: v for k, v in given.items() if v is not None}
        return await self._alone(lambda c: _change(c, clean(account_id), changes))

    async def delete(self, account_id: str) -> None:
        id = clean(account_id)

        def work(connection: Connection) -> None:
            _refuse_no_owner(connection, without=id)
            _shut(connection, id)
            connection.execute(DELETE, {"id": id})

        await self._alone(work)

    async def set_password(self, account_id: str, hashed: str) -> None:
        values = {"id": clean(account_id), "hashed": hashed}

        def work(connection: Connection) -> None:
            if not connection.execute(SET_PASSWORD, values).rowcount:
                raise AccessError("there is no such account")

        await self._db.write(work)

    async def password(self, account_id: str) -> str:
        id = {"id": clean(account_id)}
        found: str | None = await self._db.read(lambda c: c.execute(PASSWORD, id).scalar())
        return found or ""

    async def add_passkey(self, passkey: Passkey) -> None:
        row = dataclasses.asdict(passkey)
        row |= {k: clean(row[k]) for k in ("id", "account_id", "public_key", "name")}
        row |= {"created_at": self._clock.time(), "used_at": 0.0}

        def work(connection: Connection) -> None:
            known(connection, row["account_id"])
            if not connection.execute(ADD_KEY, row).rowcount:
                raise AccessError("this passkey is in use already")

        await self._alone(work)

    async def passkeys(
        self, account_id: str, *, limit: int = 50, after: tuple[float, str] | None = None
    ) -> list[Passkey]:
        at, id = after or (0.0, "")
        place = {"account_id": clean(account_id), "at": at, "id": clean(id), "limit": limit}
        return await self._db.read(lambda c: [_passkey(row) for row in c.execute(KEYS, place)])

    async def passkey(self, id: str) -> Passkey | None:
        values = {"id": clean(id)}
        row = await self._db.read(lambda c: c.execute(KEY, values).first())
        return None if row is None else _passkey(row)

    async def passkey_used(self, id: str, sign_count: int, *, asked_at: float) -> bool:
        now = max(self._clock.time(), asked_at)  # another process's clock may be ahead
        values = {"id": clean(id), "sign_count": sign_count, "now": now, "asked_at": asked_at}
        return await self._db.write(lambda c: c.execute(KEY_USED, values).rowcount > 0)

    async def remove_passkey(self, account_id: str, id: str) -> bool:
        values = {"account_id": clean(account_id), "id": clean(id)}
        return await self._db.write(lambda c: c.execute(REMOVE_KEY, values).rowcount > 0)

    async def open_session(self, account_id: str, *, seconds: float, client: str, agent: str) -> str:
        now, texts = self._clock.time(), {"client": clean(client), "agent": clean(agent)}

        def work(connection: Connection) -> str:
            account = enabled(connection, clean(account_id))
            return sessions.put(connection, account.id, now, seconds, **texts)

        return await self._alone(work)

    async def session(self, token: str, *, idle: float) -> ConsoleSession | None:
        now = self._clock.time()
        found = await self._db.read(lambda c: sessions.find(c, token, now, idle))
        if found is None or now < found.seen_at + sessions.SEEN_SECONDS:
            return found
        await self._db.write(lambda c: sessions.mark(c, found, now))
        account = dataclasses.replace(found.account, seen_at=now)
        return dataclasses.replace(found, account=account, seen_at=now)

    async def sessions(
        self, account_id: str, *, limit: int = 50, before: tuple[float, float, str] | None = None
    ) -> list[ConsoleSession]:
        at, made, id = before or sessions.LAST
        place = {"account_id": clean(account_id), "at": at, "made": made, "id": clean(id)}
        values = {**place, "limit": limit, "now": self._clock.time()}
        return await self._db.read(
            lambda c: [sessions.session_of(row) for row in c.execute(sessions.LISTING, values)]
        )

    async def end_session(self, account_id: str, id: str) -> bool:
        values = {"account_id": clean(account_id), "id": clean(id), "now": self._clock.time()}
        return await self._db.write(lambda c: c.execute(sessions.END, values).rowcount > 0)

    async def end_sessions(self, account_id: str, *, but: str = "") -> int:
        values = {"account_id": clean(account_id), "but": clean(but), "now": self._clock.time()}
        return await self._db.write(lambda c: c.execute(sessions.END_OTHERS, values).rowcount)


def _account(row: Row[Any] | None) -> Account | None:
    return None if row is None else account_of(row)


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(**row._mapping)


def _change(connection: Connection, account_id: str, changes: dict[str, Any]) -> Account:
    old = known(connection, account_id)
    new = dataclasses.replace(old, **changes)
    if "name" in changes:
        refuse(new.name, _others(connection, but=old.id))
    if new.disabled or new.role is not ConsoleRole.OWNER:
        _refuse_no_owner(connection, without=old.id)
    row = {k: getattr(new, k) for k in ("id", "name", "language", "disabled")}
    connection.execute(UPDATE, {**row, "key": key_of(new.name), "role": str(new.role)})
    if new.disabled:
        _shut(connection, old.id)
    elif not new.role.may(old.role):
        connection.execute(entry.DROP_MADE_BY, row)
    return new


def _shut(connection: Connection, account_id: str) -> None:
    """End its sessions, and the tokens that enter it or that it made."""
    connection.execute(entry.DROP_OF, {"id": account_id})
    connection.execute(sessions.DROP_OF, {"id": account_id})


def _others(connection: Connection, but: str = "") -> Sequence[str]:
    """The names of all accounts, but for this one's."""
    return connection.execute(entry.NAMES, {"but": but}).scalars().all()


def _refuse_no_owner(connection: Connection, without: str) -> None:
    if [row.id for row in connection.execute(OWNERS)] == [without]:
        raise AccessError("the last owner stays one")
