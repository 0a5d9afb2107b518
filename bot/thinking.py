"""A model's thoughts, put together as they come."""

from __future__ import annotations

from dataclasses import replace

from bot.ports import Clock
from bot.types import NO_THOUGHTS, Thoughts

LONGEST = 20_000
"""Characters that are kept of what is thought for one answer."""


class Thinking:
    """The thoughts of one answer, over its steps and the attempts at them. `now` is all of them so far,
    at most `LONGEST` characters; its seconds count from a thought's first word to what follows it."""

    def __init__(self, clock: Clock, now: Thoughts = NO_THOUGHTS) -> None:
        self.now = now
        self._clock = clock
        self._settled = NO_THOUGHTS
        self._since: float | None = None

    def think(self, more: str) -> None:
        """More was thought. Blank lines alone are nothing: some models that do not think begin so."""
        text, at = self.now.text, self._clock.monotonic()
        if not text:
            more = more.lstrip()
        if not more:
            return
        if self._since is None:
            self._since = at - self.now.seconds
            more = f"\n\n{more}" if text else more
        cut = self.now.cut or len(text) + len(more) > LONGEST
        text = text if self.now.cut else (text + more)[:LONGEST]
        self.now = Thoughts(text, at - self._since, cut)

    def speak(self) -> None:
        """The answer's words come."""
        if self._since is not None:
            self.now = replace(self.now, seconds=self._clock.monotonic() - self._since)
            self._since = None

    def settle(self) -> None:
        """A step is whole, and what was thought for it stays."""
        self.speak()
        self._settled = self.now

    def again(self) -> None:
        """The step begins anew, without what was thought for it."""
        self.now, self._since = self._settled, None

    def end(self, answer: str) -> None:
        """The last step is whole. A model that never came to an end of its thoughts has them for an answer:
        they are not shown twice."""
        self.speak()
        answer, thought = answer.strip(), self.now.text[len(self._settled.text) :].strip()
        if answer == thought or (thought and self.now.cut and answer.startswith(thought)):
            self.now = self._settled
