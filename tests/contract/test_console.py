"""Accounts of the console: the tokens that enter them, their names, owners, keys and sessions."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import AccessError
from bot.types import Account, ConsoleRole, ConsoleSession, Passkey
from storage.db import Database
from tests.contract.conftest import Stores, open_stores
from tests.fakes import FakeClock

HOUR = 3600.0
DAY = 24 * HOUR
OPERATOR, OWNER, VIEWER = ConsoleRole.OPERATOR, ConsoleRole.OWNER, ConsoleRole.VIEWER


async def the_owner(stores: Stores) -> Account:
    return await stores.accounts.enter(await stores.accounts.owner_link(seconds=HOUR))


async def an_account(
    stores: Stores, name: str = "Ann", role: ConsoleRole = OPERATOR, by: str = ""
) -> Account:
    token = await stores.accounts.invite(by, name=name, role=role, seconds=HOUR)
    return await stores.accounts.enter(token)


async def a_session(stores: Stores, account: Account, seconds: float = DAY) -> str:
    return await stores.accounts.open_session(account.id, seconds=seconds, client="1.2.3.4", agent="Firefox")


async def alive(stores: Stores, token: str) -> ConsoleSession | None:
    return await stores.accounts.session(token, idle=10 * DAY)


def a_key(account: Account, id: str = "key") -> Passkey:
    return Passkey(id, account.id, "public", 1, "laptop")


async def refused(stores: Stores, token: str) -> bool:
    """Whether `enter` does not take it; `peek` says the same before."""
    expected = await stores.accounts.peek(token)
    try:
        await stores.accounts.enter(token)
    except AccessError:
        assert not expected
        return True
    assert expected
    return False


async def test_the_owners_link_makes_an_owner_once_and_enters_the_same_account_afterwards(
    stores: Stores,
) -> None:
    owner = await the_owner(stores)
    assert owner == Account(owner.id, "Owner", OWNER, created_at=stores.clock.time())
    await stores.clock.advance(5)
    younger = await an_account(stores, "Second", OWNER)
    assert await the_owner(stores.restarted()) == owner
    await stores.accounts.update(owner.id, disabled=True)
    assert await the_owner(stores) == younger
    assert len(await stores.accounts.listing()) == 2


async def test_an_owners_link_that_was_not_used_dies_with_the_next(stores: Stores) -> None:
    owner = await the_owner(stores)
    invited = await stores.accounts.invite(owner.id, name="Ann", role=VIEWER, seconds=HOUR)
    lost = await stores.accounts.again(owner.id, seconds=HOUR)
    first = await stores.accounts.owner_link(seconds=HOUR)
    second = await stores.accounts.owner_link(seconds=HOUR)
    assert await refused(stores, first)
    for token in (second, invited, lost):
        assert not await refused(stores, token)


async def test_a_token_enters_once_and_before_it_expires(stores: Stores) -> None:
    token = await stores.accounts.invite("", name="Ann", role=VIEWER, seconds=10)
    late = await stores.accounts.invite("", name="Bob", role=VIEWER, seconds=10)
    assert len(token) >= 43
    assert await stores.accounts.peek(token)
    assert await stores.accounts.peek(token)
    await stores.clock.advance(9.5)
    ann = await stores.accounts.enter(token)
    assert (ann.name, ann.role) == ("Ann", VIEWER)
    assert await refused(stores, token)
    await stores.clock.advance(0.5)
    assert await refused(stores, late)
    assert await stores.accounts.listing() == [ann]


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800", "é" * 200, "' OR 1=1 --"])
async def test_a_strange_token_is_refused(stores: Stores, token: str) -> None:
    assert await refused(stores, token)
    assert await alive(stores, token) is None


async def test_of_two_who_enter_at_once_one_does(stores: Stores) -> None:
    for name in ("Ann", "Bob", "Cid"):
        token = await stores.accounts.invite("", name=name, role=VIEWER, seconds=HOUR)
        both = await asyncio.gather(*[stores.accounts.enter(token) for _ in range(4)], return_exceptions=True)
        assert sum(isinstance(one, Account) for one in both) == 1
        assert sum(isinstance(one, AccessError) for one in both) == 3
    assert [a.name for a in await stores.accounts.listing()] == ["Ann", "Bob", "Cid"]


async def test_of_links_made_at_once_one_works(stores: Stores) -> None:
    tokens = await asyncio.gather(*[stores.accounts.owner_link(seconds=HOUR) for _ in range(5)])
    assert sum([await stores.accounts.peek(token) for token in tokens]) == 1


async def test_a_link_for_lost_keys_enters_its_account_and_the_next_replaces_it(stores: Stores) -> None:
    ann, bob = await an_account(stores), await an_account(stores, "Bob")
    first = await stores.accounts.again(ann.id, seconds=HOUR)
    bobs = await stores.accounts.again(bob.id, seconds=HOUR)
    second = await stores.accounts.again(ann.id, seconds=HOUR)
    assert await refused(stores, first)
    assert await stores.accounts.enter(second) == ann
    assert await stores.accounts.enter(bobs) == bob


async def test_names_are_the_same_whatever_their_case_width_and_spaces(stores: Stores) -> None:
    ann = await an_account(stores, "  Ann\tStraße \0")
    assert ann.name == "Ann Straße"
    for same in ("ANN STRASSE", "ann  straße", "Ａｎｎ Straße", "An\u200bn Straße\ufeff"):
        assert await stores.accounts.named(same) == ann
        with pytest.raises(AccessError, match="name"):
            await stores.accounts.invite("", name=same, role=VIEWER, seconds=HOUR)
    assert await stores.accounts.named("Ann") is None
    bob = await an_account(stores, "Bob")
    with pytest.raises(AccessError, match="name"):
        await stores.accounts.update(bob.id, name="ann strasse")
    assert (await stores.accounts.update(ann.id, name="ANN STRASSE")).name == "ANN STRASSE"


@pytest.mark.parametrize("name", ["", "  \n", "\0", "\u200b\u200d", "\x07"])
async def test_an_account_has_a_name_that_can_be_seen(stores: Stores, name: str) -> None:
    with pytest.raises(AccessError, match="name"):
        await stores.accounts.invite("", name=name, role=VIEWER, seconds=HOUR)
    ann = await an_account(stores)
    with pytest.raises(AccessError, match="name"):
        await stores.accounts.update(ann.id, name=name)
    assert await stores.accounts.named(name) is None


async def test_a_name_that_was_taken_meanwhile_gets_a_number(stores: Stores) -> None:
    names = ("Ann", "ann", "ANN", "Owner")
    tokens = [await stores.accounts.invite("", name=n, role=VIEWER, seconds=HOUR) for n in names]
    found = [(await stores.accounts.enter(token)).name for token in tokens]
    assert found == ["Ann", "ann 2", "ANN 3", "Owner"]
    assert (await the_owner(stores)).name == "Owner 2"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_categories=()), min_size=1, max_size=12))
async def test_an_account_is_found_by_whatever_name_it_has(stores: Stores, name: str) -> None:
    try:
        made = await an_account(stores, name)
    except AccessError:
        return
    assert await stores.accounts.named(name) == made == await stores.accounts.named(made.name)
    assert made in await stores.accounts.listing()
    await stores.accounts.delete(made.id)
    assert await stores.accounts.named(name) is None


async def test_accounts_are_listed_by_name_whatever_its_case(stores: Stores) -> None:
    for name in ("éva", "Zoë", "bob", "Ann", "王"):
        await an_account(stores, name)
    assert [a.name for a in await stores.accounts.listing()] == ["Ann", "bob", "Zoë", "éva", "王"]


async def test_an_update_changes_what_is_given(stores: Stores) -> None:
    ann = await an_account(stores)
    assert await stores.accounts.update(ann.id) == ann
    changed = await stores.accounts.update(ann.id, name="Anna", role=VIEWER, language="zh\0")
    assert changed == replace(ann, name="Anna", role=VIEWER, language="zh")
    assert await stores.accounts.get(ann.id) == changed
    assert await stores.accounts.update(ann.id, language="") == replace(changed, language="")


async def test_an_enabled_owner_is_always_left(stores: Stores) -> None:
    owner, ann = await the_owner(stores), await an_account(stores)
    gone = await an_account(stores, "Gone", OWNER)
    await stores.accounts.update(gone.id, disabled=True)
    with pytest.raises(AccessError, match="owner"):
        await stores.accounts.update(owner.id, role=OPERATOR)
    with pytest.raises(AccessError, match="owner"):
        await stores.accounts.update(owner.id, disabled=True)
    with pytest.raises(AccessError, match="owner"):
        await stores.accounts.delete(owner.id)
    assert await stores.accounts.get(owner.id) == owner
    assert (await stores.accounts.update(owner.id, name="Chief", disabled=False)).name == "Chief"
    await stores.accounts.update(ann.id, role=OWNER)
    await stores.accounts.delete(owner.id)
    assert await stores.accounts.get(owner.id) is None
    await stores.accounts.update(gone.id, role=VIEWER)
    await stores.accounts.delete(gone.id)


async def test_of_owners_who_leave_at_once_one_stays(stores: Stores) -> None:
    owners = [await an_account(stores, name, OWNER) for name in ("Ann", "Bob", "Cid")]
    leaving = [
        stores.accounts.update(owners[0].id, role=VIEWER),
        stores.accounts.update(owners[1].id, disabled=True),
        stores.accounts.delete(owners[2].id),
    ]
    done = await asyncio.gather(*leaving, return_exceptions=True)
    assert sum(isinstance(one, AccessError) for one in done) == 1
    left = [a for a in await stores.accounts.listing() if a.role is OWNER and not a.disabled]
    assert len(left) == 1


async def test_a_disabled_account_is_shut_out_with_all_that_it_made(stores: Stores) -> None:
    owner, ann = await the_owner(stores), await an_account(stores, role=OWNER)
    session, kept = await a_session(stores, ann), await a_session(stores, owner)
    lost = await stores.accounts.again(ann.id, seconds=HOUR)
    hers = await stores.accounts.invite(ann.id, name="Hers", role=OWNER, seconds=HOUR)
    his = await stores.accounts.invite(owner.id, name="His", role=OWNER, seconds=HOUR)
    assert (await stores.accounts.update(ann.id, disabled=True)).disabled
    assert await alive(stores, session) is None
    assert await refused(stores, lost)
    assert await refused(stores, hers)
    with pytest.raises(AccessError):
        await stores.accounts.again(ann.id, seconds=HOUR)
    with pytest.raises(AccessError):
        await a_session(stores, ann)
    assert await alive(stores, kept) is not None
    assert not await refused(stores, his)
    await stores.accounts.update(ann.id, disabled=False)
    assert await alive(stores, session) is None
    assert await refused(stores, lost)
    assert await alive(stores, await a_session(stores, ann)) is not None


async def test_who_falls_in_role_keeps_the_session_in_the_new_role_and_no_invitations(stores: Stores) -> None:
    await the_owner(stores)
    ann = await an_account(stores, role=OPERATOR)
    session = await a_session(stores, ann)
    first = await stores.accounts.invite(ann.id, name="First", role=OWNER, seconds=HOUR)
    await stores.accounts.update(ann.id, role=OWNER)
    assert not await refused(stores, first)
    second = await stores.accounts.invite(ann.id, name="Second", role=OWNER, seconds=HOUR)
    lost = await stores.accounts.again(ann.id, seconds=HOUR)
    await stores.accounts.update(ann.id, role=VIEWER)
    assert await refused(stores, second)
    assert not await refused(stores, lost)
    found = await alive(stores, session)
    assert found is not None
    assert found.account.role is VIEWER


async def test_a_deleted_account_takes_its_keys_sessions_and_tokens_along(stores: Stores) -> None:
    owner, ann = await the_owner(stores), await an_account(stores)
    session = await a_session(stores, ann)
    await stores.accounts.set_password(ann.id, "hash")
    await stores.accounts.add_passkey(a_key(ann))
    lost = await stores.accounts.again(ann.id, seconds=HOUR)
    hers = await stores.accounts.invite(ann.id, name="Hers", role=VIEWER, seconds=HOUR)
    await stores.accounts.delete(ann.id)
    await stores.accounts.delete(ann.id)
    await stores.accounts.delete("\0\ud800")
    assert await stores.accounts.listing() == [owner]
    assert await stores.accounts.get(ann.id) is None
    assert await stores.accounts.named("Ann") is None
    assert await alive(stores, session) is None
    assert await stores.accounts.password(ann.id) == ""
    assert await stores.accounts.passkey("key") is None
    assert await refused(stores, lost)
    assert await refused(stores, hers)


async def test_what_changes_an_account_needs_one(stores: Stores) -> None:
    nobody = Account("nobody", "Nobody", VIEWER)
    accounts = stores.accounts
    for refusal in (
        accounts.update("nobody", name="x"),
        accounts.again("nobody", seconds=1),
        accounts.set_password("nobody", "hash"),
        accounts.add_passkey(a_key(nobody)),
        a_session(stores, nobody),
    ):
        with pytest.raises(AccessError, match="no such account"):
            await refusal
    assert await accounts.get("nobody") is None
    assert await accounts.password("nobody") == ""
    assert await accounts.passkeys("nobody") == []
    assert await accounts.sessions("nobody") == []
    assert not await accounts.end_session("nobody", "x")
    assert await accounts.end_sessions("nobody") == 0


async def test_a_password_is_set_read_and_taken_away(stores: Stores) -> None:
    ann = await an_account(stores)
    assert not ann.has_password
    await stores.accounts.set_password(ann.id, "$argon2id$v=19$...")
    assert await stores.restarted().accounts.password(ann.id) == "$argon2id$v=19$..."
    assert await stores.accounts.get(ann.id) == replace(ann, has_password=True)
    await stores.accounts.update(ann.id, language="en")
    assert await stores.accounts.password(ann.id) != ""
    await stores.accounts.set_password(ann.id, "")
    assert await stores.accounts.password(ann.id) == ""
    assert await stores.accounts.get(ann.id) == replace(ann, language="en")


async def test_passkeys_are_added_used_and_removed(stores: Stores) -> None:
    ann, bob = await an_account(stores), await an_account(stores, "Bob")
    start = stores.clock.time()
    await stores.accounts.add_passkey(replace(a_key(ann, "z"), used_at=5.0, created_at=9.0))
    await stores.clock.advance(1)
    await stores.accounts.add_passkey(replace(a_key(ann, "a"), sign_count=2**32 - 1, name="\ud800é\0"))
    first, second = await stores.accounts.passkeys(ann.id)
    assert first == Passkey("z", ann.id, "public", 1, "laptop", start, 0.0)
    assert second == Passkey("a", ann.id, "public", 2**32 - 1, "\ufffdé", start + 1, 0.0)
    assert await stores.accounts.get(ann.id) == replace(ann, passkeys=2)
    assert await stores.accounts.passkey("a") == second
    for taker in (ann, bob):
        with pytest.raises(AccessError, match="in use"):
            await stores.accounts.add_passkey(a_key(taker, "a"))
    asked = stores.clock.time()
    await stores.clock.advance(1)
    assert await stores.accounts.passkey_used("a", 7, asked_at=asked)
    assert not await stores.accounts.passkey_used("unknown", 7, asked_at=asked)
    assert not await stores.accounts.passkey_used("a", 8, asked_at=asked)
    assert await stores.accounts.passkey("a") == replace(second, sign_count=7, used_at=asked + 1)
    assert await stores.accounts.passkey_used("a", 9, asked_at=asked + 5)
    used = replace(second, sign_count=9, used_at=asked + 5)
    assert await stores.accounts.passkey("a") == used
    await stores.clock.advance(9)
    answered = await asyncio.gather(
        *(stores.accounts.passkey_used("a", 10, asked_at=asked + 6) for _ in range(3))
    )
    assert sorted(answered) == [False, False, True]
    assert not await stores.accounts.remove_passkey(bob.id, "a")
    assert await stores.accounts.remove_passkey(ann.id, "a")
    assert not await stores.accounts.remove_passkey(ann.id, "a")
    assert await stores.accounts.passkeys(ann.id) == [first]
    assert await stores.accounts.passkeys(bob.id) == []


async def test_the_database_holds_no_token(db: Database) -> None:
    stores = open_stores(db, FakeClock())
    owner = await the_owner(stores)
    tokens = [
        await stores.accounts.owner_link(seconds=HOUR),
        await stores.accounts.again(owner.id, seconds=HOUR),
        await a_session(stores, owner),
    ]
    stored = await db.read(
        lambda c: [
            str(row)
            for table in ("console_token", "console_session")
            for row in c.exec_driver_sql(f"SELECT * FROM {table}").all()
        ]
    )
    assert len(stored) == 3
    assert not [token for token in tokens if token in "".join(stored)]
