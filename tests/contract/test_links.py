"""Accounts of one person: linked by a code, merged where both had a person, taken off again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import AccessError, LinkRefused, StorageGone
from bot.types import Address, Person, PersonRole, Redeemed, Sender, TurnState
from tests.contract.conftest import Stores, an_event
from tests.fakes_people import whole

ANN, BOB, CID = Sender("ann", "Ann"), Sender("bob", "Bob"), Sender("cid", "Cid")


async def code_of(stores: Stores, person: Person) -> str:
    return await stores.people.link(person.id, expires_at=stores.clock.time() + 900)


async def refused(stores: Stores, platform: str, sender: Sender, code: str) -> str:
    with pytest.raises(LinkRefused) as caught:
        await stores.people.redeem(platform, sender, code)
    return caught.value.why


async def state(stores: Stores, *people: Person) -> str:
    """All that is stored about them."""
    return json.dumps([await whole(stores.people.export(p.id)) for p in people], sort_keys=True)


async def test_a_new_account_joins_the_person_of_the_code(stores: Stores) -> None:
    ann = await stores.people.admit("web", ANN, PersonRole.OPERATOR)
    code = await code_of(stores, ann)
    assert 22 <= len(code) <= 32
    await stores.clock.advance(1)
    assert await stores.people.redeem("chat", Sender("9", "Anna"), f" {code}\n") == Redeemed(ann, linked=True)
    assert await stores.people.find("chat", "9") == ann
    assert await stores.people.accounts(ann.id) == [("web", "ann"), ("chat", "9")]
    assert await stores.people.accounts("nobody") == []
    exported = await whole(stores.people.export(ann.id))
    assert len(exported["identities"]) == 2
    await stores.people.delete(ann.id)
    assert await stores.people.find("chat", "9") is None


async def test_the_same_account_may_bring_the_code_again_and_no_other_may(stores: Stores) -> None:
    ann, cid = await stores.people.admit("web", ANN), await stores.people.admit("chat", CID)
    code = await code_of(stores, ann)
    first = await stores.people.redeem("chat", BOB, code)
    before = await state(stores, ann, cid)
    assert await stores.restarted().people.redeem("chat", BOB, code) == first
    assert await refused(stores, "chat", CID, code) == "spent"
    assert await refused(stores, "chat", Sender("new"), code) == "spent"
    assert await state(stores, ann, cid) == before
    assert await stores.people.find("chat", "new") is None


async def test_a_code_lasts_its_time_and_only_the_newest_works(stores: Stores) -> None:
    ann = await stores.people.admit("web", ANN)
    old, code = await code_of(stores, ann), await code_of(stores, ann)
    with pytest.raises(AccessError):
        await stores.people.redeem("chat", BOB, old)
    await stores.clock.advance(900)
    assert await refused(stores, "chat", BOB, code) == "spent"
    assert await stores.people.find("chat", "bob") is None


async def test_one_person_is_not_linked_with_themselves(stores: Stores) -> None:
    ann = await stores.people.admit("web", ANN)
    code = await code_of(stores, ann)
    assert await refused(stores, "web", ANN, code) == "same"
    assert (await stores.people.redeem("chat", BOB, code)).linked


@pytest.mark.parametrize("blocked", ["keeper", "other"])
async def test_nobody_who_is_blocked_is_linked(stores: Stores, blocked: str) -> None:
    ann, bob = await stores.people.admit("web", ANN), await stores.people.admit("chat", BOB)
    code = await code_of(stores, ann)
    shut_out = ann if blocked == "keeper" else bob
    await stores.people.update(shut_out.id, role=PersonRole.BLOCKED)
    before = await state(stores, ann, bob)
    assert await refused(stores, "chat", BOB, code) == "blocked"
    assert await state(stores, ann, bob) == before
    if blocked == "keeper":
        assert await refused(stores, "chat", Sender("new"), code) == "blocked"
        assert await stores.people.find("chat", "new") is None
    await stores.people.update(shut_out.id, role=PersonRole.MEMBER)
    assert (await stores.people.redeem("chat", BOB, code)).linked


async def test_a_higher_role_is_handed_over_only_on_purpose_and_there_stays_one_owner(
    stores: Stores,
) -> None:
    owner, bob = await stores.people.admit("web", ANN, PersonRole.OWNER), await stores.people.admit("c", BOB)
    code = await code_of(stores, bob)
    before = await state(stores, owner, bob)
    assert await refused(stores, "web", ANN, code) == "rises"
    assert await state(stores, owner, bob) == before
    linked = await stores.people.redeem("web", ANN, code, sure=True)
    assert linked == Redeemed(replace(bob, role=PersonRole.OWNER), linked=True)
    assert await stores.people.get(owner.id) is None
    assert await stores.people.find("web", "ann") == linked.person == await stores.people.find("c", "bob")
    assert await stores.people.owner_code() is None
    member = await stores.people.admit("c", CID)
    assert (await stores.people.redeem("c", CID, await code_of(stores, linked.person))).linked
    assert await stores.people.get(member.id) is None
    assert await stores.people.owner("c") in ("bob", "cid")


async def test_of_two_who_bring_a_code_at_once_one_is_linked(stores: Stores) -> None:
    ann = await stores.people.admit("web", ANN)
    for sender in (BOB, CID):
        await stores.people.admit("chat", sender)
    code = await code_of(stores, ann)
    senders = [BOB, CID, Sender("new")] * 2
    tries = await asyncio.gather(
        *(stores.people.redeem("chat", s, code) for s in senders), return_exceptions=True
    )
    assert sum(isinstance(t, Redeemed) for t in tries) == 2, "the one who was linked, twice the same"
    assert sum(isinstance(t, LinkRefused) for t in tries) == 4
    assert len(await stores.people.accounts(ann.id)) == 2


async def test_two_who_link_each_other_at_once_are_one_person(stores: Stores) -> None:
    ann, bob = await stores.people.admit("web", ANN), await stores.people.admit("chat", BOB)
    anns, bobs = await code_of(stores, ann), await code_of(stores, bob)
    await asyncio.gather(
        stores.people.redeem("chat", BOB, anns),
        stores.people.redeem("web", ANN, bobs),
        return_exceptions=True,
    )
    one = await stores.people.find("web", "ann")
    assert one is not None
    assert one == await stores.people.find("chat", "bob")
    assert [await stores.people.get(p.id) for p in (ann, bob)].count(None) == 1


async def test_a_question_let_in_before_the_link_is_stored_for_who_the_sender_is_now(stores: Stores) -> None:
    ann, bob = await stores.people.admit("web", ANN), await stores.people.admit("test", BOB)
    event = an_event(1, user="bob")
    conversation = await stores.conversations.open(event.address)
    await stores.people.redeem("test", BOB, await code_of(stores, ann))
    turn = await stores.turns.begin(conversation, event, person_id=bob.id)
    assert turn.person_id == ann.id
    guest = await stores.people.admit("test", Sender("guest/bob"))
    turn = await stores.turns.begin(conversation, an_event(2, user="bob"), person_id=guest.id)
    assert turn.person_id == guest.id


async def test_an_account_that_is_taken_off_is_a_member_with_nothing_of_the_old_person(
    stores: Stores,
) -> None:
    owner = await stores.people.admit("web", ANN, PersonRole.OWNER)
    await stores.people.update(owner.id, language="zh", settings={"k": 1})
    assert await stores.people.unlink("web", ANN) is None
    assert await stores.people.unlink("web", BOB) is None
    await stores.people.redeem("chat", BOB, code := await code_of(stores, owner))
    freed = await stores.people.unlink("chat", BOB)
    assert freed is not None
    assert (freed.role, freed.name, freed.language, freed.settings) == (PersonRole.MEMBER, "Bob", "", {})
    assert freed == await stores.people.find("chat", "bob") != await stores.people.find("web", "ann")
    assert await stores.people.accounts(owner.id) == [("web", "ann")]
    assert await stores.people.unlink("chat", BOB) is None
    assert await refused(stores, "chat", BOB, code) == "spent"


async def test_an_account_of_a_blocked_person_cannot_be_taken_off(stores: Stores) -> None:
    ann = await stores.people.admit("web", ANN)
    await stores.people.redeem("chat", BOB, await code_of(stores, ann))
    await stores.people.update(ann.id, role=PersonRole.BLOCKED)
    with pytest.raises(AccessError):
        await stores.people.unlink("chat", BOB)
    assert len(await stores.people.accounts(ann.id)) == 2


WORDS = st.sampled_from(["a", "b", "c"])
BELONGINGS = st.fixed_dictionaries(
    {
        "accounts": st.integers(1, 3),
        "chats": st.lists(WORDS, max_size=3),
        "ratings": st.sets(st.integers(0, 2)),
        "values": st.dictionaries(st.tuples(WORDS, WORDS), st.integers(0, 9), max_size=4),
        "settings": st.dictionaries(WORDS, st.integers(0, 9), max_size=3),
        "language": st.sampled_from(["", "en", "zh"]),
        "role": st.sampled_from([PersonRole.MEMBER, PersonRole.OPERATOR]),
    }
)
_NUMBERS = iter(range(1, 1_000_000))


async def settle_in(stores: Stores, has: dict[str, Any], rated: list[str]) -> tuple[Person, list[str]]:
    """A person with all that, and their turns."""
    senders = [Sender(f"u{next(_NUMBERS)}") for _ in range(has["accounts"])]
    person = await stores.people.admit("test", senders[0], has["role"])
    for sender in senders[1:]:
        await stores.people.redeem("test", sender, await code_of(stores, person))
    person = await stores.people.update(person.id, language=has["language"], settings=has["settings"])
    for (plugin, key), value in has["values"].items():
        await stores.keyvalue.put(plugin, person.id, key, value)
    turns = []
    for chat in has["chats"]:
        event = an_event(next(_NUMBERS), chat=chat, user=senders[-1].id)
        conversation = await stores.conversations.open(event.address)
        turn = await stores.turns.begin(conversation, event, person_id=person.id)
        await stores.turns.finish(replace(turn, state=TurnState.DONE, text="said"))
        turns.append(turn.id)
    for index in has["ratings"]:
        await stores.turns.feedback(rated[index], person.id, 1 if index else -1, person.id)
    await stores.people.invite(person.id)
    return person, turns


async def has_now(stores: Stores, person_id: str) -> dict[str, Any]:
    """The belongings of a person, comparable."""
    found = await whole(stores.people.export(person_id))
    return {
        "accounts": sorted(await stores.people.accounts(person_id)),
        "turns": sorted(t["id"] for t in found["turns"]),
        "values": {(p, k): v for p in "abc" for k, v in (await stores.keyvalue.items(p, person_id)).items()},
        "feedback": len(found["feedback"]),
        "invitations": len(found["invitations"]),
        "person": await stores.people.get(person_id),
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keeper=BELONGINGS, other=BELONGINGS, third=BELONGINGS)
async def test_nothing_of_either_is_lost_and_nothing_of_a_third_changes(
    stores: Stores, keeper: dict[str, Any], other: dict[str, Any], third: dict[str, Any]
) -> None:
    await stores.clock.advance(1)
    rated = []
    event = an_event(next(_NUMBERS), chat="rated", user="someone")
    conversation = await stores.conversations.open(event.address)
    for _ in range(3):
        event = replace(event, id=str(next(_NUMBERS)))
        rated.append((await stores.turns.begin(conversation, event, person_id="someone")).id)
    one, _ = await settle_in(stores, keeper, rated)
    two, _ = await settle_in(stores, other, rated)
    stranger, _ = await settle_in(stores, third, rated)
    mine, theirs = await has_now(stores, one.id), await has_now(stores, two.id)
    untouched = await has_now(stores, stranger.id), await state(stores, stranger)
    platform, user = theirs["accounts"][0]

    await stores.people.redeem(platform, Sender(user), await code_of(stores, one), sure=True)

    both = await has_now(stores, one.id)
    assert both["accounts"] == sorted(mine["accounts"] + theirs["accounts"])
    assert both["turns"] == sorted(mine["turns"] + theirs["turns"])
    assert both["values"] == {**theirs["values"], **mine["values"]}
    assert both["feedback"] == len(keeper["ratings"] | other["ratings"])
    assert both["invitations"] == mine["invitations"] + theirs["invitations"] + 1, "and the link"
    person = both["person"]
    assert person.settings == {**other["settings"], **keeper["settings"]}
    assert person.language == (keeper["language"] or other["language"])
    assert person.role == max(keeper["role"], other["role"], key=["member", "operator"].index)
    assert await stores.people.get(two.id) is None
    assert await stores.people.accounts(two.id) == []
    assert set((await stores.people.stored(two.id)).values()) == {0}
    with pytest.raises(StorageGone):
        await whole(stores.people.export(two.id))
    assert (await has_now(stores, stranger.id), await state(stores, stranger)) == untouched
    for chat in keeper["chats"] + other["chats"]:
        assert await stores.conversations.find(Address("test", "bot", chat)) is not None
