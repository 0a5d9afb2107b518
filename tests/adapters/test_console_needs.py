"""Counts of what needs somebody, beside the menu's entries: true, bounded, and only for who may see them."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx

from adapters.web.console.needs import FRESH
from bot.errors import StorageError
from bot.types import (
    Address,
    ConsoleRole,
    Event,
    EventKind,
    FinishReason,
    Message,
    Part,
    Role,
    Sender,
    TurnState,
)
from tests.adapters.console_core import Site, shown, site
from tests.adapters.console_people import Town
from tests.fakes import FakeInbox

COUNT = re.compile(r'data-need="(\w+)"( hidden)?><span aria-hidden="true">([^<]*)</span>')
HERE = "/console/conversations"
HTMX = {"HX-Request": "true"}


def counts(response: httpx.Response) -> dict[str, str]:
    """What is seen beside the entries of the side menu."""
    menu = response.text.partition('<nav class="bar"')[0]
    return {key: count for key, hidden, count in COUNT.findall(menu) if not hidden}


async def wait(place: Site, town: Town, chat: str, name: str = "Ann") -> int:
    """Somebody asks in a conversation that Olga has taken over, and waits."""
    takeover = place.deps.takeover
    assert takeover
    turn = await town.ask("Hi", chat=chat, name=name)
    (operator,) = [a for a in await place.deps.accounts.listing() if a.role is ConsoleRole.OPERATOR]
    await takeover.take(turn.conversation_id, operator)
    home = await town.conversations.get(turn.conversation_id)
    assert home is not None
    event = Event(f"w{chat}", EventKind.MESSAGE, home.address, Sender(f"id-{name}", name), (Part(text="?"),))
    waiting = await town.turns.begin(home, event, person_id=turn.person_id)
    kept = replace(waiting, state=TurnState.CANCELLED, finish_reason=FinishReason.TAKEN)
    await town.turns.finish(kept, [Message(Role.USER, "Is anybody there?")])
    return turn.conversation_id


async def bury(place: Site, number: int, sender: str = "ann") -> Event:
    inbox = FakeInbox(place.memory)
    event = Event(f"d{number}", EventKind.MESSAGE, Address("telegram", "bot", "c"), Sender(sender))
    await inbox.put(event)
    await inbox.bury(event, "broken")
    return event


async def test_each_page_tells_what_needs_somebody_and_the_title_who_waits() -> None:
    async with site() as place:
        operator, town = await place.as_role(ConsoleRole.OPERATOR), Town(place.memory, place.clock)
        assert counts(await operator.get("/console/people")) == {}
        await town.rate(await town.ask("Hi"), -1)
        for number in range(2):
            await wait(place, town, f"w{number}")
        for number in range(120):
            await bury(place, number)
        await place.clock.advance(FRESH)
        page = await operator.get("/console/people")
        assert counts(page) == {"conversations": "2", "feedback": "1", "dead": "99+"}
        assert "<title>(2) People" in shown(page)
        assert "Chats that wait for a person: 2." in page.text
        told = (await operator.get("/console/needs")).json()
        assert told["conversations"] == {"shown": "2", "said": "Chats that wait for a person: 2."}
        chinese = (await operator.get("/console/needs", **{"Accept-Language": "zh"})).json()
        assert chinese["dead"] == {"shown": "99+", "said": "死信：99+。"}


async def test_who_may_not_see_a_page_sees_no_count_of_it() -> None:
    async with site() as place:
        await bury(place, 1)
        for role in (ConsoleRole.VIEWER, ConsoleRole.AUTHOR):
            browser = await place.as_role(role)
            assert (await browser.get("/console/needs")).json() == {}
            assert "data-need" not in (await browser.get("/console/overview")).text
        stranger = await place.browser()
        assert (await stranger.get("/console/needs", **HTMX)).status_code == 401
        assert "data-need" not in (await stranger.get("/console/login")).text


async def test_what_somebody_has_seen_to_is_not_counted_on_their_next_page() -> None:
    async with site() as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        event = await bury(place, 1)
        await operator.get("/console/people")
        await place.clock.advance(FRESH)
        assert counts(await operator.get("/console/people")) == {"dead": "1"}
        await operator.post("/console/dead/retry", key=event.key)
        assert counts(await operator.get("/console/people")) == {}


async def test_many_who_ask_are_answered_by_one_count_and_a_database_that_fails_by_none() -> None:
    class Failing(FakeInbox):
        asked = 0

        async def count_dead(self, most: int) -> int:
            self.asked += 1
            raise StorageError("away")

    inbox = Failing()
    async with site(inbox=inbox) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        await operator.get("/console/people")
        before = inbox.asked
        for _ in range(5):
            page = await operator.get("/console/people")
            assert (page.status_code, counts(page)) == (200, {})
        assert inbox.asked == before
        await place.clock.advance(FRESH)
        assert (await operator.get("/console/needs")).json() == {}
        assert inbox.asked == before + 1


async def test_what_is_taken_over_tells_who_waits_first_and_follows_without_filling_the_log() -> None:
    async with site() as place:
        operator, town = await place.as_role(ConsoleRole.OPERATOR), Town(place.memory, place.clock)
        page = await operator.get(HERE)
        assert 'data-live="/console/conversations/held?held=0"' in page.text
        assert "Taken over now" not in page.text
        idle = await town.ask("Hi", chat="a", title="Idle")
        takeover, (account,) = (
            place.deps.takeover,
            [a for a in await place.deps.accounts.listing() if a.role is ConsoleRole.OPERATOR],
        )
        assert takeover
        await takeover.take(idle.conversation_id, account)
        id = await wait(place, town, "b", name="<b>Bob</b>")
        for _ in range(3):
            part = await operator.get(f"{HERE}/held", **HTMX)
        links = re.findall(r'href="/console/conversations/(\d+)"', part.text)
        assert links == [str(id), str(idle.conversation_id)]
        assert shown(part).count(" waits") == 1
        assert "<b>Bob</b> waits" in shown(part)
        assert "<b>Bob" not in part.text
        assert "<html" not in part.text
        listed = [entry for entry in await place.audited() if entry[1] == "conversations.list"]
        assert len(listed) == 1
        await place.clock.advance(3600)
        await operator.get(f"{HERE}/held", **HTMX)
        listed = [entry for entry in await place.audited() if entry[1] == "conversations.list"]
        assert len(listed) == 2
        assert (await operator.get(f"{HERE}/held")).headers["location"] == HERE
        assert '<div id="held" hidden>' in (await operator.get(f"{HERE}?platform=web")).text
