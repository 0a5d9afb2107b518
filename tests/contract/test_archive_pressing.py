"""What needs somebody, counted."""

from __future__ import annotations

from dataclasses import replace

from bot.takeover import TAKEN
from bot.types import Address, FinishReason, Message, Role, Turn, TurnState
from tests.contract.archive_stage import archive_of, asked, numbers
from tests.contract.conftest import Stores, an_event


async def taken_over(stores: Stores, chat: str) -> int:
    """As `bot.takeover` notes it."""
    home = await stores.conversations.open(Address("test", "bot", chat))
    await stores.keyvalue.put("takeover", "", str(home.id), {"account": "x", "at": 1.0})
    await stores.conversations.update(home.id, settings={TAKEN: {"name": "Olga", "at": 1.0}})
    return home.id


async def waits(stores: Stores, chat: str) -> Turn:
    """Somebody asks, and waits for a person."""
    home = await stores.conversations.open(Address("test", "bot", chat))
    event = an_event(next(numbers), chat=chat)
    turn = await stores.turns.begin(home, event, person_id="ann")
    turn = replace(turn, state=TurnState.CANCELLED, finish_reason=FinishReason.TAKEN)
    await stores.turns.finish(turn, [Message(Role.USER, "Hello?")])
    return turn


async def test_conversations_in_which_somebody_waits_are_counted(stores: Stores) -> None:
    archive = archive_of(stores)
    assert await archive.pressing(9) == {"waiting": 0, "feedback": 0}
    for chat in ("idle", "twice", "answered", "anew", "back"):
        await asked(stores, "q", "a", chat=chat)
        await taken_over(stores, chat)
    await taken_over(stores, "nobody has asked")
    await waits(stores, "not taken over")
    for chat in ("twice", "twice", "answered", "anew", "back"):
        await waits(stores, chat)
    assert (await archive.pressing(9))["waiting"] == 4
    assert (await archive.pressing(2))["waiting"] == 2
    await asked(stores, "q", "a person's answer", chat="answered")
    for chat in ("anew", "back"):
        home = await stores.conversations.open(Address("test", "bot", chat))
        if chat == "anew":
            await stores.conversations.restart(home.id)
        else:
            await stores.conversations.update(home.id, settings={TAKEN: None})
    assert (await archive.pressing(9))["waiting"] == 1


async def test_feedback_that_nobody_has_seen_to_is_counted(stores: Stores) -> None:
    archive, turn = archive_of(stores), await asked(stores, "q", "a")
    for person, value in ((turn.person_id, -1), ("bob", 1), ("eve", 1)):
        await stores.turns.feedback(turn.id, person, value)
    assert ((await archive.pressing(9))["feedback"], (await archive.pressing(2))["feedback"]) == (3, 2)
    await archive.handled(turn.id, "bob", True)
    await stores.turns.feedback(turn.id, "eve", 0)
    assert (await archive.pressing(9))["feedback"] == 1
