"""A conversation in the terminal: what is typed, and its answers."""

from __future__ import annotations

from functools import partial

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console

from adapters.terminal.adapter import TerminalAdapter
from adapters.terminal.screen import ask, show_answer, texts

CHAT = "chat"


async def chat(adapter: TerminalAdapter, console: Console, *, history: str, language: str) -> None:
    """Questions and answers until Ctrl-D. `history` is the file of what was typed; "" for none."""
    session: PromptSession[str] = PromptSession(
        history=FileHistory(history) if history else InMemoryHistory()
    )
    show = partial(show_answer, console, language=language)
    console.print(texts(language)[0], style="dim")
    while True:
        try:
            with patch_stdout(raw=True):
                text = await session.prompt_async("› ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text.strip():
            await ask(adapter, adapter.event(text.strip(), CHAT), show)
            console.print()
