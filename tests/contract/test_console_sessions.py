"""Sessions, the audit log and shares of the console."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.errors import StorageGone
from bot.types import Address, AuditEntry, ConsoleSession, Conversation, Person, Sender, Share, TurnState
from storage.db import Database
from tests.contract.conftest import Stores, an_event, open_stores
from tests.contract.test_console import DAY, HOUR, a_session, alive, an_account
from tests.fakes import FakeClock
from tests.fakes_people import whole


async def test_a_session_shows_its_account_as_it_is_now(stores: Stores) -> None:
    ann = await an_account(stores)
    await stores.clock.advance(3)
    now = stores.clock.time()
    token = await stores.accounts.open_session(ann.id, seconds=DAY, client="::1\0", agent="\ud800 Firefox")
    assert len(token) >= 43
    found = await stores.restarted().accounts.session(token, idle=HOUR)
    assert found is not None
    seen = replace(ann, seen_at=now)
    assert found == ConsoleSession(found.id, seen, now, now, now + DAY, "::1", "\ufffd Firefox")
    assert found.id not in token
    await stores.accounts.set_password(ann.id, "hash")
    anew = await stores.accounts.update(ann.id, name="Anna")
    assert await alive(stores, token) == replace(found, account=anew)
    assert await stores.accounts.get(ann.id) == replace(seen, name="Anna", has_password=True)


async def test_a_session_is_marked_as_seen_at_most_once_a_minute(stores: Stores) -> None:
    ann = await an_account(stores)
    token = await a_session(stores, ann)
    start = stores.clock.time()
    for seconds, seen in ((59.5, 0.0), (0.5, 60.0), (59.0, 60.0), (2.0, 121.0)):
        await stores.clock.advance(seconds)
        found = await alive(stores, token)
        assert found is not None
        assert (found.seen_at, found.account.seen_at) == (start + seen, start + seen)
        assert await stores.accounts.sessions(ann.id) == [found]
        assert await stores.accounts.get(ann.id) == found.account


async def test_a_session_ends_at_its_time_and_when_it_was_idle_too_long(stores: Stores) -> None:
    ann = await an_account(stores)
    short, idle = await a_session(stores, ann, 2 * HOUR), await a_session(stores, ann)
    used = await a_session(stores, ann)
    await stores.clock.advance(HOUR - 1)
    assert await stores.accounts.session(used, idle=HOUR) is not None
    await stores.clock.advance(1)
    assert await stores.accounts.session(idle, idle=HOUR) is None
    assert await stores.accounts.session(used, idle=HOUR) is not None
    assert len(await stores.accounts.sessions(ann.id)) == 3
    await stores.clock.advance(HOUR)
    assert await alive(stores, short) is None
    assert len(await stores.accounts.sessions(ann.id)) == 2


async def test_sessions_are_listed_and_ended_by_their_owner_alone(stores: Stores) -> None:
    ann, bob = await an_account(stores), await an_account(stores, "Bob")
    tokens = []
    for _ in range(3):
        tokens.append(await a_session(stores, ann))
        await stores.clock.advance(100)
    await alive(stores, tokens[1])
    bobs = await a_session(stores, bob)
    first, second, third = [await alive(stores, token) for token in tokens]
    assert first and second and third  # noqa: PT018
    await stores.clock.advance(100)
    await alive(stores, tokens[0])
    listed = [s.id for s in await stores.accounts.sessions(ann.id)]
    assert listed == [first.id, third.id, second.id]
    assert not await stores.accounts.end_session(bob.id, second.id)
    assert await stores.accounts.end_session(ann.id, second.id)
    assert not await stores.accounts.end_session(ann.id, second.id)
    assert await alive(stores, tokens[1]) is None
    assert await stores.accounts.end_sessions(ann.id, but=third.id) == 1
    assert [s.id for s in await stores.accounts.sessions(ann.id)] == [third.id]
    assert await stores.accounts.end_sessions(ann.id) == 1
    assert await stores.accounts.end_sessions(ann.id) == 0
    assert await alive(stores, bobs) is not None


async def test_a_session_that_has_ended_cannot_be_ended(stores: Stores) -> None:
    ann = await an_account(stores)
    await a_session(stores, ann, 10)
    [found] = await stores.accounts.sessions(ann.id)
    await stores.clock.advance(10)
    assert await stores.accounts.sessions(ann.id) == []
    assert not await stores.accounts.end_session(ann.id, found.id)
    assert await stores.accounts.end_sessions(ann.id) == 0


async def test_a_session_that_is_used_while_its_account_changes_never_blocks_it(stores: Stores) -> None:
    ann = await an_account(stores)
    for round in range(10):
        token = await a_session(stores, ann)
        await stores.clock.advance(61)
        await asyncio.gather(
            *[alive(stores, token) for _ in range(3)],
            stores.accounts.update(ann.id, disabled=True),
            stores.accounts.end_sessions(ann.id),
        )
        assert await alive(stores, token) is None, round
        await stores.accounts.update(ann.id, disabled=False)


async def test_the_audit_log_is_read_backwards_page_by_page(stores: Stores) -> None:
    start = stores.clock.time()
    for number in range(5):
        await stores.audit.put("ab"[number % 2], f"Name {number}", "person.read", f"t{number}", "d\0\ud800")
        await stores.clock.advance(1)
    found = await stores.restarted().audit.listing()
    assert [e.target for e in found] == ["t4", "t3", "t2", "t1", "t0"]
    assert found[-1] == AuditEntry(found[-1].id, start, "a", "Name 0", "person.read", "t0", "d\ufffd")
    assert found[0].at == start + 4
    assert await stores.audit.listing(limit=2) == found[:2]
    assert await stores.audit.listing(limit=2, before=(found[1].at, found[1].id)) == found[2:4]
    assert await stores.audit.listing(before=(found[-1].at, found[-1].id)) == []


async def test_an_entry_stays_as_it_was_when_its_account_is_renamed_or_gone(stores: Stores) -> None:
    ann = await an_account(stores)
    await stores.audit.put(ann.id, ann.name, "login")
    before = await stores.audit.listing()
    await stores.accounts.update(ann.id, name="Anna")
    await stores.accounts.delete(ann.id)
    assert await stores.audit.listing() == before


async def asked(stores: Stores, user: str, chat: str, number: int = 1) -> tuple[Person, Conversation]:
    """Somebody who asked something there."""
    person = await stores.people.admit("test", Sender(user, user.title()))
    event = an_event(number, chat=chat, user=user)
    conversation = await stores.conversations.open(event.address)
    turn = await stores.turns.begin(conversation, event, person_id=person.id)
    await stores.turns.finish(replace(turn, state=TurnState.DONE))
    return person, conversation


async def a_share(stores: Stores, person: Person, conversation: Conversation, seconds: float = HOUR) -> str:
    return await stores.shares.put(
        conversation.id,
        person.id,
        last_turn=3,
        title="canary\0",
        expires_at=stores.clock.time() + seconds,
    )


async def test_a_share_is_found_until_it_expires(stores: Stores) -> None:
    ann, conversation = await asked(stores, "ann", "private")
    start = stores.clock.time()
    token = await a_share(stores, ann, conversation, 10)
    assert len(token) >= 43
    found = await stores.restarted().shares.find(token)
    assert found is not None
    assert found == Share(found.id, conversation.id, ann.id, 3, "canary", start, start + 10)
    await stores.clock.advance(9)
    longer = await a_share(stores, ann, conversation)
    newer = await stores.shares.find(longer)
    assert await stores.shares.listing(ann.id) == [newer, found]
    await stores.clock.advance(1)
    assert await stores.shares.find(token) is None
    assert await stores.shares.listing(ann.id) == [newer]
    assert not await stores.shares.revoke(ann.id, found.id)


async def test_a_share_is_taken_back_by_who_made_it(stores: Stores) -> None:
    ann, conversation = await asked(stores, "ann", "private")
    bob, _ = await asked(stores, "bob", "other", 2)
    token, kept = await a_share(stores, ann, conversation), await a_share(stores, ann, conversation)
    found = await stores.shares.find(token)
    assert found is not None
    assert await stores.shares.listing(bob.id) == []
    assert not await stores.shares.revoke(bob.id, found.id)
    assert await stores.shares.find(token) == found
    assert await stores.shares.revoke(ann.id, found.id)
    assert not await stores.shares.revoke(ann.id, found.id)
    assert await stores.shares.find(token) is None
    assert await stores.shares.find(kept) is not None


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800", "é" * 200])
async def test_a_strange_link_shows_nothing(stores: Stores, token: str) -> None:
    assert await stores.shares.find(token) is None


async def test_only_what_is_there_can_be_shared(stores: Stores) -> None:
    ann, conversation = await asked(stores, "ann", "private")
    with pytest.raises(StorageGone):
        await a_share(stores, replace(ann, id="nobody"), conversation)
    with pytest.raises(StorageGone):
        await a_share(stores, ann, replace(conversation, id=conversation.id + 1000))


async def test_shares_end_with_who_made_them_and_retell_nothing_of_who_is_gone(stores: Stores) -> None:
    ann, private = await asked(stores, "ann", "private")
    _, group = await asked(stores, "ann", "group", 2)
    bob, _ = await asked(stores, "bob", "group", 3)
    own, shared = await a_share(stores, ann, private), await a_share(stores, ann, group)
    bobs = await a_share(stores, bob, group)
    exported = (await whole(stores.people.export(ann.id)))["shares"]
    assert len(exported) == 2
    assert [s["title"] for s in exported if s["conversation_id"] == private.id] == ["canary"]
    assert [s["title"] for s in exported if s["conversation_id"] == group.id] == [""]
    await stores.people.delete(ann.id)
    assert await stores.shares.find(own) is None
    assert await stores.shares.find(shared) is None
    assert (await stores.people.stored(ann.id))["shares"] == 0
    found = await stores.shares.find(bobs)
    assert found is not None
    assert (found.person_id, found.title) == (bob.id, "")


async def test_shares_end_with_their_conversation(stores: Stores) -> None:
    ann, old = await asked(stores, "ann", "old")
    empty = await stores.conversations.open(Address("test", "bot", "new"))
    token, kept = await a_share(stores, ann, empty), await a_share(stores, ann, old)
    await stores.conversations.move(old.address, empty.address)
    assert await stores.conversations.get(empty.id) is None
    assert await stores.shares.find(token) is None
    assert [s.conversation_id for s in await stores.shares.listing(ann.id)] == [old.id]
    assert await stores.shares.find(kept) is not None


async def test_shares_follow_a_person_whose_accounts_are_linked(stores: Stores) -> None:
    ann, conversation = await asked(stores, "ann", "private")
    token = await a_share(stores, ann, conversation)
    keeper = await stores.people.admit("chat", Sender("9", "Anna"))
    code = await stores.people.link(keeper.id, expires_at=stores.clock.time() + HOUR)
    await stores.people.redeem("test", Sender("ann", "Ann"), code)
    assert await stores.people.get(ann.id) is None
    found = await stores.shares.find(token)
    assert found is not None
    assert found.person_id == keeper.id
    assert await stores.shares.listing(keeper.id) == [found]


async def test_a_share_made_while_its_person_is_deleted_does_not_outlive_them(stores: Stores) -> None:
    for number in range(1, 6):
        ann, conversation = await asked(stores, "ann", "private", number)
        made, _ = await asyncio.gather(
            a_share(stores, ann, conversation), stores.people.delete(ann.id), return_exceptions=True
        )
        assert isinstance(made, StorageGone) or await stores.shares.find(str(made)) is None


async def test_expired_rows_go_when_the_next_is_written(db: Database) -> None:
    stores = open_stores(db, FakeClock())

    async def rows() -> list[int]:
        tables = ("console_token", "console_session", "share")
        counts = [f"SELECT count(*) FROM {table}" for table in tables]
        return await db.read(lambda c: [c.exec_driver_sql(sql).scalar_one() for sql in counts])

    ann = await an_account(stores)
    person, conversation = await asked(stores, "ann", "private")
    for _ in range(3):
        await stores.accounts.again(ann.id, seconds=10)
        await a_session(stores, ann, 10)
        token = await a_share(stores, person, conversation, 10)
        assert token not in await db.read(lambda c: str(c.exec_driver_sql("SELECT * FROM share").all()))
        assert await rows() == [1, 1, 1]
        await stores.clock.advance(10)
