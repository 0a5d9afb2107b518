"""What the console calls people without a name, and platforms; and what is news to whom."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from adapters.web.console.reading import Said, heard
from adapters.web.console.render import called, platform_name
from bot.types import Address, ConsoleRole, Event, EventKind, Message, Part, Role, Sender, Turn, TurnState
from tests.adapters.console_core import Site, shown, site
from tests.fakes_history import FakeConversations, FakeTurns
from tests.fakes_people import FakePeople

PLAIN = Said(Turn("t", 1, "e", 1, TurnState.DONE, "p"), "Why?", (), "", None, (), (), "", 0.0, "")


async def visitors(place: Site, *ids: str) -> list[str]:
    """People of the chat page without a name, each with a question; their ids."""
    people, turns = FakePeople(place.memory, place.clock), FakeTurns(place.memory, place.clock)
    found = []
    for id in ids:
        sender, address = Sender(id), Address("web", "web", f"{id}:talk")
        person = await people.admit("web", sender)
        conversation = await FakeConversations(place.memory).open(address)
        event = Event(id, EventKind.MESSAGE, address, sender, (Part(text="Hi"),))
        turn = await turns.begin(conversation, event, person_id=person.id)
        ended = replace(turn, state=TurnState.DELIVERING, text="Hello.")
        await turns.finish(ended, (Message(Role.USER, "Hi"), Message(Role.ASSISTANT, "Hello.")))
        await turns.finish(replace(ended, state=TurnState.DONE))
        found.append(person.id)
    return found


async def test_visitors_without_a_name_are_told_apart_on_every_page() -> None:
    async with site() as place:
        ids = await visitors(place, "visitor-one", "visitor-two")
        operator = await place.as_role(ConsoleRole.OPERATOR)
        names = [called("en", "", id) for id in ids]
        assert len(set(names)) == 2
        for path in ("conversations", "people", f"people/{ids[0]}", f"conversations?person={ids[0]}"):
            assert names[0] in shown(await operator.get(f"/console/{path}")), path
        for path in ("conversations", "people"):
            assert names[1] in shown(await operator.get(f"/console/{path}"))
        link = re.search(r"/console/conversations/\d+", (await operator.get("/console/conversations")).text)
        assert link is not None
        assert names[1] in shown(await operator.get(link[0])), "the last active"
        chinese = shown(await operator.get("/console/people", **{"Accept-Language": "zh"}))
    assert called("zh", "", ids[0]) in chinese
    assert "Chat page" not in chinese


@pytest.mark.parametrize("id", ["", "x", "\ud800", "x" * 10_000], ids=["none", "short", "surrogate", "long"])
def test_any_person_has_a_short_name_that_stays(id: str) -> None:
    assert re.fullmatch(r"Visitor [0-9a-f]{5}", called("en", "", id))
    assert called("zh", "", id) == called("en", "", id).replace("Visitor", "访客")
    assert called("en", "Ann", id) == "Ann"


def test_a_platform_without_a_word_is_called_by_its_key() -> None:
    assert [platform_name("en", key) for key in ("web", "telegram", "terminal", "pigeon")] == [
        *("Chat page", "Telegram", "Terminal", "pigeon")
    ]


def test_what_one_says_oneself_is_no_news_and_what_others_do_is() -> None:
    before = heard([PLAIN], "Olga", "")
    mine = replace(PLAIN, turn=replace(PLAIN.turn, number=2), question="", operator="Olga")
    waits = replace(PLAIN, turn=replace(PLAIN.turn, number=2), fate="waits")
    running = replace(PLAIN, turn=replace(PLAIN.turn, number=2, state=TurnState.GENERATING))
    assert heard([PLAIN, mine], "Olga", "") == before
    assert heard([PLAIN, mine], "Ada", "Olga") != heard([PLAIN], "Ada", "Olga")
    assert heard([PLAIN, waits], "Olga", "") != before
    assert heard([PLAIN, replace(waits, fate="", operator="Olga")], "Olga", "Olga") == heard(
        [PLAIN, waits], "Olga", "Olga"
    ), "an answer to what waited"
    assert heard([PLAIN], "Olga", "Ada") != before, "somebody else has it"
    assert heard([PLAIN], "Olga", "") == before
    grown = replace(running, turn=replace(running.turn, text="more"))
    assert heard([PLAIN, grown], "Olga", "") == heard([PLAIN, running], "Olga", ""), "once, not as it grows"
    ended = replace(running, turn=replace(running.turn, state=TurnState.DONE))
    assert heard([PLAIN, ended], "Olga", "") != heard([PLAIN, running], "Olga", "")
