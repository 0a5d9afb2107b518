"""Telemetry that goes nowhere: for commands that run no server."""

from __future__ import annotations

from collections.abc import Callable


class NullTelemetry:
    """`bot.ports.Telemetry` without a reader."""

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Nothing."""

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Nothing."""

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        """Nothing."""

    def watch(self, name: str, read: Callable[[], float], /) -> None:
        """Nothing."""
