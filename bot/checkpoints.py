"""The text of a turn that is being generated, stored as it grows, with the thoughts that led to it."""

from __future__ import annotations

import asyncio

from bot.ports import Clock, Turns
from bot.types import NO_THOUGHTS, Thoughts


class Checkpoints:
    """Stores the text so far every `interval` seconds, one write at a time, beside the stream."""

    def __init__(self, turns: Turns, turn_id: str, clock: Clock, interval: float) -> None:
        self._turns = turns
        self._turn_id = turn_id
        self._clock = clock
        self._interval = interval
        self._next = clock.monotonic() + interval
        self._text = ""
        self._thoughts = NO_THOUGHTS
        self._writes: set[asyncio.Task[None]] = set()

    def offer(self, text: str, thoughts: Thoughts) -> None:
        self._text, self._thoughts = text, thoughts
        now = self._clock.monotonic()
        if now >= self._next and not self._writes:
            self._next = now + self._interval
            self.flush()

    def flush(self) -> None:
        """Begin to store the newest text."""
        if self._text:
            newest = self._turns.checkpoint(self._turn_id, self._text, thoughts=self._thoughts)
            write = asyncio.create_task(newest)
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Wait for the writes under way, so that none comes after the turn's end."""
        await asyncio.gather(*self._writes, return_exceptions=True)
