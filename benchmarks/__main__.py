"""`python -m benchmarks [NAME …] [--quick]`: measure, print, and write RESULTS.md."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.report import save

NAMES = (
    *("latency", "throughput", "telegram", "discord", "history", "console", "memory", "load", "prefix"),
    *("context", "page"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(NAMES)}, profile")
    parser.add_argument("--quick", action="store_true", help="tiny sizes; RESULTS.md is left alone")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - {*NAMES, "profile"}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end with it
    for name in given.names or NAMES:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="tertulia-bench-") as folder:
            sections = import_module(f"benchmarks.{name}").run(Path(folder), quick=given.quick)
        for section in sections:
            print(section.markdown())
        print(f"({name}: {time.monotonic() - began:.0f} s)\n", flush=True)
        if not given.quick and name != "profile":
            save(name, sections)


if __name__ == "__main__":
    main()
