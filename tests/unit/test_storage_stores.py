"""What the stores do beyond their ports: pruning, letters that cannot be read, cleaning text."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from bot.errors import StorageBusy
from bot.types import Address, Delivery, DeliveryState, Event, EventKind, Sender
from storage import migrations
from storage.db import Database, open_database
from storage.inbox.memory import MemoryInbox
from storage.inbox.sql import KEEP_SECONDS, PRUNE_EVERY, SqlInbox
from storage.revisions import HEAD
from storage.text import clean, from_json, to_json
from storage.turns import SqlTurns
from tests.fakes import FakeClock


def event(number: int) -> Event:
    return Event(str(number), EventKind.MESSAGE, Address("t", "b", "c"), Sender("u"))


async def rows(db: Database) -> list[tuple[str, int, str]]:
    found = text("SELECT key, state, payload FROM inbox ORDER BY id")
    return await db.read(lambda c: [(r.key, r.state, r.payload) for r in c.execute(found)])


async def test_done_events_keep_their_key_for_a_week_and_nothing_else(db: Database) -> None:
    clock = FakeClock()
    inbox, turns = SqlInbox(db, clock), SqlTurns(db, clock)
    for number in range(4):
        await inbox.put(event(number))
    await inbox.bury(event(0), "kept")
    for number in (1, 2):
        await inbox.done(event(number))
        await turns.put_delivery(Delivery(f"event:{event(number).key}", 0, DeliveryState.SENT, "m"))
    assert [r for r in await rows(db) if r[1] == 1] == [(event(n).key, 1, "") for n in (1, 2)]
    await clock.advance(KEEP_SECONDS + 1)
    await inbox.put(event(9))
    await SqlInbox(db, clock).done(event(9))
    assert [r[0] for r in await rows(db)] == [event(n).key for n in (0, 3, 9)]
    assert await turns.deliveries(f"event:{event(1).key}") == []
    assert len(await inbox.dead()) == 1


async def test_pruning_goes_on_behind_dead_letters_that_fill_a_batch(db: Database) -> None:
    clock = FakeClock()
    inbox = SqlInbox(db, clock)
    many = text(
        "INSERT INTO inbox (key, state, sender, payload, reason, put_at) VALUES (:key, :state, '', '', '', 0)"
    )
    dead = [{"key": f"dead{n}", "state": 2} for n in range(2 * PRUNE_EVERY)]
    await db.write(lambda c: c.execute(many, [*dead, {"key": "old", "state": 1}]) and None)
    for number in range(PRUNE_EVERY + 1):
        await inbox.done(event(number))
    assert "old" not in {r[0] for r in await rows(db)}


async def test_the_inbox_in_memory_delivers_buries_and_revives() -> None:
    inbox = MemoryInbox()
    assert [await inbox.put(event(n)) for n in (1, 2, 1)] == [True, True, False]
    async with aclosing(inbox.events()) as events:
        assert [await anext(events), await anext(events)] == [event(1), event(2)]
        with pytest.raises(StorageBusy):
            await anext(inbox.events())
        await inbox.done(event(1))
        assert [await inbox.pending(event(n).key) for n in (1, 2)] == [False, True]
        await inbox.bury(event(2), "broken")
        assert not await inbox.pending(event(2).key)
        await inbox.bury(event(1), "late")
        assert await inbox.dead() == [(event(2), "broken")]
        assert not await inbox.revive(event(1).key)
        assert await inbox.revive(event(2).key)
        assert await anext(events) == event(2)
    async with aclosing(inbox.events()) as events:
        assert await anext(events) == event(2)
    assert not await inbox.put(event(1))


async def test_a_letter_that_cannot_be_read_is_buried_and_the_next_one_comes(db: Database) -> None:
    inbox = SqlInbox(db, FakeClock())
    for number in (1, 2):
        await inbox.put(event(number))
    broken = text("UPDATE inbox SET payload = '{' WHERE key = :key")
    await db.write(lambda c: c.execute(broken, {"key": event(1).key}) and None)
    async with aclosing(SqlInbox(db, FakeClock()).events()) as events:
        assert await anext(events) == event(2)
    assert [r[1] for r in await rows(db)] == [2, 0]


@given(st.text(st.characters(exclude_categories=())))
def test_cleaned_text_can_be_stored_and_is_cleaned_once(value: str) -> None:
    cleaned = clean(value)
    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned == clean(cleaned)
    assert from_json(to_json([value, {"k": value}]), list) == [cleaned, {"k": cleaned}]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("a\0b", "ab"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d!", "\ufffd!"),
        ("\\u0000", "\\u0000"),
        ("é字😀", "é字😀"),
    ],
)
def test_cleaning_changes_only_what_no_database_holds(given: str, stored: str) -> None:
    assert clean(given) == stored


async def test_the_revision_by_hand(database_url: str) -> None:
    assert migrations.revision(database_url) is None
    assert migrations.migrate(database_url) == HEAD == migrations.revision(database_url)
    assert migrations.migrate(database_url, "base") is None
    async with open_database(database_url):
        assert migrations.revision(database_url) == HEAD
