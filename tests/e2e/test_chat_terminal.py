"""`tertulia chat` at a terminal of its own: what a person types, and what stands on the screen."""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from adapters.terminal.screen import Growing, show_answer
from bot.types import Outgoing
from tests.e2e.running import PATIENCE, environment
from tests.simulators.openai import Behaviour, Server

_CONTROL = re.compile(r"\x1b\[[0-9;?<=>]*[A-Za-z]|\x1b[()=>].?|\r")
CTRL_C, CTRL_D = "\x03", "\x04"
PROMPT = "›"


class Terminal:
    """A screen of 80 by 24; `seen` is what was written to it, without colours and motions."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self.process = process
        self.seen = ""
        self._master = master
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536).decode(errors="replace")
        except OSError:  # the other side is closed
            asyncio.get_running_loop().remove_reader(self._master)
            return
        if "\x1b[6n" in data:
            os.write(self._master, b"\x1b[1;1R")
        self.seen += _CONTROL.sub("", data)
        self._more.set()

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    async def until(self, text: str) -> str:
        """Wait until `text` is written; returns what was written up to it, and forgets it."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.seen:
                self._more.clear()
                await self._more.wait()
        before, _, self.seen = self.seen.partition(text)
        return before


@asynccontextmanager
async def terminal(home: Path, language: str = "C.UTF-8", **settings: str) -> AsyncIterator[Terminal]:
    """`tertulia chat`, ready for the first question."""
    await asyncio.to_thread(home.mkdir, exist_ok=True)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "chat"),
        cwd=home.parent,
        env={**environment(home, **settings), "LC_ALL": language, "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    screen = Terminal(process, master)
    try:
        yield screen
    finally:
        asyncio.get_running_loop().remove_reader(master)
        if process.returncode is None:
            process.kill()
        await process.wait()
        os.close(master)


async def test_a_conversation_from_the_first_question_to_ctrl_d(tmp_path: Path) -> None:
    async with (
        Server(Behaviour(text="# Tea\n\nBrew it at **eighty** degrees.")).lifespan() as model,
        terminal(tmp_path / "home", model_url=model.url) as screen,
    ):
        banner = await screen.until(PROMPT)
        assert "Ctrl-D leaves" in banner
        assert "Model: tiny\n" in banner
        screen.type("How is tea brewed?\r")
        await screen.until("Brew it at eighty degrees.")
        await screen.until(PROMPT)
        screen.type("/help\r")
        await screen.until("/whoami")
        await screen.until(PROMPT)
        screen.type("/new\r")
        await screen.until("fresh")
        await screen.until(PROMPT)
        screen.type("And now?\r")
        await screen.until("eighty degrees.")
        await screen.until(PROMPT)
        screen.type(CTRL_D)
        assert await asyncio.wait_for(screen.process.wait(), 10) == 0
    assert "How is tea brewed?" in (tmp_path / "home" / "chat_history").read_text()
    assert (tmp_path / "home" / "chat_history").stat().st_mode & 0o777 == 0o600
    asked = [m["content"] for m in model.chats[-1].body["messages"] if m["role"] == "user"]
    assert [text.split("\n")[0] for text in asked] == ["And now?"]


async def test_ctrl_c_stops_the_answer_and_not_the_program(tmp_path: Path) -> None:
    async with (
        Server(Behaviour(endless=True, interval=0.02)).lifespan() as model,
        terminal(tmp_path / "home", model_url=model.url) as screen,
    ):
        await screen.until(PROMPT)
        screen.type("Go on for ever\r")
        await screen.until("word20")
        screen.type(CTRL_C)
        await screen.until("Stopped.")
        await asyncio.wait_for(model.aborted.wait(), 5)
        model.behaviour = Behaviour(text="A short one.")
        await screen.until(PROMPT)
        screen.type("Again\r")
        await screen.until("A short one.")
        await screen.until(PROMPT)
        screen.type(CTRL_D)
        assert await asyncio.wait_for(screen.process.wait(), 10) == 0


async def test_of_a_growing_answer_no_more_is_drawn_than_the_screen_holds() -> None:
    text = "\n\n".join(f"Paragraph {n}." for n in range(60))
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    growing = Growing()
    growing.out = Outgoing(text, text)
    drawn = "".join(segment.text for segment in console.render(growing))
    assert drawn.count("\n") == 22
    assert drawn.rstrip().endswith("Paragraph 59.")

    async def answer() -> AsyncIterator[Outgoing]:
        yield Outgoing(text, text, final=True)

    await show_answer(console, answer())
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().count("Paragraph 7.") == 1


async def test_it_speaks_the_language_of_the_locale(tmp_path: Path) -> None:
    async with terminal(tmp_path / "home", "zh_CN.UTF-8") as screen:
        banner = await screen.until(PROMPT)
        assert "想问什么都可以" in banner
        assert "没有连接语言模型" in banner
        screen.type("/help\r")
        await screen.until("我能做什么")
