"""Where the CPU of a turn goes: printed, never written to RESULTS.md."""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path

from benchmarks.core import Setup, apart
from benchmarks.model import model_server
from benchmarks.report import Section
from benchmarks.throughput import CHATS, rate

TOP = 15


def run(folder: Path, *, quick: bool) -> list[Section]:
    """The functions of the event loop's thread in which most time passed, their callees left out."""
    messages = CHATS * (2 if quick else 20)
    file = folder / "profile"
    with model_server() as url:
        apart(_profiled, Setup(url, f"sqlite:///{folder / 'profile.db'}"), messages, file)
    stats = pstats.Stats(str(file)).sort_stats("tottime")
    found = sorted(stats.stats.items(), key=lambda item: -item[1][2])[:TOP]  # type: ignore[attr-defined]
    rows = []
    for (path, line, function), (_, calls, own, whole, _) in found:
        place = "/".join(Path(path).parts[-2:]) + (f":{line}" if line else "")
        per_turn = [
            f"{calls / messages:.1f}",
            f"{own / messages * 1e3:.2f} ms",
            f"{whole / messages * 1e3:.2f} ms",
        ]
        rows.append([f"`{place}` {function}", *per_turn])
    note = f"Per turn, of {messages}, under the profiler, which makes every call dearer."
    return [
        Section("profile", f"Top {TOP} functions", ("function", "calls", "own", "with callees"), rows, note)
    ]


async def _profiled(setup: Setup, messages: int, file: Path) -> None:
    profiler = cProfile.Profile()
    with profiler:
        await rate(setup, messages)
    profiler.dump_stats(file)
