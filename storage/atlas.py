"""Where people meet the bot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from bot.types import Address, Place
from storage.db import Database
from storage.text import clean, clean_address, folded, from_json, to_json

COLUMNS = "id, platform, account, chat, thread, name, around"
OF_CODE = 5
"""How many of one code are shown: of other platforms, mostly."""
_END = "\U0010ffff" * 101
"""After every beginning: no key is longer than 100 characters."""
_NEXT = " (name_key, id) > (:key, :id)"
_BY_NAME = " ORDER BY name_key, id LIMIT :limit"

NOTE = text(
    "INSERT INTO place (address_key, platform, account, chat, thread, name, name_key, code, parent_key,"
    " around) VALUES (:address_key, :platform, :account, :chat, :thread, :name, :name_key, :code,"
    " :parent_key, :around)"
    " ON CONFLICT (address_key) DO UPDATE SET parent_key = excluded.parent_key, around = excluded.around,"
    " name = CASE WHEN excluded.name = '' THEN place.name ELSE excluded.name END,"
    " name_key = CASE WHEN excluded.name = '' THEN place.name_key ELSE excluded.name_key END"
)
GET = text(f"SELECT {COLUMNS} FROM place WHERE id = :id")
FIND = text(f"SELECT {COLUMNS} FROM place WHERE address_key = :key")
WITHIN = text(f"SELECT {COLUMNS} FROM place WHERE parent_key = :parent AND{_NEXT}{_BY_NAME}")
NAMED = text(f"SELECT {COLUMNS} FROM place WHERE{_NEXT} AND name_key < :end AND code <> :code{_BY_NAME}")
CODED = text(f"SELECT {COLUMNS} FROM place WHERE code = :code ORDER BY id LIMIT {OF_CODE}")


class SqlAtlas:
    """See `bot.ports.Atlas`. Raises StorageError."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def note(self, places: Sequence[Place]) -> None:
        rows = [_row(place) for place in places]
        if rows:
            await self._db.write(lambda c: c.execute(NOTE, rows).rowcount)

    async def get(self, id: int) -> Place | None:
        row = await self._db.read(lambda c: c.execute(GET, {"id": id}).first())
        return None if row is None else place_of(row)

    async def find(self, address: Address) -> Place | None:
        key = {"key": clean_address(address).key}
        row = await self._db.read(lambda c: c.execute(FIND, key).first())
        return None if row is None else place_of(row)

    async def listing(
        self,
        *,
        limit: int = 50,
        after: tuple[str, int] | None = None,
        within: Address | None = None,
        query: str = "",
    ) -> list[Place]:
        start, code = folded(query), clean(query)
        key, id = max((start, 0), (folded(after[0]), after[1])) if after else (start, 0)
        values: dict[str, Any] = {"key": key, "id": id, "limit": max(0, limit)}
        if not query:
            values["parent"] = clean_address(within).key if within else ""
            rows = await self._db.read(lambda c: c.execute(WITHIN, values).all())
            return [place_of(row) for row in rows]
        values |= {"end": f"{start}{_END}", "code": code}

        def work(connection: Any) -> list[Row[Any]]:
            first = [] if after else connection.execute(CODED, {"code": code}).all()
            return [*first, *connection.execute(NAMED, values).all()]

        return [place_of(row) for row in (await self._db.read(work))[: max(0, limit)]]


def place_of(row: Row[Any]) -> Place:
    """The place of a row of COLUMNS."""
    within = tuple(Address(*parts) for parts in from_json(row.around, list[tuple[str, str, str, str]]))
    return Place(Address(row.platform, row.account, row.chat, row.thread), row.name, within, row.id)


def _row(place: Place) -> dict[str, Any]:
    at = clean_address(place.address)
    within = [clean_address(address) for address in place.within]
    code, name = clean(place.code), clean(place.name)
    return {
        "address_key": at.key,
        "platform": at.platform,
        "account": at.account,
        "chat": at.chat,
        "thread": at.thread,
        "name": name,
        "name_key": folded(name or code),
        "code": code,
        "parent_key": within[0].key if within else "",
        "around": to_json([(a.platform, a.account, a.chat, a.thread) for a in within]),
    }
