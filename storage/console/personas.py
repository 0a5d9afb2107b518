"""Personas written in the console: `bot.ports.PersonaStore`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from bot.ports import Clock
from bot.types import PersonaVersion
from storage.db import Database
from storage.text import clean, from_json, to_json

_VERSIONS = (
    "SELECT v.name, v.number, v.prompt, v.model, v.sampling, v.note, v.made_by, v.made_at, p.active"
    " FROM persona_version AS v LEFT JOIN persona AS p ON p.name = v.name"
)
CLAIM = text(
    "INSERT INTO persona (name, active) VALUES (:name, 0)"
    " ON CONFLICT (name) DO UPDATE SET active = persona.active"
)
"""The persona's row, locked until the transaction ends: versions are numbered one after another."""
NEWEST = text("SELECT max(number) FROM persona_version WHERE name = :name")
PUT = text(
    "INSERT INTO persona_version (name, number, prompt, model, sampling, note, made_by, made_at)"
    " VALUES (:name, :number, :prompt, :model, :sampling, :note, :by, :now)"
)
ACTIVATE = text("UPDATE persona SET active = :number WHERE name = :name")
ACTIVE = text(
    "SELECT v.name, v.number, v.prompt, v.model, v.sampling, v.note, v.made_by, v.made_at, p.active"
    " FROM persona AS p JOIN persona_version AS v ON v.name = p.name AND v.number = p.active ORDER BY p.name"
)
GET = text(f"{_VERSIONS} WHERE v.name = :name AND v.number = :number")
NEWEST_FIRST = text(f"{_VERSIONS} WHERE v.name = :name ORDER BY v.number DESC LIMIT :limit")
BELOW = text(f"{_VERSIONS} WHERE v.name = :name AND v.number < :before ORDER BY v.number DESC LIMIT :limit")
REMOVE = text("DELETE FROM persona WHERE name = :name")


class SqlPersonas:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def put(
        self, name: str, *, prompt: str, model: str, sampling: Mapping[str, Any], note: str, by: str
    ) -> PersonaVersion:
        name = clean(name)
        row = {
            "name": name,
            "prompt": clean(prompt),
            "model": clean(model),
            "sampling": to_json(dict(sampling)),
            "note": clean(note),
            "by": clean(by),
            "now": self._clock.time(),
        }

        def work(connection: Connection) -> PersonaVersion:
            connection.execute(CLAIM, row)
            number = 1 + (connection.execute(NEWEST, row).scalar() or 0)
            connection.execute(PUT, {**row, "number": number})
            return _in_force(connection, name, number)

        return await self._db.write(work)

    async def activate(self, name: str, number: int) -> PersonaVersion:
        name = clean(name)

        def work(connection: Connection) -> PersonaVersion:
            if connection.execute(GET, {"name": name, "number": number}).first() is None:
                raise KeyError(number)
            connection.execute(CLAIM, {"name": name})
            return _in_force(connection, name, number)

        return await self._db.write(work)

    async def active(self) -> list[PersonaVersion]:
        return [_version(row) for row in await self._db.read(lambda c: c.execute(ACTIVE).all())]

    async def version(self, name: str, number: int) -> PersonaVersion | None:
        place = {"name": clean(name), "number": number}
        row = await self._db.read(lambda c: c.execute(GET, place).first())
        return None if row is None else _version(row)

    async def versions(self, name: str, *, limit: int = 50, before: int = 0) -> list[PersonaVersion]:
        place = {"name": clean(name), "limit": limit, "before": before}
        statement = BELOW if before else NEWEST_FIRST
        return [_version(row) for row in await self._db.read(lambda c: c.execute(statement, place).all())]

    async def remove(self, name: str) -> bool:
        place = {"name": clean(name)}
        return await self._db.write(lambda c: bool(c.execute(REMOVE, place).rowcount))


def _in_force(connection: Connection, name: str, number: int) -> PersonaVersion:
    """Put the version in force."""
    place = {"name": name, "number": number}
    connection.execute(ACTIVATE, place)
    return _version(connection.execute(GET, place).one())


def _version(row: Row[Any]) -> PersonaVersion:
    return PersonaVersion(
        name=row.name,
        number=row.number,
        prompt=row.prompt,
        model=row.model,
        sampling=from_json(row.sampling, dict[str, Any]),
        note=row.note,
        by=row.made_by,
        at=row.made_at,
        active=row.number == row.active,
    )
