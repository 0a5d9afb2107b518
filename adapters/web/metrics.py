"""Prometheus metrics on a registry of their own: few names, bounded labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

STAGES = frozenset({"turn", "context", "first_chunk", "generate", "deliver", "queue", "tool"})
OTHER = "other"
MOST_METRICS = 100
MOST_VALUES = 24
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")


class PrometheusTelemetry:
    """`bot.ports.Telemetry`. Durations of the turn are one histogram, `tertulia_stage_seconds`,
    with the stage as its label; other durations have the stage `other`.

    A label has at most `MOST_VALUES` values and there are at most `MOST_METRICS` names; what comes
    later is counted as `other`, so that no input can grow the memory.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a time of birth for each series doubles the page and tells nothing
        self._registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self._registry)
        self._stages = Histogram(
            "tertulia_stage_seconds",
            "Seconds that a stage of the turn took.",
            ("stage",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._counters: dict[str, tuple[Counter, tuple[str, ...]]] = {}
        self._gauges: dict[str, tuple[Gauge, tuple[str, ...]]] = {}
        self._values: dict[tuple[str, str], set[str]] = {}

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        name = self._bounded(name)
        if name not in self._counters:
            names = tuple(sorted(labels)) if name != OTHER else ()
            counter = Counter(f"tertulia_{name}", _words(name), names, registry=self._registry)
            self._counters[name] = (counter, names)
        metric, names = self._counters[name]
        (metric.labels(*self._labels(name, names, labels)) if names else metric).inc(amount)

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        self._stages.labels(name if name in STAGES else OTHER).observe(seconds)

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        name, metric, names = self._gauge(name, labels)
        (metric.labels(*self._labels(name, names, labels)) if names else metric).set(value)

    def watch(self, name: str, read: Callable[[], float], /) -> None:
        _, metric, _ = self._gauge(name, {})
        metric.set_function(read)

    def _gauge(self, name: str, labels: Mapping[str, str]) -> tuple[str, Gauge, tuple[str, ...]]:
        name = self._bounded(name)
        if name not in self._gauges:
            names = tuple(sorted(labels)) if name != OTHER else ()
            gauge = Gauge(f"tertulia_{name}", _words(name), names, registry=self._registry)
            self._gauges[name] = (gauge, names)
        return name, *self._gauges[name]

    def exposition(self) -> tuple[bytes, str]:
        """The metrics in Prometheus' text format, and its media type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def _bounded(self, name: str) -> str:
        if name in self._counters or name in self._gauges:
            return name
        full = len(self._counters) + len(self._gauges) >= MOST_METRICS
        return name if _NAME.fullmatch(name) and not full else OTHER

    def _labels(self, metric: str, names: tuple[str, ...], given: dict[str, str]) -> list[str]:
        """Values in the order of `names`: a label that is missing is empty, one too many is left out."""
        values = []
        for name in names:
            value, known = given.get(name, ""), self._values.setdefault((metric, name), set())
            if value not in known and len(known) >= MOST_VALUES:
                value = OTHER
            known.add(value)
            values.append(value)
        return values


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize() + "."
