"""Documents, found by words in any language: SQLite's FTS5 or PostgreSQL's tsvector."""

from storage.search.sql import SqlSearch

__all__ = ["SqlSearch"]
