"""What was erased is in no file any more: rows, indexes of words, and the log."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
from sqlalchemy import Connection, text

from bot.types import Address, Event, EventKind, Message, Passage, Role, Sender
from storage.conversations import SqlConversations
from storage.db import Database, open_database
from storage.erasure import INDEXES, LATER, RETRY, Eraser
from storage.own import SqlOwnConversations
from storage.people import SqlPeople
from storage.search import SqlSearch
from storage.sqlite import file_of, raw, sqlite_engine
from storage.turns import SqlTurns
from tests.fakes import FakeClock

OTHERS = 60


async def say(db: Database, who: str, number: int, words: str, replaces: str = "") -> tuple[str, int, str]:
    """The person, the conversation and the turn."""
    person = await SqlPeople(db, FakeClock()).admit("test", Sender(who, who))
    home = await SqlConversations(db, FakeClock()).open(Address("test", "bot", who))
    turns = SqlTurns(db, FakeClock())
    event = Event(f"{who} {number}", EventKind.MESSAGE, home.address, Sender(who))
    turn = await turns.begin(home, event, person_id=person.id, replaces=replaces)
    await turns.finish(turn, [Message(Role.USER, words), Message(Role.ASSISTANT, f"common w{number}x")])
    return person.id, home.id, turn.id


def held(url: str, word: str) -> bool:
    """Whether a file of the database has it. An index may leave out letters that the word before
    begins with as well."""
    file = file_of(url)
    found = [path.read_bytes() for path in file.parent.iterdir() if path.name.startswith(file.name)]
    return any(word[2:].encode() in content for content in found)


async def all_is_done(db: Database) -> None:
    """Each write lets the writer do a step."""

    def noted(connection: Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())

    for _ in range(1_000):
        if not await db.write(noted):
            return
    pytest.fail("it is never done")


def merged(connection: Connection) -> None:
    for index in INDEXES:
        connection.execute(text(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')"))
        segments = connection.execute(text(f"SELECT count(DISTINCT segid) FROM {index}_idx")).scalar_one()
        assert segments <= 1


async def test_a_person_and_a_conversation_leave_the_files_while_others_write(sqlite_url: str) -> None:
    async with open_database(sqlite_url) as db:
        people = {}
        for number in range(OTHERS):
            words = {OTHERS // 2: "qzmistral", OTHERS // 3: "kxsirocco"}.get(number, f"other{number}")
            people[words] = await say(db, f"p{number}", number, words)
        await SqlPeople(db, FakeClock()).delete(people["qzmistral"][0])
        await all_is_done(db)
        assert not held(sqlite_url, "qzmistral")
        assert held(sqlite_url, "kxsirocco")
        person, conversation, _ = people["kxsirocco"]
        assert await SqlOwnConversations(db).delete(person, conversation)
        await say(db, "late", OTHERS, "meanwhile")
        await all_is_done(db)
        assert not held(sqlite_url, "kxsirocco")
        for kept in ("meanwhile", "other0", f"other{OTHERS - 1}"):
            assert held(sqlite_url, kept)


async def test_what_a_replaced_turn_said_is_gone_when_the_database_is_closed(sqlite_url: str) -> None:
    async with open_database(sqlite_url) as db:
        turn = ""
        for number, words in enumerate(("qzmistral", "kxsirocco", "tramontana")):
            _, _, turn = await say(db, "ann", number, words, replaces=turn)
        assert await db.read(lambda c: c.exec_driver_sql("PRAGMA user_version").scalar_one()) > 0
    assert not held(sqlite_url, "qzmistral")
    assert not held(sqlite_url, "kxsirocco")
    assert held(sqlite_url, "tramontana")
    async with open_database(sqlite_url) as db:
        await db.write(merged)


async def test_a_document_that_is_replaced_or_removed_is_gone_too(sqlite_url: str) -> None:
    async with open_database(sqlite_url) as db:
        search = SqlSearch(db)
        for name, words in (("a", "qzmistral"), ("b", "kxsirocco"), ("b", "poniente"), ("c", "levante")):
            passage = Passage(name, words, name, f"title of {words}")
            await search.put("c", name, [passage], title=words, digest=words)
        assert await search.remove("c", "a")
    assert not held(sqlite_url, "qzmistral")
    assert not held(sqlite_url, "kxsirocco")
    assert held(sqlite_url, "poniente")
    assert held(sqlite_url, "levante")


@pytest.fixture
async def driver(sqlite_url: str) -> AsyncIterator[sqlite3.Connection]:
    async with open_database(sqlite_url):
        pass
    with sqlite_engine(file_of(sqlite_url)).connect() as connection:
        yield raw(connection)


def note(driver: sqlite3.Connection, value: int) -> None:
    driver.execute(f"PRAGMA user_version={value}")


def noted(driver: sqlite3.Connection) -> int:
    return int(driver.execute("PRAGMA user_version").fetchone()[0])


def finished(eraser: Eraser) -> bool:
    while eraser.wait() == 0:
        eraser.step()
    return eraser.wait() is None


async def test_what_is_not_urgent_waits_and_what_is_does_not(driver: sqlite3.Connection) -> None:
    clock = FakeClock()
    eraser = Eraser(driver, clock.monotonic)
    assert finished(eraser)
    note(driver, 2)
    eraser.step()
    assert eraser.wait() == LATER
    await clock.advance(LATER / 2)
    note(driver, 4)
    eraser.step()
    assert eraser.wait() == LATER / 2
    note(driver, 7)
    eraser.step()
    assert finished(eraser)
    assert noted(driver) == 0


def test_what_a_crash_cut_short_is_done_at_the_next_start(driver: sqlite3.Connection) -> None:
    note(driver, 2)
    assert finished(Eraser(driver, FakeClock().monotonic))
    assert noted(driver) == 0


async def test_somebody_who_reads_is_not_waited_for(driver: sqlite3.Connection, sqlite_url: str) -> None:
    clock = FakeClock()
    with closing(sqlite3.connect(file_of(sqlite_url), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM turn").fetchone()
        note(driver, 3)
        eraser = Eraser(driver, clock.monotonic)
        assert not finished(eraser)
        assert (eraser.wait(), noted(driver)) == (RETRY, 3)
    await clock.advance(RETRY)
    assert finished(eraser)


async def test_a_database_that_fails_is_tried_again(
    driver: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    note(driver, 3)
    driver.execute("PRAGMA query_only=ON")
    eraser = Eraser(driver, clock.monotonic)
    eraser.finish()
    assert eraser.wait() == RETRY
    assert "tried again" in caplog.text
    driver.execute("PRAGMA query_only=OFF")
    await clock.advance(RETRY)
    assert finished(eraser)
