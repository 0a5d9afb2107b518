"""What a benchmark found, as text for people: a table on the screen and in RESULTS.md."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
LIBRARIES = ("tertulia", "sqlalchemy", "psycopg", "aiohttp", "uvloop")
_HEAD = """\
# Results

Written by `make bench` (`python -m benchmarks`; one of them: `python -m benchmarks NAME`). Read the
ratios: both sides of each were measured in one run on one machine.
"""


@dataclass(frozen=True)
class Section:
    """One benchmark's table. Cells are text; `note` says how it was measured."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"## {self.title}\n\n{table}\n\n{self.note}".rstrip() + "\n"


def stamp() -> str:
    """Date, machine, how busy it was, and versions, in one line."""
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC; {processor()}, {os.cpu_count()} cores, "
        f"{memory_gb():.0f} GB, {platform.system()}, load average {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {versions}"
    )


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def save(benchmark: str, sections: Sequence[Section], path: Path = RESULTS) -> None:
    """Put the sections into the file, each in the place of its former self; others stay."""
    kept = _sections(path.read_text("utf-8")) if path.exists() else {}
    for section in sections:
        measured = f"`python -m benchmarks {benchmark}`, {stamp()}"
        kept[section.name] = f"{section.markdown()}\n*{measured}*\n"
    bodies = [f"<!-- {name} -->\n{text}" for name, text in kept.items()]
    path.write_text("\n".join([_HEAD, *bodies]), "utf-8")


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^<!-- ([\w-]+) -->\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip("\n") + "\n" for name, body in zip(parts[::2], parts[1::2], strict=True)}


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered) + 0.499999) - 1))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"
