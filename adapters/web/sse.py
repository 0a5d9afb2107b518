"""Server-sent events on the wire (WHATWG HTML, section 9.2), and who may hold how many streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import msgspec

from adapters.web.blocks import Told
from adapters.web.identity import is_loopback
from adapters.web.limits import place_of

MOST_PER_VISITOR = 8
MOST_PER_ADDRESS = 100
MOST_IN_ALL = 2000
_encode = msgspec.json.Encoder().encode


class Streams:
    """Counts open streams, so that no visitor and no address can take them all; those at this
    machine may take most of them."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        """By visitor."""
        self._places: Counter[str] = Counter()

    def refuses(self, visitor: str, client: str) -> bool:
        most = MOST_IN_ALL - MOST_PER_ADDRESS if is_loopback(client) else MOST_PER_ADDRESS
        return (
            self._open[visitor] >= MOST_PER_VISITOR
            or self._places[place_of(client)] >= most
            or self._places.total() >= MOST_IN_ALL
        )

    async def stream(self, visitor: str, client: str, answer: AsyncIterator[Told]) -> AsyncIterator[bytes]:
        """The answer's events as bytes; a share of the visitor's and the address's while this runs."""
        place = place_of(client)
        self._open[visitor] += 1
        self._places[place] += 1
        try:
            async for told in answer:
                yield encode(told)
        finally:
            for counter, name in ((self._open, visitor), (self._places, place)):
                counter[name] -= 1
                if not counter[name]:
                    del counter[name]


def encode(told: Told) -> bytes:
    """JSON has no line breaks of its own, so that one `data` line holds it."""
    if not told.name:
        return b": still here\n\n"
    return b"event: %s\ndata: %s\n\n" % (told.name.encode(), _encode(told.data))
