"""Server-sent events on the wire (WHATWG HTML, section 9.2), and who may hold how many streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import msgspec

from adapters.web.answers import Told

MOST_PER_VISITOR = 8
MOST_IN_ALL = 2000
_encode = msgspec.json.Encoder().encode


class Streams:
    """Counts open streams, so that one visitor cannot take them all."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def refuses(self, visitor: str) -> bool:
        return self._open[visitor] >= MOST_PER_VISITOR or self._open.total() >= MOST_IN_ALL

    async def stream(self, visitor: str, answer: AsyncIterator[Told]) -> AsyncIterator[bytes]:
        """The answer's events as bytes; the visitor's share is taken while this runs."""
        self._open[visitor] += 1
        try:
            async for told in answer:
                yield encode(told)
        finally:
            self._open[visitor] -= 1
            if not self._open[visitor]:
                del self._open[visitor]


def encode(told: Told) -> bytes:
    """JSON has no line breaks of its own, so that one `data` line holds it."""
    if not told.name:
        return b": still here\n\n"
    return b"event: %s\ndata: %s\n\n" % (told.name.encode(), _encode(told.data))
