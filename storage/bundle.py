"""A backup that is whole: one tar archive (POSIX.1-2001) with a copy of the database and the files that
people brought, made while it is sent, and put back.

`tertulia.db` comes first, then `files/…`, and `whole.json` last: without it an archive was cut off.
Files are taken after the database, so each that it tells of is there, unless it was deleted meanwhile.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bot.errors import StorageError
from storage.migrations import migrate

DATABASE, FILES, WHOLE = "tertulia.db", "files", "whole.json"
BLOCK = 1 << 20
"""Bytes that are read, and handed on, at once."""
_PART = r"[0-9A-Za-z][0-9A-Za-z._-]*"
_FILE = re.compile(rf"{FILES}/{_PART}/{_PART}")
_UNFINISHED = ".new"
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: how many bytes of the database, and how many files."""

    size: int
    files: int


def pack(database: Path, files: Path) -> Generator[bytes]:
    """The archive, block by block; blocks. Raises StorageError."""
    count = 0
    try:
        yield from _packed(DATABASE, database)
        for name, path in _found(files):
            with suppress(FileNotFoundError):  # deleted meanwhile
                yield from _packed(name, path)
                count += 1
    except OSError as error:
        raise StorageError(f"the backup broke off: {error}") from error
    told = json.dumps({"files": count}).encode()
    yield _head(WHOLE, len(told), 0) + _padded(told) + bytes(2 * tarfile.BLOCKSIZE)


def unpack(archive: Path, home: Path, database: Path) -> Restored:
    """Put a backup, an archive or a database alone, where a service of this home reads it; blocks.

    Nothing is changed if anything is wrong. Raises StorageError: also where there is a database or are
    files already, and StorageVersionError if the backup is of a newer version, or not of ours.
    """
    taken = [p for p in (database, *_beside(database)) if p.exists()]
    taken += [p for p in [home / FILES] if p.is_dir() and any(p.iterdir())]
    if taken:
        raise StorageError(f"{taken[0]} is there already: move it away, or restore into another home")
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix="restore-", dir=home) as place:
            restored = _unpacked(archive, Path(place))
            migrate(f"sqlite:///{Path(place, DATABASE)}")
            _put(Path(place), home, database)
    except tarfile.TarError as error:
        raise StorageError(f"{archive} is no whole backup: {error}") from error
    except OSError as error:
        raise StorageError(f"{error.filename or archive}: {error.strerror or error}") from error
    return restored


def _found(files: Path) -> Iterator[tuple[str, Path]]:
    """What people brought, with its name in the archive; not what is being written."""
    folders = os.scandir(files) if files.is_dir() else ()
    for folder in folders:
        if folder.is_dir(follow_symlinks=False):
            with suppress(FileNotFoundError):
                for entry in os.scandir(folder):
                    name = f"{FILES}/{folder.name}/{entry.name}"
                    if _FILE.fullmatch(name) and not name.endswith(_UNFINISHED):
                        yield name, Path(entry.path)


def _packed(name: str, path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        told = os.fstat(file.fileno())
        yield _head(name, told.st_size, int(told.st_mtime))
        left = told.st_size
        while left:
            block = file.read(min(BLOCK, left))
            if not block:
                raise OSError(f"{path} became shorter")
            left -= len(block)
            yield block if left else _padded(block, told.st_size)


def _head(name: str, size: int, at: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, at, 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


def _padded(block: bytes, size: int | None = None) -> bytes:
    """With zeros up to a whole record; `size` is that of the whole, where this is the end of it."""
    return block + bytes(-(len(block) if size is None else size) % tarfile.BLOCKSIZE)


def _unpacked(archive: Path, place: Path) -> Restored:
    with archive.open("rb") as file:
        if file.read(len(_SQLITE)) == _SQLITE:
            file.seek(0)
            return Restored(_write(file, place / DATABASE), 0)
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r|") as tar:
            return _all_of(tar, place)


def _all_of(tar: tarfile.TarFile, place: Path) -> Restored:
    size, count, whole = -1, 0, -1
    for member in tar:
        content = tar.extractfile(member) if member.isreg() else None
        if content is None or not (member.name in (DATABASE, WHOLE) or _FILE.fullmatch(member.name)):
            raise tarfile.TarError(f"it holds {member.name!r}")
        if member.name == WHOLE:
            whole = _told(content.read(BLOCK))
        elif member.name == DATABASE:
            size = _write(content, place / DATABASE)
        else:
            for folder in (place / FILES, (place / member.name).parent):
                folder.mkdir(exist_ok=True, mode=0o700)
            _write(content, place / member.name)
            count += 1
    if size < 0 or whole != count:
        raise tarfile.TarError("its end, or a part of it, is missing")
    return Restored(size, count)


def _told(text: bytes) -> int:
    """How many files there have to be; -1 if that is not told."""
    try:
        files = json.loads(text)["files"]
    except (ValueError, KeyError, TypeError):
        return -1
    return files if isinstance(files, int) else -1


def _write(content: IO[bytes], path: Path) -> int:
    """Durable on return; how many bytes."""
    with open(path, "xb", opener=_own) as file:
        shutil.copyfileobj(content, file, BLOCK)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def _own(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _put(place: Path, home: Path, database: Path) -> None:
    """The files first: a database without them would be a service that has lost something."""
    if (place / FILES).is_dir():
        with suppress(FileNotFoundError):
            (home / FILES).rmdir()
        (place / FILES).rename(home / FILES)
    database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.move(place / DATABASE, database)


def _beside(database: Path) -> list[Path]:
    return [database.with_name(f"{database.name}{end}") for end in ("-wal", "-shm", "-journal")]
