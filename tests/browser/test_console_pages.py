"""Long lists of the console turn their pages in a real Chromium, without a new page."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from adapters.web.console import conversations, personas
from bot.personas import Personas
from bot.settings import PersonaSettings, SamplingSettings
from bot.types import ConsoleRole, FinishReason, TurnState
from tests.adapters.console_people import Town
from tests.adapters.web_core import console_deps, house
from tests.browser.console_look import enter
from tests.browser.stage import ATTACK, SIZES, sideways, violations, visit
from tests.fakes import FakeClock, Memory
from tests.fakes_personas import MemoryPersonas

pytestmark = pytest.mark.browser


async def asked_of_a_person(town: Town) -> None:
    """A question waits where somebody has taken over: it stands first."""
    await town.ask("And?", "", chat="c0", state=TurnState.CANCELLED, finish_reason=FinishReason.TAKEN)


async def renewed(page: Page) -> None:
    """What is taken over has been asked for once more, and put anew."""
    held = await page.locator("#held").element_handle()
    assert held is not None
    await held.wait_for_element_state("hidden")


async def test_personas_and_what_is_taken_over_turn_their_pages(browser: Browser) -> None:
    memory, clock = Memory(), FakeClock()
    named = {f"p{number:03}": PersonaSettings(prompt=ATTACK * 9) for number in range(personas.SHOWN + 5)}
    desk = Personas(named, SamplingSettings(), store=MemoryPersonas())
    town, deps = Town(memory, clock), console_deps(memory, clock, personas=desk)
    await deps.accounts.enter(await deps.accounts.owner_link(seconds=60))
    token = await deps.accounts.invite("", name="Olga", role=ConsoleRole.OWNER, seconds=60)
    assert deps.takeover is not None
    ada = await deps.accounts.enter(
        await deps.accounts.invite("", name="Ada", role=ConsoleRole.OPERATOR, seconds=60)
    )
    for number in range(conversations.HELD + 2):
        turn = await town.ask("Hello?", chat=f"c{number}", title=f"Chat {number} {ATTACK}")
        await deps.takeover.take(turn.conversation_id, ada)
    async with house(console=deps) as home:
        login = f"{home.url}/console/login?token={token}"
        page, errors = await visit(browser, login, viewport=SIZES["phone"])
        await page.locator("main .primary").click()
        await page.wait_for_url("**/console/account**")
        for path, rows, before, after in (
            ("personas", ".tile", personas.SHOWN, 6),
            ("conversations", "#taken li", conversations.HELD, 2),
        ):
            await page.goto(f"{home.url}/console/{path}")
            await expect(page.locator(rows)).to_have_count(before)
            await page.evaluate("window.same = true")
            if path == "conversations":
                await asked_of_a_person(town)
                await renewed(page)
            await page.get_by_role("link", name="Further").click()
            await expect(page.locator(rows)).to_have_count(after)
            assert await violations(page) == []
            assert not await sideways(page)
            await page.get_by_role("link", name="Beginning").click()
            await expect(page.locator(rows)).to_have_count(before)
            assert await page.evaluate("window.same")
            await page.go_back()
            await expect(page.locator(rows)).to_have_count(after)
        assert await page.evaluate("window.hacked") is None
        assert errors == []


async def test_who_has_the_focus_in_what_follows_by_itself_keeps_it_and_sees_what_comes(
    browser: Browser,
) -> None:
    memory, clock = Memory(), FakeClock()
    town, deps = Town(memory, clock), console_deps(memory, clock)
    async with house(console=deps) as home:
        page, errors = await enter(browser, home, "/console/conversations")
        assert deps.takeover is not None
        (owner,) = await deps.accounts.listing()
        for chat in ("c0", "c1"):
            turn = await town.ask("Hello?", chat=chat, title=f"Chat {chat}")
            await deps.takeover.take(turn.conversation_id, owner)
        await page.reload()
        link = page.locator("#taken a", has_text="Chat c1")
        await link.focus()
        await asked_of_a_person(town)
        await expect(page.locator("#taken .badge")).to_contain_text("waits")
        await expect(link).to_be_focused()
        assert errors == []
