"""Connections whose senders dawdle, or that are too many: uvicorn has a limit for neither."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.web.download import CUT
from adapters.web.identity import is_loopback
from adapters.web.limits import place_of

HEAD_SECONDS = 20.0
"""How long the head of a request may take to come, from the connection or its first byte on; and what
still comes after the answer, of a body that nobody read."""
MOST_PER_ADDRESS = 300
"""Connections of one address at the same time. Those from this machine, where a proxy may be, are not
counted. More than the streams that it may have (`adapters.web.sse`)."""


def punctual(
    head_seconds: float = HEAD_SECONDS,
    most: int = MOST_PER_ADDRESS,
    *,
    uncounted: Callable[[str], bool] = is_loopback,
) -> type[asyncio.Protocol]:
    """uvicorn's protocol for one server, which closes connections over these limits. A request whose head
    has come is never cut off here, however long its answer takes. Connections of `uncounted` addresses may
    be any number."""
    places: Counter[str] = Counter()

    class Punctual(HttpToolsProtocol):
        def __init__(self, *args: Any, **given: Any) -> None:
            super().__init__(*args, **given)
            self._place = ""
            self._waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            host = self.client[0] if self.client else ""
            self._place = "" if uncounted(host) else place_of(host)
            places[self._place] += 1
            if self._place and places[self._place] > most:
                transport.abort()
            else:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._wait_no_more()
            places[self._place] -= 1
            if not places[self._place]:
                del places[self._place]
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._waiting is None and (self.cycle is None or self.cycle.response_complete):
                self._wait()
            super().data_received(data)

        def on_headers_complete(self) -> None:
            self._wait_no_more()
            super().on_headers_complete()
            self.scope["extensions"] = {CUT: {"now": self.transport.abort}}

        def _wait(self) -> None:
            self._waiting = self.loop.call_later(head_seconds, self.transport.close)

        def _wait_no_more(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return Punctual
