"""`tertulia run` where its database cannot be had, and where the disk fails it in mid-service."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.adapters.web_core import ask, browser_like, text_of
from tests.conftest import require
from tests.e2e.running import Ended, service, tertulia
from tests.simulators.openai import Behaviour, Server

UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
"""Runs root without the right to pass over the modes of files."""


async def refused(home: Path, *, before: Sequence[str] = (), **settings: str) -> Ended:
    """What `tertulia run` says that cannot start."""
    ended = await tertulia(home, "run", "--port", "0", before=before, **settings)
    assert ended.code == 1
    assert ended.out == ""
    assert ended.err.startswith("tertulia: ")
    assert "Traceback" not in ended.err
    return ended


async def made(home: Path) -> Path:
    """The database of a home in which somebody asked something."""
    ended = await tertulia(home, "ask", "Hello?")
    assert ended.code == 0, ended.err
    return home / "tertulia.db"


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "tertulia.db").write_text("My diary. " * 100)
    assert "is no SQLite database" in (await refused(home)).err
    assert (home / "tertulia.db").read_text() == "My diary. " * 100
    assert [p.name for p in home.iterdir()] == ["tertulia.db"]


async def test_a_newer_database_is_left_as_it_is(tmp_path: Path) -> None:
    database = await made(tmp_path / "home")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")
    assert "newer" in (await refused(tmp_path / "home")).err
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone()[0].startswith("9999")
        assert connection.execute("SELECT count(*) FROM turn").fetchone()[0] == 1


async def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = await refused(tmp_path / "home", database_url=f"sqlite:///{tmp_path}/file/tertulia.db")
    assert f"{tmp_path}/file" in ended.err


async def test_a_home_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    await made(home)
    with read_only(home):
        ended = await refused(home, before=UNPRIVILEGED if os.getuid() == 0 else ())
    assert "write access" in ended.err
    assert (await tertulia(home, "ask", "Again?")).code == 0


async def test_a_locked_database_is_said_to_be_locked(tmp_path: Path) -> None:
    database = await made(tmp_path / "home")
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert "locked by another process" in (await refused(tmp_path / "home")).err


async def test_a_database_that_is_locked_for_a_while_delays_an_answer_and_loses_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with (
        Server(Behaviour(text="A whole answer.", interval=0.3)).lifespan() as model,
        service(home, model_url=model.url) as running,
        browser_like(running.url) as client,
    ):
        client.timeout = httpx.Timeout(60)
        asking = asyncio.create_task(ask(client, "Hello?"))
        await model.asked.wait()
        with closing(sqlite3.connect(home / "tertulia.db", isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            await running.logged("locked by another process")
            assert not asking.done()
        told = await asyncio.wait_for(asking, 30)
    assert text_of(told) == "A whole answer."
    assert [name for name, _ in told].count("done") == 1


async def test_a_full_disk_refuses_what_it_cannot_keep_and_recovers(small_disk: Path) -> None:
    home = small_disk / "home"
    async with (
        Server(Behaviour(text="A whole answer.")).lifespan() as model,
        service(home, model_url=model.url) as running,
        browser_like(running.url) as client,
    ):
        assert text_of(await ask(client, "Before?")) == "A whole answer."
        fill(small_disk / "ballast")
        full = await client.post("/api/v1/chat", json={"text": "x" * 80_000})
        assert full.status_code == 503
        assert "cannot be used just now" in full.json()["message"]
        await running.logged("disk is full")
        (small_disk / "ballast").unlink()
        assert text_of(await ask(client, "After?")) == "A whole answer."
        listed = (await client.get("/api/v1/conversations")).json()["conversations"]
    assert len(listed) == 2


async def test_a_disk_that_is_full_from_the_start_is_said_to_be_full(small_disk: Path) -> None:
    fill(small_disk / "ballast")
    assert "disk is full" in (await refused(small_disk / "home")).err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if mounted.returncode:
        require(f"a file system cannot be mounted: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    paths = [folder, *folder.iterdir()]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(0o700 if path.is_dir() else 0o600)
