"""`tertulia run` as a process of its own, and what it costs by the system's account."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Running:
    process: asyncio.subprocess.Process

    def cpu(self) -> float:
        """Seconds so far, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mb(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@asynccontextmanager
async def tertulia(home: Path, **options: str) -> AsyncIterator[Running]:
    """Open to everybody, with the page. `options`: settings beside, as the environment names them."""
    own = {
        "TERTULIA_HOME": str(home),
        "TERTULIA_ACCESS": "open",
        "TERTULIA_RATE_LIMIT": "0",
        "TERTULIA_WEB_PORT": "0",
        "TERTULIA_MODEL_DISCOVERY": "false",
    }
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TERTULIA_")}
    with (home.parent / f"{home.name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"),
            env=clean | own | options,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Running(process)
    finally:
        process.terminate()
        await process.wait()


async def importing(module: str) -> float:
    """Seconds that a Python takes which does nothing but this."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", f"import {module}")
    await process.wait()
    return time.monotonic() - began


async def waits(model: str, ask: Callable[[int, str], Awaitable[None]], messages: int) -> list[float]:
    """Milliseconds from a question to the model request that it leads to, one at a time. `ask` (number,
    text) returns when it is answered."""
    said: dict[str, float] = {}
    async with aiohttp.ClientSession() as client:
        arrivals = f"{model.removesuffix('/v1')}/arrivals"
        async with client.get(arrivals):
            pass
        for number in range(messages):
            text = f"timed {number}"
            said[text] = time.monotonic()
            await ask(number, text)
        async with client.get(arrivals) as answer:
            arrived: dict[str, float] = await answer.json()
    return [(arrived[text] - at) * 1000 for text, at in said.items()]
