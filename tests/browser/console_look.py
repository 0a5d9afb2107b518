"""The console in a real Chromium, looked at by somebody of a role at each size, look and language."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, Page

from bot.types import ConsoleRole
from tests.adapters.web_core import House
from tests.browser.stage import SIZES, shot, sideways, violations, visit


async def enter(
    browser: Browser, home: House, path: str, role: ConsoleRole = ConsoleRole.OWNER, **look: Any
) -> tuple[Page, list[str]]:
    """The console's page, with somebody of this role logged in, and what goes wrong in it from now on."""
    assert home.deps.console is not None
    accounts = home.deps.console.accounts
    link = await accounts.owner_link(seconds=60)
    if role is not ConsoleRole.OWNER:
        owner = await accounts.enter(link)
        link = await accounts.invite(owner.id, name=f"A {role}", role=role, seconds=60)
    page, errors = await visit(browser, f"{home.url}/console/login?token={link}", **look)
    await page.locator("main .primary").click()
    await page.wait_for_url("**/console/account**")
    await page.goto(home.url + path)
    return page, errors


def looks(size: str, scheme: str, locale: str) -> dict[str, Any]:
    return {"viewport": SIZES[size], "color_scheme": scheme, "locale": locale}


async def well_made(page: Page, name: str) -> None:
    """A screenshot, no accessibility errors, and nothing wider than the window."""
    await shot(page, name)
    found = await violations(page)
    assert not found, found
    assert not await sideways(page), "wider than the window"
