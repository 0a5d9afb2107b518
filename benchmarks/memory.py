"""Resident memory over many turns, and what an idle service takes."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.core import Setup, apart, resident_mb, tertulia
from benchmarks.model import model_server
from benchmarks.report import Section, median, verdict
from tests.vllm.servers import free_port

LANES = 32
TURNS_EACH = 10
"""Questions in one conversation, before the next begins."""


def run(folder: Path, *, quick: bool) -> list[Section]:
    marks = (100, 200) if quick else (1_000, 10_000, 50_000, 100_000)
    return [_growth(folder, marks), _idle(folder, 1 if quick else 5)]


def _growth(folder: Path, marks: tuple[int, ...]) -> Section:
    with model_server() as url:
        samples = apart(resident_at, Setup(url, f"sqlite:///{folder / 'memory.db'}"), marks)
    settled = samples[marks[1]]
    rows = []
    for turns, mb in samples.items():
        judged = verdict(mb <= settled * 1.05) if turns > marks[1] else ""
        rows.append([f"{turns:,}", f"{mb:.1f} MB", f"{mb / settled:.3f}", judged])
    note = (
        f"Short turns in conversations of {TURNS_EACH}, {LANES} at a time, each with people and chats never "
        "seen before. Flat: at most 1.05 of what it was at the third sample."
    )
    columns = ("turns", "resident", "ratio to the third sample", "flat")
    return Section("memory", "Resident memory over many turns", columns, rows, note)


async def resident_at(setup: Setup, marks: tuple[int, ...]) -> dict[int, float]:
    """Resident MB after so many turns."""
    async with tertulia(setup) as bot:

        async def lane(name: str, turns: int) -> None:
            for number in range(turns):
                await bot.ask(f"{name}/{number // TURNS_EACH}", f"message {number}")

        samples, done = {0: resident_mb()}, 0
        for mark in marks:
            share = (mark - done) // LANES
            await asyncio.gather(*(lane(f"{mark}/{n}", share) for n in range(LANES)))
            samples[mark], done = resident_mb(), mark
    return samples


def _idle(folder: Path, times: int) -> Section:
    starts, sizes = [], []
    for number in range(times):
        with _service(folder / f"idle{number}", folder / "idle.log") as (process, seconds):
            time.sleep(1)
            starts.append(seconds)
            sizes.append(_resident_mb_of(process.pid))
    with _service(folder / "idle0", folder / "imports.log", PYTHONPROFILEIMPORTTIME="1") as (_, seconds):
        pass
    own = re.findall(r"^import time:\s+(\d+) \|", (folder / "imports.log").read_text(), re.MULTILINE)
    share = sum(map(int, own)) / 1e6 / seconds
    with _service(folder / "idle0", folder / "idle.log") as (_, again):
        pass
    rows = [
        ["resident, idle", f"{median(sizes):.0f} MB", "≤ 120 MB", verdict(median(sizes) <= 120)],
        [
            "start to `/healthz`, new home",
            f"{median(starts):.2f} s",
            "≤ 1.5 s",
            verdict(median(starts) <= 1.5),
        ],
        ["start to `/healthz`, home of before", f"{again:.2f} s", "≤ 1.5 s", verdict(again <= 1.5)],
        ["of which imports", f"{share:.0%}", "", ""],
    ]
    note = f"`tertulia run` with the web page and the embedded default; median of {times}."
    return Section("idle", "An idle service", ("what", "figure", "target", ""), rows, note)


@contextmanager
def _service(home: Path, log: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A running `tertulia run`, and the seconds until it answered."""
    port = free_port()
    own = {"TERTULIA_HOME": str(home), "TERTULIA_MODEL_DISCOVERY": "false"}
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TERTULIA_")}
    command = [sys.executable, "-m", "bot", "run", "--port", str(port)]
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=clean | own | environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process, _answered(process, port, began)
    finally:
        process.terminate()
        process.wait(30)


def _answered(process: subprocess.Popen[bytes], port: int, began: float) -> float:
    while process.poll() is None and time.monotonic() - began < 60:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return time.monotonic() - began
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("tertulia run does not answer")


def _resident_mb_of(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
