"""An in-memory ports.Search for tests: BM25 over `bot.words`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.types import Passage, Source
from bot.words import is_prefix, query_terms, terms


@dataclass(frozen=True)
class _Document:
    title: str
    digest: str
    origin: str
    passages: tuple[tuple[Passage, Counter[str]], ...]


class FakeSearch:
    """`puts` counts the documents that were replaced."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], _Document] = {}
        self._audiences: dict[str, tuple[str, ...]] = {}
        self.puts = 0

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
        known = self._documents.get((collection, source))
        if known is not None and known.digest == digest:
            self._documents[collection, source] = replace(known, origin=origin)
            return False
        stored = [replace(p, collection=collection) for p in passages]
        indexed = tuple((p, Counter(terms(p.title) * 3 + terms(p.text))) for p in stored)
        self._documents[collection, source] = _Document(title, digest, origin, indexed)
        self.puts += 1
        return True

    async def remove(self, collection: str, source: str) -> bool:
        return self._documents.pop((collection, source), None) is not None

    async def sources(self, collection: str) -> list[Source]:
        found = sorted((s, d) for (c, s), d in self._documents.items() if c == collection)
        return [Source(s, d.title, d.digest, d.origin) for s, d in found]

    async def listing(self, collection: str, *, limit: int = 50, after: str = "") -> list[Source]:
        found = sorted((s, d) for (c, s), d in self._documents.items() if c == collection and s > after)
        return [Source(s, d.title, d.digest, d.origin, len(d.passages)) for s, d in found[: max(0, limit)]]

    async def restrict(self, collection: str, audience: Sequence[str]) -> None:
        self._audiences[collection] = tuple(sorted(set(audience)))

    async def audience(self, collection: str) -> tuple[str, ...]:
        return self._audiences.get(collection, ())

    async def passage(self, id: str, source: str, *, roles: Sequence[str] = ()) -> Passage | None:
        for (collection, _), document in self._documents.items():
            audience = self._audiences.get(collection, ())
            for passage, _ in document.passages:
                if (passage.id, passage.source) == (id, source) and (
                    not audience or set(audience) & set(roles)
                ):
                    return replace(passage, audience=audience)
        return None

    async def search(
        self, query: str, *, collections: Sequence[str], limit: int = 5, roles: Sequence[str] = ()
    ) -> list[Passage]:
        audiences = {name: self._audiences.get(name, ()) for name in collections}
        named = [name for name, audience in audiences.items() if not audience or set(audience) & set(roles)]
        within = [
            (replace(p, audience=audiences[c]), n)
            for (c, _), d in self._documents.items()
            if c in named
            for p, n in d.passages
        ]
        asked = query_terms(query)
        hits = [[_occurrences(term, counts) for _, counts in within] for term in asked]
        idf = [math.log(1 + len(within) / max(1, sum(map(bool, column)))) for column in hits]
        scored = [
            replace(passage, score=sum(w * h[i] / (h[i] + 1.2) for w, h in zip(idf, hits, strict=True)))
            for i, (passage, _) in enumerate(within)
        ]
        best = sorted((p for p in scored if p.score > 0), key=lambda p: -p.score)
        return best[: max(0, limit)]


def _occurrences(term: str, counts: Counter[str]) -> int:
    if is_prefix(term):
        return sum(n for other, n in counts.items() if other.startswith(term))
    return counts[term]
