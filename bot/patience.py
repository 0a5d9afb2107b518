"""How long a model's stream is waited for."""

from __future__ import annotations

from bot.clock import Scope
from bot.ports import Clock


class Watch:
    """Ends a scope when the first chunk, or the next one, is too long in coming: one timer for
    the whole stream, so that a chunk costs no more than a look at the clock. Both in seconds."""

    def __init__(self, clock: Clock, scope: Scope, first_chunk: float, stall: float) -> None:
        self._clock = clock
        self._scope = scope
        self._stall = stall
        self._limit = first_chunk
        self._last = clock.monotonic()
        self._began = False
        self._timer = clock.call_later(self._limit, self._look)
        self.waited = 0.0
        """Seconds until the first chunk."""

    def saw(self) -> bool:
        """A chunk has come. True for the first."""
        now = self._clock.monotonic()
        first, self._began = not self._began, True
        if first:
            self.waited = now - self._last
            self._limit = self._stall
            self._timer.cancel()
            self._timer = self._clock.call_later(self._limit, self._look)
        self._last = now
        return first

    def close(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        left = self._last + self._limit - self._clock.monotonic()
        if left <= 0:
            self._scope.end(f"{self._limit:g}")
        else:
            self._timer = self._clock.call_later(left, self._look)
