"""The console's lists and those of shares are read page by page, whatever is in their keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest

from tests.contract.conftest import Stores
from tests.contract.test_console import VIEWER, a_key, a_session, alive, an_account
from tests.contract.test_console_sessions import a_share, asked

T = TypeVar("T")
K = TypeVar("K")
STRANGE = ("", "\0", "\ud800", "é' OR 1=1 --", "\U0010ffff")


async def pages(read: Callable[[K | None], Awaitable[Sequence[T]]], key: Callable[[T], K]) -> list[list[T]]:
    """All pages, each from the key of the last row of the one before."""
    found: list[list[T]] = []
    after: K | None = None
    while page := await read(after):
        found.append(list(page))
        after = key(page[-1])
    return found


async def test_accounts_page_by_name_whatever_its_case(stores: Stores) -> None:
    for name in ("éva", "Zoë", "bob", "Ann", "王"):
        await an_account(stores, name)
    listing = stores.accounts.listing
    found = await pages(lambda after: listing(limit=2, after=after or ""), lambda a: a.name)
    assert [[a.name for a in page] for page in found] == [["Ann", "bob"], ["Zoë", "éva"], ["王"]]
    assert [a.name for a in await listing(limit=1, after="ＡＮＮ")] == ["bob"]
    assert [a.name for a in await listing(after="carl")] == ["Zoë", "éva", "王"]
    assert await listing(limit=0) == []
    for after in STRANGE:
        await listing(after=after)


async def test_a_page_goes_on_where_it_ended_though_the_last_account_seen_is_gone(stores: Stores) -> None:
    known = [await an_account(stores, name) for name in ("a", "b", "c", "d")]
    await stores.accounts.delete(known[1].id)
    await an_account(stores, "aa")
    assert [a.name for a in await stores.accounts.listing(limit=2, after="b")] == ["c", "d"]


async def test_names_of_accounts_are_told_for_those_that_there_are(stores: Stores) -> None:
    ann, bob = await an_account(stores), await an_account(stores, "Bob", VIEWER)
    await an_account(stores, "Cid")
    names = stores.accounts.names
    assert await names([ann.id, "nobody", bob.id, ann.id]) == {ann.id: "Ann", bob.id: "Bob"}
    assert await names([]) == {}
    assert await names(STRANGE) == {}


async def test_passkeys_page_from_the_oldest_on(stores: Stores) -> None:
    ann, bob = await an_account(stores), await an_account(stores, "Bob")
    for number in (3, 1, 2, 5, 4):
        await stores.accounts.add_passkey(a_key(ann, f"key {number}"))
        await stores.accounts.add_passkey(a_key(bob, f"bob {number}"))
        await stores.clock.advance(number % 2)
    own = await stores.accounts.passkeys(ann.id)
    found = await pages(
        lambda after: stores.accounts.passkeys(ann.id, limit=2, after=after), lambda k: (k.created_at, k.id)
    )
    assert [len(page) for page in found] == [2, 2, 1]
    assert [k.id for page in found for k in page] == [k.id for k in own]
    assert [k.id for k in own] == ["key 3", "key 1", "key 2", "key 5", "key 4"]
    for id in STRANGE:
        assert await stores.accounts.passkeys(ann.id, after=(1e300, id)) == []


async def test_sessions_page_from_the_last_seen_on(stores: Stores) -> None:
    ann, bob = await an_account(stores), await an_account(stores, "Bob")
    tokens = []
    for number in range(5):
        tokens.append(await a_session(stores, ann))
        await a_session(stores, bob)
        await stores.clock.advance(number % 2 * 100)
    await a_session(stores, ann, 10)
    await stores.clock.advance(100)
    await alive(stores, tokens[0])
    own = await stores.accounts.sessions(ann.id)
    first = await alive(stores, tokens[0])
    assert first
    assert [own[0].id, len(own)] == [first.id, 5]
    found = await pages(
        lambda before: stores.accounts.sessions(ann.id, limit=2, before=before),
        lambda s: (s.seen_at, s.created_at, s.id),
    )
    assert [len(page) for page in found] == [2, 2, 1]
    assert [s for page in found for s in page] == own
    for id in STRANGE:
        assert await stores.accounts.sessions(ann.id, before=(-1.0, 0.0, id)) == []


async def test_shares_page_from_the_newest_on(stores: Stores) -> None:
    ann, conversation = await asked(stores, "ann", "private")
    bob, other = await asked(stores, "bob", "other", 2)
    for number in range(5):
        await a_share(stores, ann, conversation)
        await a_share(stores, bob, other)
        await a_share(stores, ann, conversation, 1)
        await stores.clock.advance(number % 2)
    await stores.clock.advance(1)
    own = await stores.shares.listing(ann.id)
    found = await pages(
        lambda before: stores.shares.listing(ann.id, limit=2, before=before), lambda s: (s.created_at, s.id)
    )
    assert [len(page) for page in found] == [2, 2, 1]
    assert [s for page in found for s in page] == own
    assert [s.created_at for s in own] == sorted((s.created_at for s in own), reverse=True)
    for id in STRANGE:
        assert await stores.shares.listing(ann.id, before=(-1.0, id)) == []


@pytest.mark.parametrize("limit", [1, 3])
async def test_what_comes_meanwhile_moves_no_row_to_another_page(stores: Stores, limit: int) -> None:
    ann, conversation = await asked(stores, "ann", "private")
    for _ in range(6):
        await a_share(stores, ann, conversation)
        await stores.clock.advance(1)
    before = await stores.shares.listing(ann.id)
    key, seen = None, []
    while page := await stores.shares.listing(ann.id, limit=limit, before=key):
        seen += page
        key = page[-1].created_at, page[-1].id
        await a_share(stores, ann, conversation)
    assert seen == before
