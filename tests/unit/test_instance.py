"""The name of a process: its own, and the same after a restart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.instance import FILE, instance

KILLED = """
import os, signal, sys
from pathlib import Path
from bot.instance import instance
with instance(Path(sys.argv[1])) as name:
    print(name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_restarted_process_has_its_name_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    names = set()
    for _ in range(3):
        with instance(home) as name:
            names.add(name)
    assert len(names) == 1


def test_a_process_that_was_killed_has_left_its_name(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, check=False)
    assert done.returncode < 0
    with instance(tmp_path) as name:
        assert name == done.stdout.decode().strip()


def test_two_at_once_are_told_apart(tmp_path: Path) -> None:
    with instance(tmp_path) as one, instance(tmp_path) as two, instance(tmp_path / "other") as three:
        assert len({one, two, three}) == 3
    with instance(tmp_path) as again:
        assert again == one


@pytest.mark.parametrize("content", [b"", b"half", b"\xff" * 16, b"0123456789ABCDEF" * 9])
def test_a_damaged_file_is_written_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with instance(tmp_path) as one:
        assert (tmp_path / FILE).read_text() == one
    with instance(tmp_path) as two:
        assert one == two


def test_where_nothing_can_be_written_there_is_a_name_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with instance(tmp_path / "file" / "home") as one, instance(Path(os.devnull)) as two:
        assert one != two
