"""Tertulia as a person runs it: a process with a home of its own, and its command line."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60.0
_URL = re.compile(rb"Chat page: (http://\S+)")
_COMMAND = (sys.executable, "-m", "bot")


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The caller's environment with just these settings."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith("TERTULIA_")}
    given = {"home": str(home), "model_discovery": "false", **settings}
    return {**mine, "LC_ALL": "C.UTF-8", **{f"TERTULIA_{k.upper()}": v for k, v in given.items()}}


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str


async def begin(
    home: Path, *arguments: str, before: Sequence[str] = (), **settings: str
) -> asyncio.subprocess.Process:
    """Start `tertulia …` with pipes, in a working folder without a `tertulia.toml`. `before` is a
    command that runs it."""
    await asyncio.to_thread(home.mkdir, exist_ok=True)
    return await asyncio.create_subprocess_exec(
        *before,
        *_COMMAND,
        *arguments,
        cwd=home.parent,
        env=environment(home, **settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def tertulia(
    home: Path, *arguments: str, stdin: str = "", before: Sequence[str] = (), **settings: str
) -> Ended:
    """Run `tertulia …` to its end."""
    process = await begin(home, *arguments, before=before, **settings)
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), PATIENCE)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


class Service:
    """A running `tertulia run`; `log` is its standard error so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.url = ""
        self.out = ""
        self.log = ""
        self._more = asyncio.Event()
        self._reading = asyncio.create_task(self._read_log())

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    async def ready(self) -> None:
        """Until it has said where its page is, and all that it says at its start."""
        assert self.process.stdout is not None
        said = b""
        while (found := _URL.search(said)) is None:
            piece = await asyncio.wait_for(self.process.stdout.read(4096), PATIENCE)
            if not piece:
                await self.process.wait()
                await self._reading
                raise AssertionError(f"it did not start: {self.log}")
            said += piece
        self.url, self.out = found[1].decode(), said.decode()

    async def logged(self, text: str) -> None:
        """Until `text` stands in the log."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.log:
                self._more.clear()
                await self._more.wait()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def gone(self, within: float = PATIENCE) -> int:
        """The exit code."""
        code = await asyncio.wait_for(self.process.wait(), within)
        await self._reading
        return code

    async def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        await self.gone()

    async def _read_log(self) -> None:
        assert self.process.stderr is not None
        while piece := await self.process.stderr.read(4096):
            self.log += piece.decode(errors="replace")
            self._more.set()


@asynccontextmanager
async def service(
    home: Path, *arguments: str, port: str = "0", before: Sequence[str] = (), **settings: str
) -> AsyncIterator[Service]:
    """`tertulia run`, ready; it is ended at the latest when left."""
    running = Service(await begin(home, "run", "--port", port, *arguments, before=before, **settings))
    try:
        await running.ready()
        yield running
    finally:
        if running.process.returncode is None:
            running.process.kill()
        await running.gone()
