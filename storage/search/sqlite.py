"""The index in SQLite: FTS5 over terms that `bot.words` made (https://sqlite.org/fts5.html).

The table's tokenizer is `ascii`, which takes every character beyond ASCII for a part of a word:
the terms are what they are, whatever Unicode version SQLite was built with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, text

from bot.words import is_prefix, terms
from storage.erasure import erased

TITLE_WEIGHT = 3.0

_ADD = text("INSERT INTO passages_fts (rowid, title, body) VALUES (:id, :title, :body)")
_DROP = text(
    "DELETE FROM passages_fts WHERE rowid IN (SELECT id FROM passages WHERE document_id = :document)"
)
_FIND = text(f"""
    SELECT f.rowid AS id, -bm25(passages_fts, {TITLE_WEIGHT}, 1.0) AS score
    FROM passages_fts f
    JOIN passages p ON p.id = f.rowid
    JOIN documents d ON d.id = p.document_id
    WHERE passages_fts MATCH :asked AND d.collection IN :collections AND (
        NOT EXISTS (SELECT 1 FROM audience a WHERE a.collection = d.collection)
        OR EXISTS (SELECT 1 FROM audience a WHERE a.collection = d.collection AND a.role IN :roles))
    ORDER BY score DESC, f.rowid LIMIT :limit""").bindparams(
    bindparam("collections", expanding=True), bindparam("roles", expanding=True)
)


class SqliteIndex:
    """See `storage.search.sql.Index`."""

    def prepare(self, title: str, body: str) -> dict[str, str]:
        return {"title": " ".join(terms(title)), "body": " ".join(terms(body))}

    def add(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        connection.execute(_ADD, rows)

    def drop(self, connection: Connection, document: int) -> None:
        if connection.execute(_DROP, {"document": document}).rowcount:
            erased(connection, urgent=False)

    def find(
        self,
        connection: Connection,
        asked: Sequence[str],
        collections: Sequence[str],
        roles: Sequence[str],
        limit: int,
    ) -> list[tuple[int, float]]:
        values = {
            "asked": " OR ".join(f'"{term}"{"*" * is_prefix(term)}' for term in asked),
            "collections": list(collections),
            "roles": list(roles),
            "limit": limit,
        }
        return [(row.id, row.score) for row in connection.execute(_FIND, values)]
