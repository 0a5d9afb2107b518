"""A conversation that operators take over from one another, in a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, expect

from bot.types import ConsoleRole
from tests.adapters.console_people import Town
from tests.adapters.web_core import House, console_deps, house
from tests.browser.stage import visit
from tests.fakes import FakeClock, Memory


@asynccontextmanager
async def place() -> AsyncIterator[tuple[House, Town, str]]:
    """A console over a town with one conversation, which is at this address."""
    memory, clock = Memory(), FakeClock()
    town = Town(memory, clock)
    turn = await town.ask("Help!")
    async with house(console=console_deps(memory, clock)) as home:
        yield home, town, f"{home.url}/console/conversations/{turn.conversation_id}"


async def enter(browser: Browser, home: House, name: str, at: str) -> tuple[Page, list[str]]:
    """Somebody who works in the console, at this page."""
    assert home.deps.console is not None
    accounts = home.deps.console.accounts
    if not await accounts.listing():
        await accounts.enter(await accounts.owner_link(seconds=60))
    known = await accounts.named(name)
    token = (
        await accounts.again(known.id, seconds=60)
        if known
        else await accounts.invite("", name=name, role=ConsoleRole.OPERATOR, seconds=60)
    )
    page, errors = await visit(browser, f"{home.url}/console/login?token={token}")
    await page.locator("main .primary").click()
    await page.wait_for_url("**/console/account**")
    await page.goto(at)
    return page, errors


async def take(page: Page) -> None:
    await page.locator("[data-dialog=take]").click()
    await page.locator("#take .primary").click()
    await expect(page.locator("#f-text")).to_be_visible()
