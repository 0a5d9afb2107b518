"""A model's thoughts, taken out of its answer where the server leaves them in it. Pure.

Reasoning models write `<think>…</think>` before they answer. Servers with a parser for it send that
apart (`reasoning`); others send it as text, which nobody is to read as the answer.
"""

from __future__ import annotations

from bot.types import Chunk

_OPEN, _CLOSE = "<think>", "</think>"


class Thoughts:
    """Feeds on an answer's text, cut anywhere. Only what the answer begins with is taken for thoughts;
    a tag further on, as in an answer about such tags, stays."""

    def __init__(self) -> None:
        self._held = ""
        self._thought: list[str] = []
        self._place = self._first

    def take(self, text: str) -> Chunk:
        """The text as answer and thoughts, as far as it can be told which it is."""
        self._held += text
        return self._place()

    def end(self, *, whole: bool) -> str:
        """What is left to be told as the answer. `whole`: the model came to its end; thoughts that it
        never closed are then all that it said, and better shown than lost."""
        held, self._held = self._held, ""
        if self._place == self._thinking:
            return "".join((*self._thought, held)).strip() if whole else ""
        return held if self._place == self._first else ""

    def _first(self) -> Chunk:
        begun = self._held.lstrip()
        if begun.startswith(_OPEN):
            self._held = begun.removeprefix(_OPEN)
            self._place = self._thinking
            return self._thinking()
        if _OPEN.startswith(begun):
            return Chunk()
        self._place = self._answer
        return self._answer()

    def _thinking(self) -> Chunk:
        thought, closing, answer = self._held.partition(_CLOSE)
        if closing:
            self._held = answer
            self._place = self._between
            return Chunk(self._between().text, thought)
        known = len(thought) - next(n for n in range(len(_CLOSE), -1, -1) if thought.endswith(_CLOSE[:n]))
        thought, self._held = thought[:known], thought[known:]
        self._thought.append(thought)
        return Chunk(reasoning=thought)

    def _between(self) -> Chunk:
        """Blank lines part the answer from the thoughts."""
        self._held = self._held.lstrip()
        if self._held:
            self._place = self._answer
        return self._answer()

    def _answer(self) -> Chunk:
        told, self._held = self._held, ""
        return Chunk(told)
