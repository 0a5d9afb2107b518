"""The database door: group commit, isolation of failures, cancellation, foreign files, crashes."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import OperationalError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from bot.errors import StorageBusy, StorageError, StorageFull, StorageVersionError
from storage import sqlite
from storage.db import Database, open_database
from storage.failures import explain

INSERT = text("INSERT INTO plugin_kv (scope, plugin, key, value) VALUES ('s', 'p', :key, 'v')")
COUNT = text("SELECT count(*) FROM plugin_kv")


def insert(key: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(INSERT, {"key": key})
        return key

    return work


def fail(connection: Connection) -> None:
    connection.execute(INSERT, {"key": "never"})
    raise LookupError("a mistake of the caller")


async def count(db: Database) -> int:
    return int(await db.read(lambda c: c.execute(COUNT).scalar_one()))


async def test_one_failing_write_leaves_the_others_of_its_batch_whole(db: Database) -> None:
    writes = [insert("a"), insert("b"), insert("a"), fail, insert("c")]
    results = await asyncio.gather(*map(db.write, writes), return_exceptions=True)
    assert len([r for r in results if isinstance(r, str)]) == 3
    assert [type(r) for r in results if isinstance(r, Exception)] == [StorageError, LookupError]
    assert await count(db) == 3


async def test_a_failing_write_alone_writes_nothing(db: Database) -> None:
    with pytest.raises(LookupError):
        await db.write(fail)
    assert await count(db) == 0
    await db.write(insert("a"))


async def test_waiting_writes_share_commits_on_sqlite(sqlite_db: Database) -> None:
    begun: list[str] = []
    gate = asyncio.Event()

    def first(connection: Connection) -> None:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None)

    loop = asyncio.get_running_loop()
    slow = asyncio.create_task(sqlite_db.write(first))
    writes = [asyncio.create_task(sqlite_db.write(insert(str(n)))) for n in range(sqlite.BATCH)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(slow, *writes)
    assert 1 <= len(begun) <= 2
    assert await count(sqlite_db) == sqlite.BATCH


async def test_a_cancelled_writer_breaks_nothing_and_its_commit_is_told(db: Database) -> None:
    told: list[str] = []
    tasks = [asyncio.create_task(db.write(insert(str(n)), told.append)) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(r, asyncio.CancelledError) for r in results) == 10
    await db.write(insert("last"), told.append)
    stored = await db.read(lambda c: set(c.execute(text("SELECT key FROM plugin_kv")).scalars()))
    assert set(told) <= stored
    assert {r for r in results if isinstance(r, str)} <= stored


async def test_all_that_was_handed_in_is_done_before_closing(database_url: str) -> None:
    async with open_database(database_url) as db:
        tasks = [asyncio.create_task(db.write(insert(str(n)))) for n in range(50)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*tasks) == [str(n) for n in range(50)]
    with pytest.raises(StorageError, match="not open"):
        await db.read(lambda c: c.execute(COUNT))
    async with open_database(database_url) as again:
        assert await count(again) == 50
        await again.check()


async def test_readers_cannot_write_on_sqlite(sqlite_db: Database) -> None:
    with pytest.raises(StorageError):
        await sqlite_db.read(insert("a"))
    assert await count(sqlite_db) == 0


async def test_one_process_holds_a_name_and_frees_it(db: Database) -> None:
    async with open_database(db.url) as other:
        async with db.exclusive("inbox"), other.exclusive("other"):
            with pytest.raises(StorageBusy, match="another Tertulia"):
                async with other.exclusive("inbox"):
                    pass
        async with other.exclusive("inbox"):
            pass


@pytest.mark.parametrize("url", ["", "mysql://u:secret@h/d", "sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_url_of_no_kind_we_know_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(StorageError, match="sqlite:///FILE") as caught:
        Database(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://ann:secret@[::1/d", "postgresql://ann:secret@h:x/d"])
async def test_a_url_that_cannot_be_read_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(StorageError, match="TERTULIA_DATABASE_URL") as caught:
        async with open_database(url):
            pass
    assert "secret" not in str(caught.value)


async def refused(url: str, kind: type[StorageError], match: str) -> None:
    with pytest.raises(kind, match=match):
        async with open_database(url):
            pass


async def test_a_file_that_is_no_database_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"my notes\n" * 1000)
    await refused(f"sqlite:///{path}", StorageVersionError, "no SQLite database")
    assert path.read_bytes() == b"my notes\n" * 1000
    assert os.listdir(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize("mode", ["delete", "wal"])
async def test_a_database_of_another_program_stays_as_it_is(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA journal_mode={mode}")
        other.execute("CREATE TABLE person (mine)")
    other.close()
    before = path.read_bytes()
    await refused(f"sqlite:///{path}", StorageVersionError, "another program")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["other.db"]


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 20_000)


async def test_a_damaged_file_says_so(sqlite_url: str) -> None:
    async with open_database(sqlite_url):
        pass
    damage(Path(sqlite_url.removeprefix("sqlite:///")))
    await refused(sqlite_url, StorageError, "damaged|no SQLite database")


async def test_a_newer_database_is_refused_and_left(database_url: str) -> None:
    async with open_database(database_url) as db:
        await db.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    await refused(database_url, StorageVersionError, "newer Tertulia")


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    await refused(f"sqlite:///{tmp_path}", StorageError, "TERTULIA_DATABASE_URL")


async def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StorageError, match="does not answer") as caught:
        async with open_database("postgresql://u:secret@127.0.0.1:1/none"):
            pass
    assert "secret" not in str(caught.value)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("before", "after", "advice"),
    [
        ("/tertulia_test", "/no_such", "the PostgreSQL database does not exist; create it with `createdb`"),
        ("//postgres@", "//no_such_role:secret@", "PostgreSQL does not let this user in; create it"),
        (
            "127.0.0.1",
            "no-such-host.invalid",
            "does not answer, or broke off .*no-such-host.*; start it, or correct",
        ),
    ],
)
async def test_what_a_running_server_refuses_is_told_apart(
    postgres_server_database: str, before: str, after: str, advice: str
) -> None:
    with pytest.raises(StorageError, match=advice) as caught:
        async with open_database(postgres_server_database.replace(before, after)):
            pass
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "kind", "advice"),
    [
        ('FATAL:  password authentication failed for user "ann"', StorageError, "refuses the password"),
        ("fe_sendauth: no password supplied", StorageError, "refuses the password"),
        ('FATAL:  Peer authentication failed for user "ann"', StorageError, "does not let this user in"),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4"', StorageError, "does not let this user in"),
        ("FATAL:  sorry, too many clients already", StorageBusy, "no connection left"),
        ("FATAL:  the database system is starting up", StorageBusy, "starting up or shutting down"),
        ("FATAL:  nobody foresaw this", StorageError, "broke off .FATAL:  nobody foresaw this.; start it"),
    ],
)
def test_why_a_server_does_not_let_in_is_read_from_its_words(
    said: str, kind: type[StorageError], advice: str
) -> None:
    where = 'connection failed: connection to server at "10.0.0.1", port 5432 failed: '
    told = explain(DBAPIError("", {}, OperationalError(where + said)))
    assert type(told) is kind
    assert re.search(advice, str(told))


async def test_a_locked_database_is_busy_and_works_again_when_freed(sqlite_db: Database) -> None:
    path = sqlite_db.url.removeprefix("sqlite:///")
    await sqlite_db.write(lambda c: c.execute(text("PRAGMA busy_timeout=50")) and None)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(sqlite_db.write(insert(str(n))) for n in range(10)), return_exceptions=True
        )
        assert {type(r) for r in results} == {StorageBusy}
        other.execute("ROLLBACK")
    other.close()
    await sqlite_db.write(insert("after"))
    assert await count(sqlite_db) == 1


async def test_a_full_disk_is_told_and_what_was_stored_stays(sqlite_db: Database) -> None:
    await sqlite_db.write(insert("before"))
    pages = await sqlite_db.read(lambda c: c.execute(text("PRAGMA page_count")).scalar_one())
    await sqlite_db.write(lambda c: c.execute(text(f"PRAGMA max_page_count={pages}")) and None)
    big = text("INSERT INTO plugin_kv (scope, plugin, key, value) VALUES ('s', 'p', :key, :value)")

    def grow(key: str) -> Callable[[Connection], None]:
        def store(connection: Connection) -> None:
            connection.execute(big, {"key": key, "value": "x" * 100_000})

        return store

    results = await asyncio.gather(*(sqlite_db.write(grow(str(n))) for n in range(5)), return_exceptions=True)
    assert {type(r) for r in results} == {StorageFull}
    assert await count(sqlite_db) == 1


def test_an_error_of_the_caller_is_not_explained_away() -> None:
    error = KeyError("mine")
    assert explain(error) is error


WRITER = """
import asyncio, sys
from sqlalchemy import text
from storage.db import open_database
INSERT = text("INSERT INTO plugin_kv (scope, plugin, key, value) VALUES ('s', 'p', :key, 'v')")
async def main(url, start):
    async with open_database(url) as db:
        async def one(lane):
            for n in range(100000):
                key = f"{start}-{lane}-{n}"
                await db.write(lambda c: c.execute(INSERT, {"key": key}) and None)
                sys.stdout.write(key + "\\n"); sys.stdout.flush()
        await asyncio.gather(*(one(lane) for lane in range(8)))
asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


async def test_all_that_was_acknowledged_survives_kill_9(sqlite_url: str) -> None:
    random_source = random.Random(7)
    acknowledged: set[str] = set()
    for round_number in range(10):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, sqlite_url, str(round_number), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(random_source.randint(1, 400)):
            acknowledged.add((await process.stdout.readline()).decode().strip())
        process.send_signal(signal.SIGKILL)
        rest = (await process.stdout.read()).decode()
        acknowledged.update(line for line in rest.split("\n")[:-1])
        await process.wait()
    async with open_database(sqlite_url) as db:
        stored = await db.read(lambda c: set(c.execute(text("SELECT key FROM plugin_kv")).scalars()))
        check = await db.read(lambda c: c.execute(text("PRAGMA integrity_check")).scalar())
    assert acknowledged - {""} <= stored
    assert len(acknowledged) > 1000
    assert check == "ok"


async def test_after_closing_all_is_in_the_one_file_which_only_its_owner_reads(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_database(sqlite_url) as db:
        await db.write(insert("a"))
    path = sqlite_url.removeprefix("sqlite:///")
    copied = shutil.copy(path, tmp_path / "copy.db")
    assert os.stat(path).st_mode & 0o777 == 0o600
    async with open_database(f"sqlite:///{copied}") as again:
        assert await count(again) == 1
