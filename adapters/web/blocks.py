"""An answer's HTML, block by block, made beside the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.web.code import dressed
from bot.markup import Node, clean, last_block, parse, render
from bot.ports import Clock
from bot.types import Markup

HTML_SECONDS = 0.12
HTML_SHARE = 0.05
"""The part of one core that rendering one answer may take while it streams."""
LONGEST = 60_000
"""Characters of a growing text that are guessed about; more is rendered as it is."""
SHORT = 500
"""Characters that are rendered at once: a thread would cost more."""


@dataclass(frozen=True, slots=True)
class Told:
    """One server-sent event; with no name it is a heartbeat."""

    name: str = ""
    data: Any = None


class Growing:
    """A text that grows, as it will most likely look: what cannot change any more is rendered once."""

    def __init__(self) -> None:
        self._text = ""
        self._done: list[str] = []
        self._start = 0

    def blocks(self, text: str) -> list[str]:
        """The safe HTML of each block at the top level."""
        text = clean(text)
        if not text.startswith(self._text):
            self._done, self._start = [], 0
        self._text = text
        if len(text) <= LONGEST:
            start = self._start + last_block(text[self._start :], page=True)
            self._done += html_blocks(text[self._start : start])
            self._start = start
            return [*self._done, *html_blocks(text[start:], growing=True)]
        return html_blocks(text)

    def ahead(self, text: str) -> int:
        """How many characters are to be rendered, about."""
        return len(text) - self._start


class Renderer:
    """Renders long texts in a thread, one at a time: two would only take the loop's turns away."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def blocks(self, text: str, growing: Growing | None = None) -> tuple[list[str], float]:
        """The safe HTML of each block at the top level, and the seconds of CPU that it cost. `growing`:
        there is more to come."""
        made = growing.blocks if growing is not None else html_blocks
        if (growing.ahead(text) if growing is not None else len(text)) <= SHORT:
            return _timed(made, text)
        async with self._one:
            return await asyncio.to_thread(_timed, made, text)


class Blocks:
    """One answer's HTML, told block by block: only what changed since the last time."""

    def __init__(self, renderer: Renderer, clock: Clock) -> None:
        self._renderer = renderer
        self._clock = clock
        self._shown: list[str] = []
        self._growing = Growing()
        self._text = ""
        self._whole = False
        self._next = 0.0

    def due_in(self, text: str) -> float | None:
        """Seconds until this text is to be rendered; None if it has been."""
        return None if text == self._text else max(0.0, self._next - self._clock.monotonic())

    async def changed(self, text: str, *, ends: bool = False) -> Told | None:
        """The blocks from the first that differs; None while it is too soon, or nothing changed. `ends`:
        this is the whole text, which is told as it is, and at once."""
        if (text == self._text and self._whole >= ends) or (
            not ends and self._clock.monotonic() < self._next
        ):
            return None
        blocks, cost = await self._renderer.blocks(text, None if ends else self._growing)
        same = 0
        while same < min(len(blocks), len(self._shown)) and blocks[same] == self._shown[same]:
            same += 1
        self._next = self._clock.monotonic() + max(HTML_SECONDS, cost / HTML_SHARE)
        unchanged = same == len(blocks) == len(self._shown)
        self._text, self._shown, self._whole = text, blocks, ends
        return None if unchanged else Told("html", {"from": same, "blocks": blocks[same:]})


def html_blocks(text: str, *, growing: bool = False) -> list[str]:
    """The safe HTML of each block at the top level. `growing`: as it will look when there is more of it."""
    document = parse(text, page=True, growing=growing)
    blocks = (Node(document.kind, children=(block,)) for block in document.children)
    return [dressed(render(block, Markup.HTML)) for block in blocks]


def _timed(made: Callable[[str], list[str]], text: str) -> tuple[list[str], float]:
    began = time.thread_time()
    return made(text), time.thread_time() - began
