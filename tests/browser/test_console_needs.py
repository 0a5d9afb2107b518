"""What needs somebody, as an operator sees and hears it on whatever page they are."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from playwright.async_api import Browser, Page, expect

from bot.clock import SystemClock
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
from tests.adapters.console_people import ATTACK, Town
from tests.adapters.web_core import console_deps, house
from tests.browser.console_look import enter, looks, well_made
from tests.browser.stage import LOOKS
from tests.fakes import FakeClock, FakeInbox, Memory

pytestmark = pytest.mark.browser


async def taken_over(memory: Memory, town: Town) -> int:
    """A conversation that Olga has."""
    turn = await town.ask("How do I get in?", title=f"The door {ATTACK}", name="Ann")
    held = {"takeover": {"name": "Olga", "at": 1.0}}
    await town.conversations.update(turn.conversation_id, settings=held)
    return turn.conversation_id


async def waits(town: Town, id: int, number: int = 1) -> None:
    home, person = await town.conversations.get(id), await town.person("Ann")
    assert home is not None
    parts = (Part(text="?"),)
    event = Event(f"w{number}", EventKind.MESSAGE, home.address, Sender("id-Ann", "Ann"), parts)
    turn = await town.turns.begin(home, event, person_id=person.id)
    kept = replace(turn, state=TurnState.CANCELLED, finish_reason=FinishReason.TAKEN)
    await town.turns.finish(kept, [Message(Role.USER, "Is anybody there?")])


async def look(page: Page) -> None:
    """As when somebody comes back to the tab."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_who_waits_is_seen_in_the_menu_the_title_and_the_list_and_heard(browser: Browser) -> None:
    memory, clock = Memory(), FakeClock()
    town, deps = Town(memory, clock), console_deps(memory, SystemClock())
    id = await taken_over(memory, town)
    async with house(console=deps) as home:
        page, errors = await enter(browser, home, "/console/conversations", ConsoleRole.OPERATOR)
        seen = page.locator(".side [data-need=conversations]")
        await expect(page.locator("#taken li")).to_have_count(1)
        await expect(seen).to_be_hidden()
        await expect(page).to_have_title("Conversations · Tertulia")
        await waits(town, id)
        await expect(page.locator("#taken")).to_contain_text("Ann waits")
        await expect(seen.locator("[aria-hidden]")).to_have_text("1")
        await expect(page).to_have_title("(1) Conversations · Tertulia")
        await expect(page.locator("#needed")).to_have_text("Chats that wait for a person: 1.")
        await page.get_by_role("link", name="Chats Chats that wait for a person: 1.").first.click()
        await expect(page).to_have_title("(1) Conversations · Tertulia")
        await page.goto(f"{home.url}/console/people")
        await expect(page).to_have_title("(1) People · Tertulia")
        await town.conversations.update(id, settings={"takeover": None})
        async with asyncio.timeout(30):
            while await seen.is_visible():
                await look(page)
        await expect(page).to_have_title("People · Tertulia")
        assert errors == []


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_counts_fit_and_are_accessible(browser: Browser, size: str, scheme: str, locale: str) -> None:
    memory, clock = Memory(), FakeClock()
    town, inbox = Town(memory, clock), FakeInbox(memory)
    await waits(town, await taken_over(memory, town))
    for number in range(120):
        event = Event(f"d{number}", EventKind.MESSAGE, Address("telegram", "bot", "c"), Sender("ann"))
        await inbox.put(event)
        await inbox.bury(event, "broken")
    async with (
        house(console=console_deps(memory, SystemClock(), inbox=inbox)) as home,
    ):
        path = "/console/conversations"
        page, errors = await enter(browser, home, path, **looks(size, scheme, locale))
        bar = page.locator(".bar" if size == "phone" else ".side")
        await expect(bar.locator("[data-need=conversations] [aria-hidden]")).to_have_text("1")
        await expect(bar.locator("[data-need=dead] [aria-hidden]")).to_have_text("99+")
        await expect(bar.locator("[data-need=dead]")).to_be_visible()
        await well_made(page, f"console-needs-{size}-{scheme}-{locale}")
        assert errors == []
