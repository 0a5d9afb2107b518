"""The console's feedback inbox, and its dead letters."""

from __future__ import annotations

import re

import pytest

from adapters.web.console.feedback import SHOWN
from adapters.web.console.render import called
from bot.types import Address, ConsoleRole, Event, EventKind, Part, Place, Sender
from tests.adapters.console_core import Browser, Site, shown, site
from tests.adapters.console_people import ATTACK, LINKED, Town
from tests.fakes import FakeInbox
from tests.fakes_atlas import FakeAtlas

HERE = "/console/feedback"
DEAD = "/console/dead"
HTMX = {"HX-Request": "true"}


async def town(place: Site) -> tuple[Town, Browser]:
    return Town(place.memory, place.clock), await place.as_role(ConsoleRole.OPERATOR)


async def test_feedback_is_shown_with_question_answer_reason_and_person() -> None:
    async with site() as place:
        home, operator = await town(place)
        turn = await home.ask(f"Why? {ATTACK}", LINKED)
        await home.rate(turn, -1, f"Wrong {ATTACK}", name=ATTACK)
        page = await operator.get(HERE)
        for text in (f"Why? {ATTACK}", f"Wrong {ATTACK}", "Not helpful"):
            assert text in shown(page)
        assert "<strong>bold</strong>" in page.text
        assert "<img" not in page.text
        assert f"/console/conversations/{turn.conversation_id}?before=5#turn-1" in page.text
        entry = (await place.deps.audit.listing())[0]
        assert (entry.action, entry.detail) == ("feedback.read", "1")


async def test_feedback_pages_by_key_and_is_filtered() -> None:
    async with site() as place:
        home, operator = await town(place)
        for number in range(SHOWN + 5):
            turn = await home.ask(f"Question {number}")
            await home.rate(turn, 1 if number % 5 else -1, f"Reason {number:03}", name=f"P{number % 2}")
        first = await operator.get(HERE)
        (older,) = re.findall(r'href="([^"]+before=[^"]+)"', shown(first))[-1:]
        second = await operator.get(older, **HTMX)
        seen = re.findall(r"Reason (\d+)", first.text + second.text)
        assert seen == [f"{n:03}" for n in range(SHOWN + 4, -1, -1)]
        down = await operator.get(f"{HERE}?value=down")
        assert re.findall(r"Reason (\d+)", down.text) == ["020", "015", "010", "005", "000"]
        person = await home.person("P0")
        own = await operator.get(f"{HERE}?person={person.id}&value=down")
        assert re.findall(r"Reason (\d+)", own.text) == ["020", "010", "000"]


async def test_what_was_seen_to_leaves_the_open_ones_and_can_come_back() -> None:
    async with site() as place:
        home, operator = await town(place)
        turn = await home.ask("Why?")
        await home.rate(turn, -1, "Wrong")
        person = (await home.person()).id
        await operator.get(HERE)
        sent = {"csrf": operator.csrf, "turn": turn.id, "person": person, "handled": "on"}
        part = await operator.client.post(f"{HERE}/handled", data=sent, headers=HTMX)
        assert ("Handled" in part.text, "<html" in part.text) == (True, False)
        assert "All is handled." in (await operator.get(HERE)).text
        assert "Handled" in (await operator.get(f"{HERE}?show=all")).text
        await operator.post(f"{HERE}/handled", turn=turn.id, person=person)
        assert "Wrong" in (await operator.get(HERE)).text
        actions = [action for _, action, about in await place.audited() if about == turn.id]
        assert actions == ["feedback.open", "feedback.handled"]


@pytest.mark.parametrize("query", ["before=x", "before=W10", "value=king", "show=%00", "person=%ff"])
async def test_odd_queries_are_no_failure(query: str) -> None:
    async with site() as place:
        _, operator = await town(place)
        assert (await operator.get(f"{HERE}?{query}")).status_code == 200


async def bury(place: Site, count: int) -> FakeInbox:
    inbox = FakeInbox(place.memory)
    for number in range(count):
        event = Event(
            f"e{number}",
            EventKind.MESSAGE,
            Address("telegram", "bot", "c"),
            Sender("x", f"Ann {ATTACK}"),
            (Part(text=f"Text {number:03} {ATTACK}"),),
            received_at=place.clock.time(),
        )
        await inbox.put(event)
        await inbox.bury(event, f"Reason {ATTACK}")
    return inbox


