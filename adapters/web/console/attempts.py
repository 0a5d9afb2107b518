"""Pauses that grow with every wrong guess."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from bot.ports import Clock

FORGOTTEN = 3600.0
"""Seconds without a guess, beyond a pause, after which the count begins anew."""
MOST = 10_000
"""Guessers, or those guessed at, remembered; the least recently seen is forgotten first."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` wrong guesses before the first pause. Pauses, in seconds, double from `first` to `longest`."""

    free: int
    longest: float
    first: float = 30.0

    def pause(self, count: int) -> float:
        """After so many wrong guesses."""
        return min(self.first * 2 ** min(count - self.free, 10), self.longest) if count >= self.free else 0.0


STRICT = Limit(free=5, longest=900.0)
"""For one guesser at one secret."""
PLACE = Limit(free=20, longest=900.0)
"""For all that come from one address: a household, or an office."""
ANYWHERE = Limit(free=50, longest=60.0)
"""For all strangers together who guess at one account. Slow for them, and still a way in for its owner
on a new device."""


@dataclass(frozen=True, slots=True)
class Key:
    """What guesses are counted by."""

    limit: Limit
    name: str


class Attempts:
    """Counts guesses by key, in this process. A guess counts as wrong from its beginning until it was
    right, so that many at the same time are no way around the pause."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """Wrong guesses, and until when the key pauses, or when it last guessed."""

    def __len__(self) -> int:
        """Keys remembered."""
        return len(self._counts)

    def begin(self, *keys: Key) -> int:
        """0: the guess may be made, and is counted; else the seconds until one may be."""
        wait = self.pause(*keys)
        for key in () if wait else keys:
            self._count(key)
        return wait

    def pause(self, *keys: Key) -> int:
        """Seconds that the longest pause of these still lasts."""
        now = self._clock.monotonic()
        return max(math.ceil(max(self._counts.get(key.name, (0, now))[1] - now, 0)) for key in keys)

    def right(self, key: Key) -> None:
        """The guess that was begun last was right: all before it is forgiven."""
        self._counts.pop(key.name, None)

    def give_back(self, *keys: Key) -> None:
        """The guess that was begun last does not count for these."""
        for key in keys:
            count, until = self._counts.get(key.name, (0, 0.0))
            if count > 1:
                self._counts[key.name] = (count - 1, min(until, self._clock.monotonic()))
            else:
                self._counts.pop(key.name, None)

    def _count(self, key: Key) -> None:
        now = self._clock.monotonic()
        count, until = self._counts.pop(key.name, (0, now))
        count = 1 if now - until > FORGOTTEN else count + 1
        self._counts[key.name] = (count, now + key.limit.pause(count))
        if len(self._counts) > MOST:
            self._counts.popitem(last=False)
