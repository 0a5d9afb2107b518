"""Small JSON values of plugins."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from storage.db import Database
from storage.text import clean, from_json, to_json

_ALL = (1 << 63) - 1
GET = text("SELECT value FROM plugin_kv WHERE scope = :scope AND plugin = :plugin AND key = :key")
PUT = text(
    "INSERT INTO plugin_kv (scope, plugin, key, value) VALUES (:scope, :plugin, :key, :value)"
    " ON CONFLICT (scope, plugin, key) DO UPDATE SET value = excluded.value"
)
DELETE = text("DELETE FROM plugin_kv WHERE scope = :scope AND plugin = :plugin AND key = :key")
ITEMS = {
    (after, below): text(
        "SELECT key, value FROM plugin_kv WHERE scope = :scope AND plugin = :plugin"
        f" AND key {'>' if after else '>='} :first{' AND key < :end' if below else ''}"
        " ORDER BY key LIMIT :limit"
    )
    for after in (False, True)
    for below in (False, True)
}
"""By whether the first key itself is left out, and whether there is an end."""
DELETE_SCOPE = text("DELETE FROM plugin_kv WHERE scope = :scope")


class SqlKeyValue:
    """See `bot.ports.KeyValue`. Values come back as JSON has them: tuples as lists."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, plugin: str, scope: str, key: str) -> Any:
        place = _place(plugin, scope, key)
        value: str | None = await self._db.read(lambda c: c.execute(GET, place).scalar())
        return None if value is None else from_json(value, object)

    async def put(self, plugin: str, scope: str, key: str, value: Any) -> None:
        row = {**_place(plugin, scope, key), "value": to_json(value)}

        def work(connection: Connection) -> None:
            connection.execute(PUT, row)

        await self._db.write(work)

    async def delete(self, plugin: str, scope: str, key: str) -> None:
        place = _place(plugin, scope, key)

        def work(connection: Connection) -> None:
            connection.execute(DELETE, place)

        await self._db.write(work)

    async def items(
        self, plugin: str, scope: str, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        first, end = clean(prefix), after_prefix(clean(prefix))
        further = after is not None and clean(after) >= first
        place = {"scope": clean(scope), "plugin": clean(plugin), "end": end}
        bounds = {
            "first": clean(after or "") if further else first,
            "limit": _ALL if limit is None else limit,
        }
        statement = ITEMS[further, bool(end)]
        rows = await self._db.read(lambda c: c.execute(statement, {**place, **bounds}).all())
        return {row.key: from_json(row.value, object) for row in rows}

    async def delete_scope(self, scope: str) -> None:
        def work(connection: Connection) -> None:
            connection.execute(DELETE_SCOPE, {"scope": clean(scope)})

        await self._db.write(work)


def _place(plugin: str, scope: str, key: str) -> dict[str, str]:
    return {"plugin": clean(plugin), "scope": clean(scope), "key": clean(key)}


def after_prefix(prefix: str) -> str:
    """The first text, by code point, after all that begin with `prefix`; empty if there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return ""
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if following == 0xD800 else following)
