"""Who this process is among those that share a database: the same one after a restart."""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)
FILE = "instance"
_NAME = re.compile(rb"[0-9a-f]{16}")


@contextmanager
def instance(home: Path) -> Iterator[str]:
    """A name for this process while the block runs.

    It is kept in `home`, so that the next process there has it too, however this one ends, and what
    it held under this name is its own again. A process that comes while another of this home runs
    has another name, and so has one that cannot write there.
    """
    try:
        descriptor = _open(home)
    except OSError as error:
        log.debug("this process has a name of its own: %s", error)
        yield secrets.token_hex(8)
        return
    try:
        yield _name(descriptor)
    finally:
        os.close(descriptor)


def _open(home: Path) -> int:
    """The file, locked until it is closed. Raises OSError if that cannot be."""
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor)
        _name(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _name(descriptor: int) -> str:
    """What the file says; a new name if it says none."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    stored = os.read(descriptor, 64).strip()
    if not _NAME.fullmatch(stored):
        stored = secrets.token_hex(8).encode()
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, stored)
        os.fsync(descriptor)
    return stored.decode()


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        raise OSError("a file that is locked there cannot be read")
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
