"""What `tertulia export` writes is whole, or is not there."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import StorageError
from bot.upkeep import write_whole


async def text(*pieces: bytes, failure: BaseException | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if failure:
        raise failure


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_it_takes_the_place_of_what_was_there_and_is_the_owners_alone(tmp_path: Path) -> None:
    file, link = tmp_path / "me.json", tmp_path / "link.json"
    file.write_text("old")
    link.symlink_to(file)
    await write_whole(link, text(b"a", b"", b"b"))
    assert file.read_bytes() == b"ab"
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert names(tmp_path) == ["link.json", "me.json"]


@pytest.mark.parametrize("kind", [StorageError, asyncio.CancelledError])
async def test_what_breaks_off_leaves_what_was_there(tmp_path: Path, kind: type[BaseException]) -> None:
    file = tmp_path / "me.json"
    file.write_text("old")
    with pytest.raises(kind):
        await write_whole(file, text(b"new", failure=kind("no")))
    assert file.read_text() == "old"
    assert names(tmp_path) == ["me.json"]


@pytest.mark.parametrize("name", ["", "nowhere/me.json", "n" * 300], ids=["folder", "no folder", "too long"])
async def test_where_nothing_can_be_written_it_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match=str(tmp_path)):
        await write_whole(tmp_path / name, text(b"new"))
    assert names(tmp_path) == []


async def test_a_pipe_takes_it_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = asyncio.create_task(asyncio.to_thread(pipe.read_bytes))
    await asyncio.sleep(0)  # the reader opens it first
    await write_whole(pipe, text(b"a", b"b"))
    assert await reading == b"ab"
