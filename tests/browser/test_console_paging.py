"""The focus and what is told after a page of a list was turned in the console, in a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from adapters.web.console import conversations, feedback, people
from adapters.web.console.reading import SHOWN
from bot.types import ConsoleRole, FinishReason, TurnState
from tests.adapters.console_people import Town
from tests.adapters.web_core import House, console_deps, house
from tests.browser.console_look import enter
from tests.browser.stage import violations
from tests.fakes import FakeClock, Memory

pytestmark = pytest.mark.browser
LISTEN = """() => {
  const said = document.getElementById('said');
  window.listener?.disconnect();
  window.heard = [];
  window.listener = new MutationObserver(() => said.textContent && window.heard.push(said.textContent));
  window.listener.observe(said, { childList: true, characterData: true, subtree: true });
}"""
RING = "it => it.matches(':focus-visible')"
IN_VIEW = "it => { const { top } = it.getBoundingClientRect(); return top >= 0 && top < innerHeight; }"


@asynccontextmanager
async def place() -> AsyncIterator[tuple[House, Town]]:
    memory, clock = Memory(), FakeClock()
    async with house(console=console_deps(memory, clock)) as home:
        yield home, Town(memory, clock)


async def turned(page: Page, name: str, goal: Locator, told: str, *, ring: bool) -> None:
    """Once the link is pressed, by the keyboard where there is to be a ring."""
    await page.evaluate(LISTEN)
    link = page.get_by_role("link", name=name)
    if ring:
        await link.focus()
        await page.keyboard.press("Enter")
    else:
        await link.click()
    await expect(goal).to_be_focused()
    assert await goal.evaluate(RING) is ring
    await expect(page.locator("#said")).to_have_text(told)
    assert await page.evaluate("window.heard") == [told]


async def test_a_table_has_the_focus_when_its_page_was_turned_and_a_field_keeps_it(browser: Browser) -> None:
    async with place() as (home, town):
        for number in range(people.SHOWN + 3):
            await town.person(f"Ann {number:03}")
        page, errors = await enter(browser, home, "/console/people")
        table = page.locator("#list .scroll")
        await turned(page, "Further", table, "Entries on this page: 3. It is the last one.", ring=True)
        assert await violations(page) == []
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name=f"Ann {people.SHOWN:03}")).to_be_focused()
        told = f"Entries on this page: {people.SHOWN}."
        await turned(page, "Beginning", table, told, ring=False)
        await page.evaluate(LISTEN)
        field = page.get_by_label("Name begins with")
        await field.press_sequentially("Ann 00")
        await expect(page.locator("tbody tr")).to_have_count(10)
        await expect(field).to_be_focused()
        assert await page.evaluate("window.heard") == []
        assert errors == []


async def test_a_list_of_cards_has_the_focus_when_its_page_was_turned(browser: Browser) -> None:
    async with place() as (home, town):
        for number in range(feedback.SHOWN + 1):
            await town.rate(await town.ask(f"Question {number}", chat=f"c{number}"), 1)
        page, errors = await enter(browser, home, "/console/feedback")
        cards = page.locator("#list .found")
        await turned(page, "Older", cards, "Entries on this page: 1. It is the last one.", ring=False)
        await turned(page, "Newest", cards, f"Entries on this page: {feedback.SHOWN}.", ring=True)
        assert errors == []


async def test_a_heading_keeps_the_focus_where_the_part_below_it_follows_what_happens(
    browser: Browser,
) -> None:
    async with place() as (home, town):
        page, errors = await enter(browser, home, "/console/conversations")
        assert home.deps.console is not None
        assert home.deps.console.takeover is not None
        (owner,) = await home.deps.console.accounts.listing()
        for number in range(conversations.HELD + 2):
            turn = await town.ask("Hello?", chat=f"c{number}", title=f"c{number}")
            await home.deps.console.takeover.take(turn.conversation_id, owner)
        await page.reload()
        heading = page.locator("#taken h2")
        await turned(page, "Further", heading, "Entries on this page: 2. It is the last one.", ring=True)
        chat, taken = await page.locator("#taken li a").first.inner_text(), FinishReason.TAKEN
        await town.ask("And?", "", chat=chat, state=TurnState.CANCELLED, finish_reason=taken)
        await expect(page.locator("#taken .badge")).to_contain_text("waits")
        await expect(heading).to_be_focused()
        assert errors == []


async def test_the_first_of_the_earlier_questions_has_the_focus_when_they_have_come(browser: Browser) -> None:
    async with place() as (home, town):
        for number in range(1, 2 * SHOWN + 4):
            turn = await town.ask(f"Question {number}")
        at = f"/console/conversations/{turn.conversation_id}"
        page, errors = await enter(browser, home, at, ConsoleRole.OPERATOR)
        told = "Earlier questions are shown above."
        await turned(page, "Earlier", page.locator("#turn-4"), told, ring=False)
        await page.keyboard.press("Shift+Tab")
        await expect(page.get_by_role("link", name="Earlier")).to_be_focused()
        first = page.locator("#turn-1")
        await turned(page, "Earlier", first, told, ring=True)
        assert await first.evaluate(IN_VIEW)
        assert errors == []
