"""Flood control, as hard as Telegram's."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulators.telegram.refusals import flooded


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """What one bot may send. Drafts and edits count as messages do, at `draft_cost` and `edit_cost`.

    Whoever goes over a limit waits `least_wait` seconds or until there is room again, whichever is
    longer; each call in that time is refused as well and makes the chat's wait `hammering` seconds longer.
    """

    on: bool = True
    private_per_second: float = 1.0
    private_burst: int = 5
    group_per_minute: int = 20
    total_per_second: int = 30
    draft_cost: float = 1.0
    edit_cost: float = 1.0
    least_wait: float = 3.0
    hammering: float = 1.0
    longest_wait: float = 900.0


NO_FLOOD = FloodLimits(on=False)


class Flood:
    """Counts what is sent and refuses what is too much, by the given clock."""

    def __init__(self, limits: FloodLimits, clock: Callable[[], float]) -> None:
        self.limits, self._clock = limits, clock
        self._until: dict[str, float] = {}
        self._tokens: dict[str, tuple[float, float]] = {}
        self._minutes: dict[str, deque[float]] = defaultdict(deque)
        self._second: deque[float] = deque()

    def take(self, chat: str, *, private: bool, cost: float = 1.0) -> None:
        """Count a call to a chat; raises the refusal with `retry_after`, and then nothing is counted."""
        if not self.limits.on or cost <= 0:
            return
        now = self._clock()
        self._refuse_waiting(chat, now, self.limits.hammering)
        self._refuse_waiting("all", now, 0.0)
        while self._second and self._second[0] <= now - 1:
            self._second.popleft()
        if len(self._second) + cost > self.limits.total_per_second:
            self._begin_wait("all", now, self._second[0] + 1 - now, least=1.0)
        if private:
            self._take_token(chat, now, cost)
        else:
            self._take_minute(chat, now, cost)
        self._second.extend([now] * max(1, math.ceil(cost)))

    def waiting(self, chat: str) -> float:
        """Seconds that a chat is still under flood control."""
        return max(0.0, self._until.get(chat, 0.0) - self._clock())

    def _refuse_waiting(self, key: str, now: float, longer: float) -> None:
        until = self._until.get(key, 0.0)
        if now < until:
            self._until[key] = min(until + longer, now + self.limits.longest_wait)
            raise flooded(math.ceil(self._until[key] - now))

    def _begin_wait(self, key: str, now: float, room_in: float, least: float) -> None:
        wait = math.ceil(max(room_in, least))
        self._until[key] = now + wait
        raise flooded(wait)

    def _take_token(self, chat: str, now: float, cost: float) -> None:
        rate, burst = self.limits.private_per_second, float(self.limits.private_burst)
        tokens, seen = self._tokens.get(chat, (burst, now))
        tokens = min(burst, tokens + (now - seen) * rate)
        if tokens < min(cost, burst) - 1e-9:
            self._tokens[chat] = tokens, now
            self._begin_wait(chat, now, (cost - tokens) / rate, self.limits.least_wait)
        self._tokens[chat] = tokens - cost, now

    def _take_minute(self, chat: str, now: float, cost: float) -> None:
        minute = self._minutes[chat]
        while minute and minute[0] <= now - 60:
            minute.popleft()
        over = len(minute) + max(1, math.ceil(cost)) - self.limits.group_per_minute
        if over > 0:
            room_in = minute[min(over, len(minute)) - 1] + 60 - now if minute else 60.0
            self._begin_wait(chat, now, room_in, self.limits.least_wait)
        minute.extend([now] * max(1, math.ceil(cost)))
