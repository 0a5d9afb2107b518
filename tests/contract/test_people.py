"""People: roles, invitations, and what is theirs to take along or erase."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from bot.errors import AccessError, StorageGone
from bot.types import (
    NO_THOUGHTS,
    Address,
    Delivery,
    DeliveryState,
    Message,
    Person,
    PersonRole,
    Redeemed,
    Role,
    Sender,
    Thoughts,
    Turn,
    TurnState,
)
from storage.personal_data import BATCH
from tests.contract.conftest import Stores, an_event
from tests.fakes_people import whole

ANN, BOB = Sender("ann", "Ann"), Sender("bob", "Bob")


async def test_a_newcomer_is_admitted_once_and_found_by_identity_and_id(stores: Stores) -> None:
    assert await stores.people.find("test", "ann") is None
    ann = await stores.people.admit("test", ANN)
    assert (ann.role, ann.name, ann.created_at) == (PersonRole.MEMBER, "Ann", stores.clock.time())
    assert await stores.people.admit("test", ANN, PersonRole.OPERATOR) == ann
    assert await stores.people.find("test", "ann") == ann == await stores.people.get(ann.id)
    assert await stores.people.find("other", "ann") is None
    assert await stores.people.get("nobody") is None


@pytest.mark.parametrize("mark", ["\0", "\ud800"], ids=["NUL", "half a pair"])
async def test_an_id_that_cannot_be_stored_is_nobodys_or_means_what_could_be(
    stores: Stores, mark: str
) -> None:
    """It may come from an address that somebody typed, and is no failure of the database."""
    people = stores.people
    ann = await people.admit("test", ANN)
    assert await people.get(mark) is None
    assert await people.accounts(mark) == []
    assert sum((await people.stored(mark)).values()) == 0
    with pytest.raises(AccessError):
        await people.update(mark, role=PersonRole.OWNER)
    with pytest.raises(StorageGone):
        [piece async for piece in people.export(mark)]
    await people.delete(mark)
    await people.revoke(mark)
    await people.invite(f"{mark}{ann.id}")
    assert await people.get(ann.id) == ann
    if mark == "\0":
        assert await people.get(mark + ann.id) == ann
        assert (await people.update(ann.id + mark, language="zh")).id == ann.id


async def test_two_who_arrive_at_once_as_the_same_identity_are_one_person(stores: Stores) -> None:
    people = await asyncio.gather(*(stores.people.admit("test", ANN) for _ in range(10)))
    assert len({p.id for p in people}) == 1


async def test_update_changes_what_is_given_and_merges_settings(stores: Stores) -> None:
    ann = await stores.people.admit("test", ANN)
    await stores.people.update(ann.id, language="zh-Hans", settings={"a": 1, "b": [1, {"c": "字"}]})
    changed = await stores.people.update(ann.id, role=PersonRole.OPERATOR, settings={"a": None, "d": True})
    assert changed == await stores.people.get(ann.id)
    assert (changed.role, changed.language) == (PersonRole.OPERATOR, "zh-Hans")
    assert changed.settings == {"b": [1, {"c": "字"}], "d": True}
    with pytest.raises(AccessError):
        await stores.people.update("nobody", language="en")


async def test_the_newest_owner_code_makes_its_first_presenter_owner_and_no_other(stores: Stores) -> None:
    old, code = await stores.people.owner_code(), await stores.people.owner_code()
    assert old
    assert code
    with pytest.raises(AccessError):
        await stores.people.redeem("test", ANN, old)
    assert (await stores.people.redeem("test", ANN, code)).person.role is PersonRole.OWNER
    with pytest.raises(AccessError):
        await stores.people.redeem("test", BOB, code)
    assert await stores.people.owner_code() is None


async def test_an_owner_code_is_dead_once_there_is_an_owner(stores: Stores) -> None:
    code = await stores.people.owner_code()
    assert code
    await stores.people.admit("test", ANN, PersonRole.OWNER)
    with pytest.raises(AccessError):
        await stores.people.redeem("test", BOB, code)


async def test_an_invitation_admits_as_many_as_it_says_until_it_expires(stores: Stores) -> None:
    owner = await stores.people.admit("test", ANN, PersonRole.OWNER)
    code = await stores.people.invite(owner.id, role=PersonRole.OPERATOR, uses=2)
    assert 22 <= len(code) <= 32
    senders = [Sender(f"u{n}") for n in range(5)]
    tries = await asyncio.gather(
        *(stores.people.redeem("test", s, code) for s in senders), return_exceptions=True
    )
    assert [r.person.role for r in tries if isinstance(r, Redeemed)] == [PersonRole.OPERATOR] * 2
    assert sum(isinstance(p, AccessError) for p in tries) == 3
    brief = await stores.people.invite(owner.id, expires_at=stores.clock.time() + 60)
    await stores.clock.advance(60)
    for wrong in (brief, "unknown", "", "\ud800\0"):
        with pytest.raises(AccessError):
            await stores.people.redeem("test", BOB, wrong)
    assert await stores.people.find("test", "bob") is None


async def test_redeeming_never_lowers_a_role_nor_lets_a_blocked_person_in(stores: Stores) -> None:
    owner = await stores.people.admit("test", ANN, PersonRole.OWNER)
    bob = await stores.people.admit("test", BOB, PersonRole.BLOCKED)
    code = await stores.people.invite(owner.id)
    assert await stores.people.redeem("test", ANN, code) == Redeemed(owner)
    assert await stores.people.redeem("test", BOB, code) == Redeemed(bob)
    assert (await stores.people.redeem("test", Sender("eve"), code)).person.role is PersonRole.MEMBER


async def test_a_code_redeemed_again_by_the_same_identity_still_answers_and_counts_once(
    stores: Stores,
) -> None:
    code = await stores.people.owner_code()
    assert code
    ann = (await stores.people.redeem("test", ANN, code)).person
    assert await stores.restarted().people.redeem("test", ANN, f" {code} ") == Redeemed(ann)
    invite = await stores.people.invite(ann.id, uses=2, expires_at=stores.clock.time() + 60)
    bob = (await stores.people.redeem("test", BOB, invite)).person
    assert await stores.people.redeem("test", BOB, invite) == Redeemed(bob)
    await stores.people.redeem("test", Sender("cid"), invite)
    await stores.clock.advance(60)
    assert await stores.people.redeem("test", BOB, invite) == Redeemed(bob)
    for stranger in (Sender("eve"), ANN):
        with pytest.raises(AccessError):
            await stores.people.redeem("test", stranger, invite)
    with pytest.raises(AccessError):
        await stores.people.redeem("other", BOB, invite)
    await stores.people.delete(bob.id)
    with pytest.raises(AccessError):
        await stores.people.redeem("test", BOB, invite)


async def ask(stores: Stores, person: Person, number: int, *, chat: str, user: str, text: str) -> Turn:
    """A whole turn: asked, answered with an echo, delivered, rated."""
    event = an_event(number, chat=chat, user=user, text=text)
    await stores.inbox.put(event)
    conversation = await stores.conversations.open(event.address)
    turn = await stores.turns.begin(conversation, event, person_id=person.id)
    await stores.turns.put_delivery(Delivery(turn.id, 0, DeliveryState.SENT, f"a{number}"))
    thoughts = Thoughts(f"thought of {text}", 1.0)
    done = replace(turn, state=TurnState.DONE, text=f"re {text}", thoughts=thoughts)
    question = Message(Role.USER, text, name=user, context=f"shown {text}", tokens=5, context_tokens=3)
    said = [question, Message(Role.ASSISTANT, f"re {text}")]
    await stores.turns.finish(done, said)
    await stores.turns.feedback(turn.id, person.id, 1, f"because {text}")
    await stores.inbox.done(event)
    return done


async def test_a_person_takes_along_and_erases_all_of_theirs_and_nobody_elses(stores: Stores) -> None:
    ann, bob = await stores.people.admit("test", ANN), await stores.people.admit("test", BOB)
    mine = await ask(stores, ann, 1, chat="private", user="ann", text="canary-private")
    shared = await ask(stores, ann, 2, chat="group", user="ann", text="canary-group")
    bobs = await ask(stores, bob, 3, chat="group", user="bob", text="bobs-words")
    await stores.conversations.cut(
        bobs.conversation_id, first_turn=2, context_turn=2, summary="canary-summary", summary_tokens=3
    )
    retold = {"prepared_summary": {"text": "canary-prepared"}, "kept": 1}
    await stores.conversations.update(bobs.conversation_id, title="canary-title", settings=retold)
    await stores.keyvalue.put("p", ann.id, "k", "canary-value")
    await stores.keyvalue.put("p", f"conversation:{mine.conversation_id}", "k", "canary-note")
    await stores.keyvalue.put("p", bob.id, "k", "bobs-value")
    await stores.inbox.put(an_event(4, user="ann", text="canary-waiting"))
    await stores.inbox.put(an_event(5, user="bob", text="bobs-waiting"))

    exported = json.dumps(await whole(stores.people.export(ann.id)))
    for word in (
        "canary-private",
        "canary-group",
        "canary-value",
        "canary-waiting",
        "shown canary-group",
        "thought of canary-group",
    ):
        assert word in exported
    assert "bobs" not in exported

    await stores.people.delete(ann.id)
    assert await stores.people.get(ann.id) is None
    assert await stores.people.find("test", "ann") is None
    assert await stores.conversations.get(mine.conversation_id) is None
    assert await stores.turns.get(mine.id) is None
    assert await stores.turns.deliveries(shared.id) == []
    assert await stores.turns.of_event(shared.event_key) is None
    emptied = await stores.turns.get(shared.id)
    assert emptied is not None
    assert (emptied.text, emptied.thoughts) == ("", NO_THOUGHTS)
    assert set((await stores.people.stored(ann.id)).values()) == {0}
    with pytest.raises(StorageGone):
        await whole(stores.people.export(ann.id))
    assert await stores.keyvalue.get("p", f"conversation:{mine.conversation_id}", "k") is None
    group = await stores.conversations.get(bobs.conversation_id)
    assert group is not None
    assert (group.title, group.summary, group.summary_tokens, group.settings) == ("", "", 0, {"kept": 1})
    history = await stores.conversations.history(group.id, first_turn=1)
    assert [m.text for m in history] == ["bobs-words", "re bobs-words"]
    assert await stores.turns.get(bobs.id) == bobs
    assert await stores.keyvalue.get("p", bob.id, "k") == "bobs-value"
    events = stores.restarted().inbox.events()
    assert (await anext(events)).text == "bobs-waiting"
    await events.aclose()
    assert not await stores.inbox.put(an_event(4, user="ann"))


async def test_an_export_holds_nothing_that_others_wrote_or_that_retells_it(stores: Stores) -> None:
    ann, bob = await stores.people.admit("test", ANN), await stores.people.admit("test", BOB)
    asked = await ask(stores, ann, 1, chat="group", user="ann", text="canary-question")
    again = an_event(2, chat="group", user="bob", text="/retry")
    conversation = await stores.conversations.open(again.address)
    anew = await stores.turns.begin(conversation, again, person_id=bob.id, replaces=asked.id)
    said = [Message(Role.USER, "canary-question"), Message(Role.ASSISTANT, "canary-anew")]
    thoughts = Thoughts("canary-thought", 1.0)
    await stores.turns.finish(
        replace(anew, state=TurnState.DONE, text="canary-anew", thoughts=thoughts), said
    )
    retold = {"prepared_summary": {"text": "canary-prepared"}, "kept": 1}
    await stores.conversations.update(conversation.id, title="canary-title", settings=retold)
    await stores.conversations.cut(
        conversation.id, first_turn=2, context_turn=2, summary="canary-sum", summary_tokens=3
    )

    bobs = await whole(stores.people.export(bob.id))
    assert [t["id"] for t in bobs["turns"]] == [anew.id]
    assert bobs["conversations"][0]["settings"] == {"kept": 1}
    assert "canary" not in json.dumps(bobs)
    anns = json.dumps(await whole(stores.people.export(ann.id)))
    assert "canary-question" in anns
    assert "canary-anew" in anns
    assert not any(f"canary-{word}" in anns for word in ("title", "prepared", "sum"))

    await stores.people.delete(bob.id)
    history = await stores.conversations.history(conversation.id, first_turn=1)
    assert [m.text for m in history] == ["canary-question", "canary-anew"]


async def test_the_answer_that_another_had_made_anew_goes_with_who_asked(stores: Stores) -> None:
    ann, bob = await stores.people.admit("test", ANN), await stores.people.admit("test", BOB)
    asked = await ask(stores, ann, 1, chat="group", user="ann", text="canary")
    conversation = await stores.conversations.open(an_event(1, chat="group").address)
    event = an_event(2, chat="group", user="bob")
    anew = await stores.turns.begin(conversation, event, person_id=bob.id, replaces=asked.id)
    done = replace(anew, state=TurnState.DONE, text="canary", thoughts=Thoughts("canary", 1.0))
    await stores.turns.finish(done)
    await stores.people.delete(ann.id)
    assert await stores.conversations.history(conversation.id, first_turn=1) == []
    left = await stores.turns.get(anew.id)
    assert left is not None
    assert (left.text, left.thoughts, left.person_id) == ("", NO_THOUGHTS, bob.id)


async def test_deleting_nobody_changes_nothing(stores: Stores) -> None:
    ann = await stores.people.admit("test", ANN)
    await stores.people.delete("nobody")
    assert await stores.people.get(ann.id) == ann


async def test_of_somebody_with_very_many_conversations_nothing_is_left(stores: Stores) -> None:
    ann = await stores.people.admit("test", ANN)
    for number in range(2 * BATCH + 3):
        home = await stores.conversations.open(Address("test", "bot", f"c{number}"))
        event = an_event(number, chat=f"c{number}")
        await stores.turns.begin(home, event, person_id=ann.id)
    ids = [c.id for c in await stores.conversations.listing(ann.id, limit=1_000)]
    assert len(ids) == 2 * BATCH + 3
    await stores.people.delete(ann.id)
    assert await stores.people.get(ann.id) is None
    assert await stores.conversations.listing(ann.id, limit=1_000) == []
    assert [await stores.conversations.get(id) for id in (ids[0], ids[-1])] == [None, None]
