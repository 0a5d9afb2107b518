"""An answer's HTML, block by block, made beside the event loop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from adapters.web.code import dressed
from bot.markup import Node, parse, render
from bot.ports import Clock
from bot.types import Markup

HTML_SECONDS = 0.12
HTML_SHARE = 0.05
"""The part of one core that rendering one answer may take while it streams."""
SHORT = 500
"""Characters that are rendered at once: a thread would cost more."""


@dataclass(frozen=True, slots=True)
class Told:
    """One server-sent event; with no name it is a heartbeat."""

    name: str = ""
    data: Any = None


class Renderer:
    """Renders long texts in a thread, one at a time: two would only take the loop's turns away."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def blocks(self, text: str) -> tuple[list[str], float]:
        """The safe HTML of each block at the top level, and the seconds of CPU that it cost."""
        if len(text) <= SHORT:
            return _timed(text)
        async with self._one:
            return await asyncio.to_thread(_timed, text)


class Blocks:
    """One answer's HTML, told block by block: only what changed since the last time."""

    def __init__(self, renderer: Renderer, clock: Clock) -> None:
        self._renderer = renderer
        self._clock = clock
        self._shown: list[str] = []
        self._text = ""
        self._next = 0.0

    def due_in(self, text: str) -> float | None:
        """Seconds until this text is to be rendered; None if it has been."""
        return None if text == self._text else max(0.0, self._next - self._clock.monotonic())

    async def changed(self, text: str, *, now: bool = False) -> Told | None:
        """The blocks from the first that differs; None while it is too soon, or nothing changed."""
        if text == self._text or (not now and self._clock.monotonic() < self._next):
            return None
        blocks, cost = await self._renderer.blocks(text)
        same = 0
        while same < min(len(blocks), len(self._shown)) and blocks[same] == self._shown[same]:
            same += 1
        self._next = self._clock.monotonic() + max(HTML_SECONDS, cost / HTML_SHARE)
        self._text, self._shown = text, blocks
        return Told("html", {"from": same, "blocks": blocks[same:]})


def html_blocks(text: str) -> list[str]:
    """The safe HTML of each block at the top level."""
    document = parse(text, math=True)
    blocks = (Node(document.kind, children=(block,)) for block in document.children)
    return [dressed(render(block, Markup.HTML)) for block in blocks]


def _timed(text: str) -> tuple[list[str], float]:
    began = time.thread_time()
    return html_blocks(text), time.thread_time() - began
