"""What goes wrong between a bot and Telegram, drawn by a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Fate = Literal["", "502", "drop", "cut"]


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of calls. `bad_gateway`: answered 502 before taking effect; `dropped`: the connection ends
    before taking effect; `cut_off`: it ends after taking effect; `slow`: answered after up to
    `slow_seconds`. `repeated`: share of updates that come once more in a later getUpdates, although they
    were confirmed. Calls named in `spared` go well."""

    bad_gateway: float = 0.0
    dropped: float = 0.0
    cut_off: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 0.2
    repeated: float = 0.0
    seed: int = 0
    spared: frozenset[str] = frozenset({"getme"})


class Weather:
    """Decides each call's fate. While `outage` is set, it is everybody's: "502", or "drop"."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.outage: Fate = ""
        self.ahead: dict[str, list[Fate]] = {}
        """What the next calls of a method come to, before chance has its say."""
        self._random = random.Random(faults.seed)

    def fate(self, method: str) -> Fate:
        if self.outage:
            return self.outage
        if ahead := self.ahead.get(method):
            return ahead.pop(0)
        drawn = self._random.random()
        if method in self.faults.spared:
            return ""
        faults = self.faults
        shares: list[tuple[Fate, float]] = [
            ("502", faults.bad_gateway),
            ("drop", faults.dropped),
            ("cut", faults.cut_off),
        ]
        for fate, share in shares:
            if drawn < share:
                return fate
            drawn -= share
        return ""

    def delay(self, method: str) -> float:
        """Seconds that an answer is late."""
        if self._random.random() >= self.faults.slow or method in self.faults.spared:
            return 0.0
        return self._random.uniform(0, self.faults.slow_seconds)

    def repeats(self) -> bool:
        return self._random.random() < self.faults.repeated

    def html(self) -> bool:
        """Whether a gateway answers with a page instead of an object; both are seen in life."""
        return self._random.random() < 0.5
