"""Time, and counting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time. `time` is Unix seconds, `monotonic` never goes back.

    `call_later` runs `callback` on the event loop after `seconds`, unless cancelled before.
    """

    def time(self) -> float: ...
    def monotonic(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...
    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer: ...


class Telemetry(Protocol):
    """Counts, durations and levels. Names and label values come from small fixed sets.

    `watch` calls `read` whenever somebody looks, so that the level is true then; a second `watch`
    takes the first one's place.
    """

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None: ...
    def observe(self, name: str, seconds: float, /, **labels: str) -> None: ...
    def gauge(self, name: str, value: float, /, **labels: str) -> None: ...
    def watch(self, name: str, read: Callable[[], float], /) -> None: ...
