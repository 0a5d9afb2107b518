"""A backup is one file that Tertulia opens, with all of a single moment in it."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.errors import StorageError
from bot.types import Address, Event, EventKind, Message, Part, Passage, Role, Sender, TurnState
from storage.backup import NAME, SqlBackup, copy_to
from storage.console.personas import SqlPersonas
from storage.conversations import SqlConversations
from storage.db import Database, open_database
from storage.keyvalue import SqlKeyValue
from storage.people import SqlPeople
from storage.search import SqlSearch
from storage.turns import SqlTurns
from tests.fakes import FakeClock

ADDRESS = Address("test", "bot", "chat")


async def fill(db: Database) -> None:
    """Something of each kind."""
    clock = FakeClock()
    person = await SqlPeople(db, clock).admit("test", Sender("ann", "Änn 字"))
    conversation = await SqlConversations(db, clock).open(ADDRESS)
    turns = SqlTurns(db, clock)
    event = Event("1", EventKind.MESSAGE, ADDRESS, Sender("ann"), parts=(Part(text="hello"),))
    turn = await turns.begin(conversation, event, person_id=person.id)
    await turns.finish(
        replace(turn, state=TurnState.DONE),
        [Message(Role.USER, "hello"), Message(Role.ASSISTANT, "salut, 世界")],
    )
    await SqlSearch(db).put(
        "docs", "a.md", [Passage("p1", "The lighthouse keeper", "a.md")], title="A", digest="d"
    )
    await SqlKeyValue(db).put("p", "s", "k", {"x": [1, None, True]})
    await SqlPersonas(db, clock).put("poet", prompt="Oh", model="", sampling={}, note="", by="")


async def content(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables that both databases have."""
    names = (
        "person", "identity", "conversation", "turn", "message", "documents", "plugin_kv", "persona_version"
    )  # fmt: skip
    return await db.read(
        lambda c: {
            name: sorted((tuple(row) for row in c.execute(text(f"SELECT * FROM {name}"))), key=repr)
            for name in names
        }
    )


async def test_the_copy_is_a_database_of_tertulias_with_the_same_in_it(db: Database, tmp_path: Path) -> None:
    await fill(db)
    expected = await content(db)
    async with SqlBackup(db, tmp_path / "room", tmp_path / "files").copy() as path:
        assert [p.name for p in path.parent.iterdir()] == [NAME]
        assert path.stat().st_mode & 0o777 == 0o600
        kept = tmp_path / "kept.db"
        await asyncio.to_thread(kept.write_bytes, path.read_bytes())
    assert list((tmp_path / "room").iterdir()) == []
    async with open_database(f"sqlite:///{kept}") as copy:
        assert await content(copy) == expected
        clock = FakeClock()
        [found] = await SqlSearch(copy).search("lighthouse", collections=["docs"])
        assert found.id == "p1"
        conversation = await SqlConversations(copy, clock).find(ADDRESS)
        assert conversation is not None
        history = await SqlConversations(copy, clock).history(conversation.id, first_turn=1)
        assert [m.text for m in history] == ["hello", "salut, 世界"]
        assert await SqlKeyValue(copy).get("p", "s", "k") == {"x": [1, None, True]}
        said = await copy.read(
            lambda c: c.execute(text("SELECT count(*) FROM said_fts WHERE said_fts MATCH 'salut'")).scalar()
        )
        assert said == 1
        await SqlConversations(copy, clock).open(Address("test", "bot", "another"))
    with sqlite3.connect(kept) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    raw.close()


async def test_writers_go_on_and_the_copy_is_of_one_moment(db: Database, tmp_path: Path) -> None:
    values = SqlKeyValue(db)
    for n in range(300):
        await values.put("p", "a", str(n), "x" * 20_000)
    looked = asyncio.Event()
    loop, wrote = asyncio.get_running_loop(), asyncio.Event()

    def look() -> None:
        """While it copies, one value is written to two places."""
        if not looked.is_set():
            loop.call_soon_threadsafe(looked.set)
            asyncio.run_coroutine_threadsafe(wrote.wait(), loop).result(30)

    copying = asyncio.create_task(copy_to(db, tmp_path / "copy.db", look))
    await looked.wait()
    await values.put("p", "a", "late", 1)
    await values.put("p", "z", "late", 1)
    wrote.set()
    await copying
    async with open_database(f"sqlite:///{tmp_path / 'copy.db'}") as copy:
        there = SqlKeyValue(copy)
        assert len(await there.items("p", "a")) == 300
        assert await there.items("p", "z") == {}
    assert await values.get("p", "z", "late") == 1


async def test_a_copy_that_nobody_waits_for_leaves_nothing(db: Database, tmp_path: Path) -> None:
    for n in range(50):
        await SqlKeyValue(db).put("p", "a", str(n), "x" * 20_000)

    async def wait() -> None:
        async with SqlBackup(db, tmp_path / "room", tmp_path / "files").copy():
            raise AssertionError("it was cancelled before")

    waiting = asyncio.create_task(wait())
    while not list((tmp_path / "room").glob("*/*")) and not waiting.done():
        await asyncio.to_thread(lambda: None)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert list((tmp_path / "room").iterdir()) == []


async def test_what_a_killed_process_left_is_cleared_and_a_copy_under_way_is_not(
    db: Database, tmp_path: Path
) -> None:
    backup, left = SqlBackup(db, tmp_path / "room", tmp_path / "files"), tmp_path / "room" / "backup-left"
    await backup.clear()
    async with SqlBackup(db, tmp_path / "room", tmp_path / "files").copy() as path:
        left.mkdir()
        (left / NAME).write_bytes(b"half")
        (tmp_path / "room" / "mine").write_bytes(b"not a copy")
        await backup.clear()
        assert path.stat().st_size
        assert not left.exists()
    assert [p.name for p in (tmp_path / "room").iterdir()] == ["mine"]


async def test_the_size_is_about_that_of_the_copy(db: Database, tmp_path: Path) -> None:
    await fill(db)
    backup = SqlBackup(db, tmp_path / "room", tmp_path / "files")
    assert await backup.size() > 100_000
    if db.dialect == "sqlite":
        async with backup.copy() as path:
            assert path.stat().st_size == await backup.size()


async def test_where_there_is_no_room_the_error_says_so(db: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="file"):
        async with SqlBackup(db, tmp_path / "file" / "room", tmp_path / "files").copy():
            pass
