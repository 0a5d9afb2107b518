"""ports.Search over the database. The terms are `bot.words`'s; each dialect ranks in its own SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, text

from bot.types import Passage, Source
from bot.words import query_terms
from storage.db import Database
from storage.search.postgres import PostgresIndex
from storage.search.sqlite import SqliteIndex
from storage.text import clean


class Index(Protocol):
    """The full-text index beside the passages, in the words of one SQL dialect."""

    def prepare(self, title: str, body: str) -> dict[str, str]:
        """The passage's terms as parameters of `add`. May take time; touches no database."""
        ...

    def add(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Each row: `id` of its passage, and what `prepare` gave."""
        ...

    def drop(self, connection: Connection, document: int) -> None: ...

    def find(
        self,
        connection: Connection,
        asked: Sequence[str],
        collections: Sequence[str],
        roles: Sequence[str],
        limit: int,
    ) -> list[tuple[int, float]]:
        """(id, score) of the passages with the best scores, best first, equal ones by id; only from
        collections without an audience, or with one that has one of the roles."""
        ...


_UPSERT = text("""
    INSERT INTO documents (collection, source, title, digest, origin)
    VALUES (:collection, :source, :title, :digest, :origin)
    ON CONFLICT (collection, source) DO UPDATE
    SET title = excluded.title, digest = excluded.digest, origin = excluded.origin
    WHERE documents.digest <> excluded.digest
    RETURNING id""")
_FIND_DOCUMENT = text(
    "SELECT id, digest, origin FROM documents WHERE collection = :collection AND source = :source"
)
_SET_ORIGIN = text(
    "UPDATE documents SET origin = :origin WHERE collection = :collection AND source = :source"
)
_DROP_PASSAGES = text("DELETE FROM passages WHERE document_id = :document")
_DROP_DOCUMENT = text("DELETE FROM documents WHERE id = :document")
_ADD_PASSAGE = text("""
    INSERT INTO passages (document_id, key, source, title, text)
    VALUES (:document, :key, :source, :title, :text) RETURNING id""")
_SOURCES = text("""
    SELECT source, title, digest, origin FROM documents WHERE collection = :collection ORDER BY source""")
LISTING = text("""
    SELECT d.source, d.title, d.digest, d.origin,
        (SELECT count(*) FROM passages p WHERE p.document_id = d.id) AS passages
    FROM documents d WHERE d.collection = :collection AND d.source > :after
    ORDER BY d.source LIMIT :limit""")
_OPEN = text("DELETE FROM audience WHERE collection = :collection")
_RESTRICT = text("INSERT INTO audience (collection, role) VALUES (:collection, :role)")
_AUDIENCES = text(
    "SELECT collection, role FROM audience WHERE collection IN :collections ORDER BY role"
).bindparams(bindparam("collections", expanding=True))
_LOAD = text("""
    SELECT p.id, p.key, p.text, p.source, p.title, d.collection
    FROM passages p JOIN documents d ON d.id = p.document_id
    WHERE p.id IN :ids""").bindparams(bindparam("ids", expanding=True))

_BY_KEY = text("""
    SELECT p.key, p.text, p.source, p.title, d.collection
    FROM documents d JOIN passages p ON p.document_id = d.id
    WHERE d.source IN (:whole, :stem) AND p.key = :key AND p.source = :whole""")


@dataclass(frozen=True, slots=True)
class _Row:
    values: dict[str, str]
    indexed: dict[str, str] = field(default_factory=dict)


class SqlSearch:
    """See ports.Search. Raises StorageError."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._index: Index = SqliteIndex() if db.dialect == "sqlite" else PostgresIndex()

    async def put(
        self,
        collection: str,
        source: str,
        passages: Sequence[Passage],
        *,
        title: str,
        digest: str,
        origin: str = "",
    ) -> bool:
        where = {"collection": clean(collection), "source": clean(source)}
        known = await self._db.read(lambda connection: connection.execute(_FIND_DOCUMENT, where).first())
        values = {**where, "title": clean(title), "digest": digest, "origin": clean(origin)}
        if known is not None and known.digest == digest:
            if known.origin != values["origin"]:
                await self._db.write(lambda connection: connection.execute(_SET_ORIGIN, values))
            return False
        rows = await asyncio.to_thread(lambda: [self._row(p) for p in passages])
        return await self._db.write(lambda connection: self._put(connection, values, rows))

    def _row(self, passage: Passage) -> _Row:
        values = {
            "key": clean(passage.id),
            "source": clean(passage.source),
            "title": clean(passage.title),
            "text": clean(passage.text),
        }
        return _Row(values, self._index.prepare(values["title"], values["text"]))

    def _put(self, connection: Connection, values: dict[str, str], rows: Sequence[_Row]) -> bool:
        document = connection.execute(_UPSERT, values).scalar()
        if document is None:
            return False
        self._clear(connection, document)
        added = [
            {"id": connection.execute(_ADD_PASSAGE, {"document": document, **row.values}).scalar()}
            | row.indexed
            for row in rows
        ]
        if added:
            self._index.add(connection, added)
        return True

    def _clear(self, connection: Connection, document: int) -> None:
        self._index.drop(connection, document)
        connection.execute(_DROP_PASSAGES, {"document": document})

    async def remove(self, collection: str, source: str) -> bool:
        where = {"collection": clean(collection), "source": clean(source)}
        return await self._db.write(lambda connection: self._remove(connection, where))

    def _remove(self, connection: Connection, where: dict[str, str]) -> bool:
        known = connection.execute(_FIND_DOCUMENT, where).first()
        if known is None:
            return False
        self._clear(connection, known.id)
        connection.execute(_DROP_DOCUMENT, {"document": known.id})
        return True

    async def sources(self, collection: str) -> list[Source]:
        where = {"collection": clean(collection)}
        rows = await self._db.read(lambda connection: connection.execute(_SOURCES, where).all())
        return [Source(row.source, row.title, row.digest, row.origin) for row in rows]

    async def listing(self, collection: str, *, limit: int = 50, after: str = "") -> list[Source]:
        where = {"collection": clean(collection), "after": clean(after), "limit": max(0, limit)}
        rows = await self._db.read(lambda connection: connection.execute(LISTING, where).all())
        return [Source(row.source, row.title, row.digest, row.origin, row.passages) for row in rows]

    async def restrict(self, collection: str, audience: Sequence[str]) -> None:
        name = clean(collection)
        rows = [{"collection": name, "role": clean(role)} for role in dict.fromkeys(audience)]

        def change(connection: Connection) -> None:
            connection.execute(_OPEN, {"collection": name})
            if rows:
                connection.execute(_RESTRICT, rows)

        await self._db.write(change)

    async def audience(self, collection: str) -> tuple[str, ...]:
        name = clean(collection)
        return (await self._db.read(lambda connection: _audiences(connection, [name]))).get(name, ())

    async def passage(self, id: str, source: str, *, roles: Sequence[str] = ()) -> Passage | None:
        whole = clean(source)
        where = {"key": clean(id), "whole": whole, "stem": whole.rpartition("#")[0]}

        def find(connection: Connection) -> Passage | None:
            rows = connection.execute(_BY_KEY, where).all()
            known = _audiences(connection, {row.collection for row in rows}) if rows else {}
            for row in rows:
                audience = known.get(row.collection, ())
                if not audience or not set(audience).isdisjoint(roles):
                    return Passage(row.key, row.text, row.source, row.title, 0.0, row.collection, audience)
            return None

        return await self._db.read(find)

    async def search(
        self, query: str, *, collections: Sequence[str], limit: int = 5, roles: Sequence[str] = ()
    ) -> list[Passage]:
        asked = query_terms(query)
        if not asked or not collections or limit < 1:
            return []
        names, own = [clean(name) for name in collections], [clean(role) for role in roles]
        return await self._db.read(lambda connection: self._search(connection, asked, names, own, limit))

    def _search(
        self,
        connection: Connection,
        asked: Sequence[str],
        collections: Sequence[str],
        roles: Sequence[str],
        limit: int,
    ) -> list[Passage]:
        scores = dict(self._index.find(connection, asked, collections, roles, limit))
        if not scores:
            return []
        rows = {row.id: row for row in connection.execute(_LOAD, {"ids": list(scores)})}
        known = _audiences(connection, {row.collection for row in rows.values()})
        return [
            Passage(
                row.key, row.text, row.source, row.title, score, row.collection, known.get(row.collection, ())
            )
            for id, score in scores.items()
            if (row := rows.get(id)) is not None
        ]


def _audiences(connection: Connection, collections: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The roles of those collections that are not for everybody."""
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(_AUDIENCES, {"collections": list(collections)}):
        found[row.collection] = (*found.get(row.collection, ()), row.role)
    return found
