"""How a server has done lately, for operators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.errors import EndpointRefused, ModelTimeout, ModelUnavailable
from bot.ports import Clock

FAULTS = (ModelUnavailable, ModelTimeout, EndpointRefused)
"""What is the server's, or the operator's to mend; not the request's own fault."""


@dataclass(slots=True)
class Observed:
    """The last answer and the last error. `latency` is the seconds to an answer's first chunk; times
    are Unix seconds, 0 for never. `error` is empty once the server has answered again."""

    clock: Clock
    latency: float = 0.0
    answered_at: float = 0.0
    error: str = ""
    error_at: float = 0.0

    def answered(self, since: float) -> None:
        """The first chunk is there of what was asked then (on the monotonic clock)."""
        self.latency = self.clock.monotonic() - since
        self.well()

    def well(self) -> None:
        self.answered_at, self.error = self.clock.time(), ""

    @contextmanager
    def asking(self) -> Iterator[float]:
        """Gives when it began (on the monotonic clock); errors that pass through are noted."""
        try:
            yield self.clock.monotonic()
        except FAULTS as error:
            self.error, self.error_at = str(error) or type(error).__name__, self.clock.time()
            raise
