"""The index in PostgreSQL: a tsvector of terms that `bot.words` made, with a GIN index.

The terms are cast to tsvector as they are (no parser, no dictionary), titles with weight A. A
passage's score is like BM25: over the terms asked for, how rare the term is within the
collections, times `ts_rank`, which saturates with repetition and is divided by the length's
logarithm (https://www.postgresql.org/docs/current/textsearch-controls.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, text

from bot.words import is_prefix, terms

_LIMIT = 16_383
"""The largest position in a tsvector; a passage is indexed by its first terms."""
_REPEATS = 255

_ADD = text("UPDATE passages SET terms = CAST(:terms AS tsvector) WHERE id = :id")
_FIND = text("""
    WITH scope AS (
        SELECT id FROM documents d WHERE collection = ANY(:collections) AND (
            NOT EXISTS (SELECT 1 FROM audience a WHERE a.collection = d.collection)
            OR EXISTS (
                SELECT 1 FROM audience a
                WHERE a.collection = d.collection AND a.role = ANY(CAST(:roles AS text[]))))
    ),
    total AS (
        SELECT count(*) AS passages FROM passages WHERE document_id IN (SELECT id FROM scope)
    ),
    hit AS (
        SELECT p.id, a.term, ts_rank('{0.3, 0.3, 0.3, 1.0}', p.terms, CAST(a.term AS tsquery), 1) AS rank
        FROM unnest(CAST(:asked AS text[])) AS a(term)
        JOIN passages p ON p.terms @@ CAST(a.term AS tsquery)
        WHERE p.document_id IN (SELECT id FROM scope)
    ),
    weight AS (
        SELECT term, ln(1 + (total.passages - count(*) + 0.5) / (count(*) + 0.5)) AS idf
        FROM hit, total GROUP BY term, total.passages
    )
    SELECT hit.id, sum(hit.rank * weight.idf) AS score
    FROM hit JOIN weight USING (term)
    GROUP BY hit.id ORDER BY score DESC, hit.id LIMIT :limit""")


class PostgresIndex:
    """See `storage.search.sql.Index`."""

    def prepare(self, title: str, body: str) -> dict[str, str]:
        return {"terms": _tsvector(terms(title), terms(body))}

    def add(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        connection.execute(_ADD, rows)

    def drop(self, connection: Connection, document: int) -> None:
        """The terms stand in the passages' own rows."""

    def find(
        self,
        connection: Connection,
        asked: Sequence[str],
        collections: Sequence[str],
        roles: Sequence[str],
        limit: int,
    ) -> list[tuple[int, float]]:
        values = {
            "asked": [f"'{term}'{':*' * is_prefix(term)}" for term in asked],
            "collections": list(collections),
            "roles": list(roles),
            "limit": limit,
        }
        return [(row.id, float(row.score)) for row in connection.execute(_FIND, values)]


def _tsvector(title: Iterable[str], body: Iterable[str]) -> str:
    """The text form of a tsvector; terms have neither quotes nor backslashes."""
    places: dict[str, list[str]] = {}
    marked = [(term, "A") for term in title] + [(term, "") for term in body]
    for position, (term, weight) in enumerate(marked[:_LIMIT], start=1):
        at = places.setdefault(term, [])
        if len(at) < _REPEATS:
            at.append(f"{position}{weight}")
    return " ".join(f"'{term}':{','.join(at)}" for term, at in places.items())
