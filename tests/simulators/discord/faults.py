"""What goes wrong between a bot and Discord, drawn by a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Fate = Literal["", "5xx", "drop", "cut"]
SocketFate = Literal["", "drop", "reconnect"]
STATUSES = (500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of calls: `server_error` is answered 500, 502, 503 or 504 before taking effect; `dropped`: the
    connection ends before taking effect; `cut_off`: it ends after taking effect; `slow`: answered after up
    to `slow_seconds`. Calls named in `spared` go well.

    Shares of gateway events: `socket_drops`: the socket breaks before the event is sent, so that it comes
    with a resume only; `reconnects`: the event is followed by a request to reconnect. Shares of resumes:
    `invalid_sessions`. Shares of heartbeats: `missed_heartbeats` are not acknowledged.
    """

    server_error: float = 0.0
    dropped: float = 0.0
    cut_off: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 0.2
    socket_drops: float = 0.0
    reconnects: float = 0.0
    invalid_sessions: float = 0.0
    missed_heartbeats: float = 0.0
    seed: int = 0
    spared: frozenset[str] = frozenset({"GET /users/@me", "GET /oauth2/applications/@me"})


class Weather:
    """Decides each call's fate. While `outage` is set, it is everybody's: "5xx", or "drop"."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.outage: Fate = ""
        self._calls = random.Random(faults.seed)
        self._gateway = random.Random(faults.seed + 1)

    def fate(self, call: str) -> Fate:
        if self.outage:
            return self.outage
        drawn = self._calls.random()
        if call in self.faults.spared:
            return ""
        faults = self.faults
        shares: list[tuple[Fate, float]] = [
            ("5xx", faults.server_error),
            ("drop", faults.dropped),
            ("cut", faults.cut_off),
        ]
        for fate, share in shares:
            if drawn < share:
                return fate
            drawn -= share
        return ""

    def delay(self, call: str) -> float:
        """Seconds that an answer is late."""
        if self._calls.random() >= self.faults.slow or call in self.faults.spared:
            return 0.0
        return self._calls.uniform(0, self.faults.slow_seconds)

    def status(self) -> int:
        return self._calls.choice(STATUSES)

    def event(self) -> SocketFate:
        drawn = self._gateway.random()
        if drawn < self.faults.socket_drops:
            return "drop"
        return "reconnect" if drawn - self.faults.socket_drops < self.faults.reconnects else ""

    def resume_fails(self) -> bool:
        return self._gateway.random() < self.faults.invalid_sessions

    def heartbeat_missed(self) -> bool:
        return self._gateway.random() < self.faults.missed_heartbeats
