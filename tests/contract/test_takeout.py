"""What is stored about a person is counted, and handed out in pieces that make a whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from bot.errors import StorageGone
from bot.types import Delivery, DeliveryState, Message, Person, Role, Sender, TurnState
from tests.contract.conftest import Stores, an_event
from tests.fakes_people import whole

ANN = Sender("ann", "Ann")
MANY = 120
"""More than the first page of any list."""


async def settled(stores: Stores, asked: int = MANY) -> Person:
    """Somebody with as many turns, ratings, values and codes, in fewer conversations."""
    person = await stores.people.admit("test", ANN)
    for number in range(asked):
        await stores.clock.advance(1)
        event = an_event(number, chat=f"chat {number % 70}", text=f"question {number}")
        home = await stores.conversations.open(event.address)
        turn = await stores.turns.begin(home, event, person_id=person.id)
        said = [Message(Role.USER, event.text), Message(Role.ASSISTANT, f"answer {number}")]
        await stores.turns.finish(replace(turn, state=TurnState.DONE, text=f"answer {number}"), said)
        await stores.turns.put_delivery(Delivery(turn.id, 0, DeliveryState.SENT, f"m{number}"))
        await stores.turns.feedback(turn.id, person.id, 1)
        await stores.keyvalue.put("notes", person.id, f"key {number}", number)
        await stores.people.invite(person.id)
    return person


async def test_each_row_is_in_an_export_once_however_many_there_are(stores: Stores) -> None:
    person = await settled(stores)
    names = [piece.name async for piece in stores.people.export(person.id)]
    assert names == sorted(names, key=names.index), "the pieces of a list follow one another"
    found = await whole(stores.people.export(person.id))
    assert sorted(turn["text"] for turn in found["turns"]) == sorted(f"answer {n}" for n in range(MANY))
    said = Counter(message["text"] for message in found["messages"])
    assert said == Counter([f"{what} {n}" for n in range(MANY) for what in ("question", "answer")])
    assert len({row["id"] for row in found["conversations"]}) == len(found["conversations"]) == 70
    assert [len(found[name]) for name in ("feedback", "plugins", "invitations")] == [MANY] * 3
    assert await stores.people.stored(person.id) == {
        "conversations": 70, "messages": 2 * MANY, "feedback": MANY, "shares": 0, "overheard": 0,
        "invitations": MANY, "plugins": MANY,
    }  # fmt: skip


@pytest.mark.parametrize(("most", "told"), [(0, 1), (69, 70), (70, 70), (71, 70)])
async def test_counting_ends_one_past_the_bound(stores: Stores, most: int, told: int) -> None:
    person = await settled(stores, 70)
    assert (await stores.people.stored(person.id, most=most))["conversations"] == told


@pytest.mark.parametrize("id", ["nobody", "", "\0"])
async def test_of_nobody_there_is_nothing(stores: Stores, id: str) -> None:
    await settled(stores, 2)
    assert set((await stores.people.stored(id)).values()) == {0}
    with pytest.raises(StorageGone):
        await anext(stores.people.export(id))


async def test_an_export_of_who_goes_meanwhile_has_no_end(stores: Stores) -> None:
    person = await settled(stores, 3)
    export = stores.people.export(person.id)
    await anext(export)
    await stores.people.delete(person.id)
    with pytest.raises(StorageGone):
        await anext(export)


async def test_what_goes_meanwhile_hides_nothing_that_stays(stores: Stores) -> None:
    person = await settled(stores)
    keys, found = sorted(await stores.keyvalue.items("notes", person.id)), Counter[str]()
    async for piece in stores.people.export(person.id):
        if piece.name == "plugins":
            found.update(row["key"] for row in piece.more if isinstance(row, dict))
            for key in keys[:10]:
                await stores.keyvalue.delete("notes", person.id, key)
    assert set(found.values()) == {1}
    assert set(keys[10:]) <= set(found)
