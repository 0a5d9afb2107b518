"""Pauses that grow with every wrong guess."""

from __future__ import annotations

import math
from collections import OrderedDict

from bot.ports import Clock

FREE = 5
"""Wrong guesses before the first pause."""
FIRST_PAUSE = 30.0
LONGEST_PAUSE = 900.0
FORGOTTEN = 3600.0
"""Seconds without a guess, beyond a pause, after which the count begins anew."""
MOST = 10_000
"""Guessers, or those guessed at, remembered; the least recently seen is forgotten first."""


class Attempts:
    """Counts guesses by key. A guess counts as wrong from its beginning until it was right, so that
    many at the same time are no way around the pause."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """Wrong guesses, and until when the key pauses, or when it last guessed."""

    def __len__(self) -> int:
        """Keys remembered."""
        return len(self._counts)

    def begin(self, *keys: str) -> int:
        """0: the guess may be made, and is counted; else the seconds until one may be."""
        wait = self.pause(*keys)
        for key in () if wait else keys:
            self._count(key)
        return wait

    def pause(self, *keys: str) -> int:
        """Seconds that the longest pause of these still lasts."""
        now = self._clock.monotonic()
        return max(math.ceil(max(self._counts.get(key, (0, now))[1] - now, 0)) for key in keys)

    def right(self, key: str) -> None:
        """The guess that was begun last was right: all before it is forgiven."""
        self._counts.pop(key, None)

    def give_back(self, key: str) -> None:
        """The guess that was begun last does not count."""
        count, until = self._counts.get(key, (0, 0.0))
        if count > 1:
            self._counts[key] = (count - 1, min(until, self._clock.monotonic()))
        else:
            self._counts.pop(key, None)

    def _count(self, key: str) -> None:
        now = self._clock.monotonic()
        count, until = self._counts.pop(key, (0, now))
        count = 1 if now - until > FORGOTTEN else count + 1
        pause = min(FIRST_PAUSE * 2 ** min(count - FREE, 10), LONGEST_PAUSE) if count >= FREE else 0.0
        self._counts[key] = (count, now + pause)
        if len(self._counts) > MOST:
            self._counts.popitem(last=False)
