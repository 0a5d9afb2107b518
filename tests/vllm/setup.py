"""Makes `.venv-vllm`: the CPU vLLM and `transformers serve` that the tests talk to.

`python -m tests.vllm.setup` needs nothing but Python 3.11+ with pip. A second call finds the stamp
and costs a moment. They live apart from `.venv` because they pin hundreds of versions of their own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-vllm"
LOCK = ROOT / "requirements-vllm.lock"
STAMP = FOLDER / "stamp"
PYTHON = FOLDER / "bin" / "python"


def digest() -> str:
    """Changes when what is installed would change."""
    return hashlib.sha256(LOCK.read_bytes() + bytes(sys.version_info[:2])).hexdigest()


def ready() -> bool:
    return STAMP.exists() and STAMP.read_text() == digest()


def pip(*arguments: str | Path) -> None:
    subprocess.run(
        [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments],
        check=True,
        env=os.environ | {"PIP_REQUIRE_VIRTUALENV": "1"},
    )


def main() -> None:
    if ready():
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    venv.create(FOLDER, with_pip=True)
    # torch first and with what its build for this machine needs; then exactly the rest.
    torch = next(line for line in LOCK.read_text().splitlines() if line.startswith("torch=="))
    pip("--constraint", LOCK, torch)
    pip("--no-deps", "--requirement", LOCK)
    STAMP.write_text(digest())


if __name__ == "__main__":
    main()