async def test_dead_letters_come_page_by_page_with_their_reason() -> None:
    async with site() as place:
        _, operator = await town(place)
        assert "There are no dead letters." in (await operator.get(DEAD)).text
        await bury(place, 35)
        first = await operator.get(DEAD)
        assert "<img" not in first.text
        assert f"Reason {ATTACK}" in shown(first)
        (older,) = re.findall(r'href="([^"]+before=[^"]+)"', shown(first))
        second = await operator.get(older, **HTMX)
        assert re.findall(r"Text (\d+)", first.text + second.text) == [f"{n:03}" for n in range(34, -1, -1)]
        assert (await place.audited())[0][1] == "dead.read"
        assert (await operator.get(f"{DEAD}?before=%00nothing")).status_code == 200


async def test_a_dead_letter_says_who_sent_it_and_where_as_other_pages_do() -> None:
    async with site() as place:
        home, operator = await town(place)
        visitor = await home.people.admit("web", Sender("f00dfeed"))
        chat = await home.conversations.open(Address("web", "web", "f00dfeed:a"))
        await home.conversations.update(chat.id, title=f"The lamp {ATTACK}")
        inbox = FakeInbox(place.memory)
        known = Event("1", EventKind.MESSAGE, chat.address, Sender("f00dfeed"), (Part(text="Why?"),))
        staff = Event("2", EventKind.CONSOLE, chat.address, Sender("console:x", name="Olga"))
        stranger = Event("3", EventKind.MESSAGE, Address("telegram", "bot", "9"), Sender("9", name=ATTACK))
        group = Event("4", EventKind.MESSAGE, Address("telegram", "bot", "-7"), Sender("9"))
        await FakeAtlas(place.memory).note([Place(group.address, f"Readers {ATTACK}")])
        for event in (known, staff, stranger, group):
            await inbox.put(event)
            await inbox.bury(event, "broken")
        page = await operator.get(DEAD)
        fourth, third, second, first = re.findall(r'<li class="card">.*?</li>', shown(page), re.DOTALL)
        name = called("en", "", visitor.id)
        assert f'<a href="/console/people/{visitor.id}">{name}</a>' in first
        assert name in shown(await operator.get(f"/console/people/{visitor.id}"))
        assert f'<a href="/console/conversations/{chat.id}" dir="auto">The lamp' in first
        assert ("Why?" in first, "broken" in first) == (True, True)
        assert ("Olga" in second, "/console/people/" in second) == (True, False)
        assert re.search(r'<a href="/console/places/\d+" dir="auto">Readers ', fourth)
        assert ATTACK in third
        assert "href=" not in third
        assert "<img" not in page.text


async def test_dead_letters_are_tried_again_one_or_all() -> None:
    async with site() as place:
        _, operator = await town(place)
        inbox = await bury(place, 3)
        key = (await inbox.dead())[0][0].key
        assert (await operator.post(f"{DEAD}/retry", key=key)).status_code == 303
        assert (await operator.post(f"{DEAD}/retry", key=key)).status_code == 404
        assert await inbox.pending(key)
        assert len(await inbox.dead()) == 2
        assert (await operator.post(f"{DEAD}/retry-all")).status_code == 303
        assert await inbox.dead() == []
        retries = [(e.target, e.detail) for e in await place.deps.audit.listing() if e.action == "dead.retry"]
        assert retries == [("", "× 2"), (key, "")]


async def test_feedback_that_its_person_changed_is_not_done_with_unread() -> None:
    async with site() as place:
        home, operator = await town(place)
        turn = await home.ask("Why?")
        await home.rate(turn, 1, "Good")
        page = (await operator.get(HERE)).text
        at = page.partition('name="at" value="')[2].partition('"')[0]
        person = (await home.person()).id
        await home.rate(turn, -1, "Wrong after all")
        given = {"turn": turn.id, "person": person, "handled": "on", "at": at}
        refused = await operator.post(f"{HERE}/handled", **given)
        assert (refused.status_code, "changed this feedback" in shown(refused)) == (409, True)
        assert "Wrong after all" in (await operator.get(HERE)).text
        assert (await operator.post(f"{HERE}/handled", **{**given, "at": ""})).status_code == 303
