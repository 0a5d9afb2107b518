"""What is overheard in groups, leases, and chats that go on elsewhere."""

from __future__ import annotations

from dataclasses import replace

from bot.types import Address, Message, Role, Sender, TurnState
from tests.contract.conftest import Stores, an_event
from tests.fakes_people import whole

GROUP = Address("test", "bot", "group")
ANN, BOB = Sender("ann", "Ann"), Sender("bob", "Bob")


async def test_remarks_come_back_in_order_and_of_one_conversation(stores: Stores) -> None:
    here = await stores.conversations.open(GROUP)
    there = await stores.conversations.open(replace(GROUP, thread="7"))
    for number, sender in enumerate((ANN, BOB, ANN)):
        await stores.overheard.put(here.id, "test", sender, f"m{number}", f"remark {number}")
        await stores.clock.advance(1)
    await stores.overheard.put(there.id, "test", BOB, "m9", "elsewhere")
    found = await stores.overheard.recent(here.id)
    assert [(r.name, r.text) for r in found] == [
        ("Ann", "remark 0"),
        ("Bob", "remark 1"),
        ("Ann", "remark 2"),
    ]
    assert [r.text for r in await stores.overheard.recent(here.id, 2)] == ["remark 1", "remark 2"]
    assert len(await stores.overheard.recent(there.id)) == 1


async def test_an_edited_remark_says_what_it_says_now(stores: Stores) -> None:
    here = await stores.conversations.open(GROUP)
    await stores.overheard.put(here.id, "test", ANN, "m1", "tpyo")
    await stores.overheard.put(here.id, "test", ANN, "m1", "typo")
    assert [r.text for r in await stores.overheard.recent(here.id)] == ["typo"]


async def test_only_the_newest_remarks_of_a_day_are_kept_and_none_is_long(stores: Stores) -> None:
    here = await stores.conversations.open(GROUP)
    for number in range(60):
        await stores.overheard.put(here.id, "test", ANN, f"m{number}", f"{number} " + "x" * 2000)
        await stores.clock.advance(1)
    found = await stores.overheard.recent(here.id)
    assert [r.text.split()[0] for r in found] == [str(n) for n in range(20, 60)]
    assert max(len(r.text) for r in found) == 500
    await stores.clock.advance(24 * 3600)
    assert await stores.overheard.recent(here.id) == []


async def test_a_person_takes_their_remarks_with_them(stores: Stores) -> None:
    here = await stores.conversations.open(GROUP)
    ann = await stores.people.admit("test", ANN)
    await stores.overheard.put(here.id, "test", ANN, "m1", "mine")
    await stores.overheard.put(here.id, "test", BOB, "m2", "not mine")
    exported = str(await whole(stores.people.export(ann.id)))
    assert "'mine'" in exported
    assert "not mine" not in exported
    await stores.people.delete(ann.id)
    assert [r.text for r in await stores.overheard.recent(here.id)] == ["not mine"]


async def test_a_lease_is_one_holders_until_it_ends_or_is_let_go(stores: Stores) -> None:
    leases = stores.leases
    assert await leases.acquire("telegram:1", "a", 30)
    assert not await leases.acquire("telegram:1", "b", 30)
    assert await leases.acquire("telegram:2", "b", 30)
    await stores.clock.advance(20)
    assert await leases.acquire("telegram:1", "a", 30)
    await stores.clock.advance(29)
    assert not await leases.acquire("telegram:1", "b", 30)
    await stores.clock.advance(2)
    assert await leases.acquire("telegram:1", "b", 30)
    assert not await leases.acquire("telegram:1", "a", 30)
    await leases.release("telegram:1", "a")
    assert not await leases.acquire("telegram:1", "a", 30)
    await leases.release("telegram:1", "b")
    assert await leases.acquire("telegram:1", "a", 30)


async def test_a_chat_that_moves_takes_its_history_along(stores: Stores) -> None:
    new = replace(GROUP, chat="supergroup")
    old = await stores.conversations.open(GROUP)
    assert await stores.conversations.find(new) is None
    await stores.conversations.open(new)
    await stores.conversations.move(GROUP, new)
    moved = await stores.conversations.find(new)
    assert moved == replace(old, address=new)
    assert await stores.conversations.find(GROUP) is None
    await stores.conversations.move(GROUP, new)
    assert await stores.conversations.find(new) == moved


async def test_a_conversation_that_was_begun_at_the_new_place_stays(stores: Stores) -> None:
    new = replace(GROUP, chat="supergroup")
    old = await stores.conversations.open(GROUP)
    begun = await stores.conversations.open(new)
    event = replace(an_event(1), address=new)
    turn = await stores.turns.begin(begun, event, person_id="p")
    answer = [Message(Role.USER, "hi", turn=1), Message(Role.ASSISTANT, "hello", turn=1, step=1)]
    await stores.turns.finish(replace(turn, state=TurnState.DELIVERING), answer)
    await stores.conversations.move(GROUP, new)
    assert await stores.conversations.find(new) == begun
    assert await stores.conversations.find(GROUP) == old
