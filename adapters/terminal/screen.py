"""What the terminal shows: answers as they grow, rendered where there is a screen."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.text import Text

from adapters.terminal.adapter import TerminalAdapter
from bot.types import Citation, Outgoing

CHAT = "chat"
TEXTS = {
    "en": ("Ask anything. /help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves.", "Sources"),
    "zh": ("想问什么都可以。/help 列出命令，Ctrl-C 停止回答，Ctrl-D 退出。", "来源"),
}


async def show_answer(console: Console, answer: AsyncIterator[Outgoing], language: str = "en") -> Outgoing:
    """Show an answer while it grows; returns its last state. Without a screen only that is
    printed, as plain text, so that pipes get one clean answer."""
    last = Outgoing("", "")
    if not console.is_terminal:
        last = [out async for out in answer][-1]
        console.out(last.plain.rstrip(), highlight=False)
        for citation in last.citations:
            console.out(f"[{citation.number}] {citation.title} ({citation.source})", highlight=False)
        return last
    with Live(console=console, refresh_per_second=12, vertical_overflow="visible") as live:
        async for last in answer:
            live.update(_picture(last, language))
    return last


def _picture(out: Outgoing, language: str) -> RenderableType:
    if not out.text:
        return Text(out.activity or "…", style="dim")
    return Group(Markdown(out.text), *_sources(out.citations, language))


def _sources(citations: tuple[Citation, ...], language: str) -> list[Text]:
    if not citations:
        return []
    lines = [Text(""), Text(TEXTS.get(language, TEXTS["en"])[1], style="bold")]
    return lines + [Text(f"[{c.number}] {c.title} ({c.source})", style="dim") for c in citations]


async def chat(adapter: TerminalAdapter, console: Console, *, history: str, language: str) -> None:
    """Questions and answers until Ctrl-D. `history` is the file of what was typed; "" for none."""
    session: PromptSession[str] = PromptSession(
        history=FileHistory(history) if history else InMemoryHistory()
    )
    console.print(TEXTS.get(language, TEXTS["en"])[0], style="dim")
    while True:
        try:
            with patch_stdout(raw=True):
                text = await session.prompt_async("› ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text.strip():
            await _one(adapter, console, text.strip(), language)


async def _one(adapter: TerminalAdapter, console: Console, text: str, language: str) -> None:
    """One question and its answer; Ctrl-C stops the answer, not the program."""
    showing = asyncio.create_task(show_answer(console, adapter.ask(adapter.event(text, CHAT)), language))
    loop = asyncio.get_running_loop()
    stop = adapter.event("/stop", CHAT)
    pending: set[asyncio.Task[None]] = set()

    def interrupt() -> None:
        pending.add(asyncio.create_task(adapter.tell(stop)))

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        await showing
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        await asyncio.gather(*pending)
