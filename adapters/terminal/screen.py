"""What the terminal shows: answers as they grow, rendered where there is a screen."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Heading, Markdown
from rich.segment import Segment
from rich.text import Text

from adapters.terminal.adapter import TerminalAdapter
from bot.types import Citation, Event, FinishReason, Outgoing

TEXTS = {
    "en": ("Ask anything. /help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves.", "Sources"),
    "zh": ("想问什么都可以。/help 列出命令，Ctrl-C 停止回答，Ctrl-D 退出。", "来源"),
}
DRAWN = 8_000
"""Characters at the end of a growing answer that are drawn: more than a screen holds."""


class _Heading(Heading):
    """At the left, where people look for it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Markdown(Markdown):
    elements = {**Markdown.elements, "heading_open": _Heading}  # noqa: RUF012  (rich's own attribute)


class Growing:
    """The end of an answer that grows, as much as the screen holds: what has left a screen cannot
    be drawn again, and would stand in the scrollback many times."""

    def __init__(self) -> None:
        self.out = Outgoing("", "")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.out.text
        if not text.strip():
            yield Text(self.out.activity or "…", style="dim")
            return
        if len(text) > DRAWN:
            text = text[text.find("\n", len(text) - DRAWN) + 1 :]
        lines = console.render_lines(_Markdown(text), options.update(height=None), pad=False)
        for line in lines[-max(1, console.height - 2) :]:
            yield from line
            yield Segment.line()


async def show_answer(console: Console, answer: AsyncIterator[Outgoing], language: str = "en") -> Outgoing:
    """Show an answer while it grows; returns its last state. Without a screen only that is
    printed, as plain text, so that pipes get one clean answer, or none at all if it is not whole."""
    last = Outgoing("", "")
    if not console.is_terminal:
        last = [out async for out in answer][-1]
        if last.finish_reason not in (FinishReason.ERROR, FinishReason.CANCELLED):
            _print_plain(console, last, language)
        return last
    growing = Growing()
    with Live(growing, console=console, refresh_per_second=12, transient=True), _no_echo():
        async for last in answer:
            growing.out = last
    console.print(Group(_Markdown(last.text), *_sources(last.citations, language)))
    return last


def _print_plain(console: Console, out: Outgoing, language: str) -> None:
    lines = [out.plain.rstrip()]
    if out.citations:
        lines += ["", f"{texts(language)[1]}:", *map(_source, out.citations)]
    console.out("\n".join(lines), highlight=False)


def _sources(citations: tuple[Citation, ...], language: str) -> list[RenderableType]:
    if not citations:
        return []
    title = Text(texts(language)[1], style="bold")
    return [Text(""), title, *(Text(_source(c), style="dim") for c in citations)]


def _source(citation: Citation) -> str:
    return f"[{citation.number}] {citation.title} ({citation.source})"


def texts(language: str) -> tuple[str, str]:
    return TEXTS.get(language, TEXTS["en"])


@contextlib.contextmanager
def _no_echo() -> Iterator[None]:
    """What is typed meanwhile is not written into the answer; Ctrl-C works as ever."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield
        return
    import termios

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


async def ask(
    adapter: TerminalAdapter,
    event: Event,
    show: Callable[[AsyncIterator[Outgoing]], Coroutine[None, None, Outgoing]],
) -> Outgoing:
    """One question and its answer, as `show` shows it. Ctrl-C stops the answer, not the program;
    a second one ends the program."""
    showing = asyncio.create_task(show(adapter.ask(event)))
    loop = asyncio.get_running_loop()
    telling: set[asyncio.Task[None]] = set()

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        telling.add(asyncio.create_task(adapter.tell(adapter.event("/stop", event.address.chat))))

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await showing
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        await asyncio.gather(*telling)
