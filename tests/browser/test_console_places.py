"""The console's places in a real Chromium, at phone and desktop size."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.async_api import Browser, expect

from bot.clock import SystemClock
from bot.types import Address, ConsoleRole, Place
from tests.adapters.web_core import console_deps, house
from tests.browser.console_look import enter, looks, well_made
from tests.browser.stage import ATTACK, LOOKS
from tests.fakes import Memory
from tests.fakes_atlas import FakeAtlas
from tests.fakes_history import FakeConversations

pytestmark = pytest.mark.browser
CLUB, ROOM = Address("discord", "99", "guild:812345678901234567"), Address("discord", "99", "20")


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_an_operator_finds_a_server_and_sets_what_its_channels_inherit(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    memory = Memory()
    atlas = FakeAtlas(memory)
    rooms = [Place(Address("discord", "99", str(n)), name, (CLUB,)) for n, name in enumerate(("help", "王"))]
    await atlas.note([Place(CLUB, "Club"), Place(ROOM, ATTACK, (CLUB,)), *rooms])
    await atlas.note([Place(Address("telegram", "99", "-100"), "Family")])
    look: dict[str, Any] = looks(size, scheme, locale)
    async with house(console=console_deps(memory, SystemClock())) as home:
        page, errors = await enter(browser, home, "/console/places", ConsoleRole.OPERATOR, **look)
        name = f"console-places-{size}-{scheme}-{locale}"
        await well_made(page, name)
        await page.locator("#f-q").fill("clu")
        await page.locator("#f-q").press("Enter")
        await page.get_by_role("link", name="Club").click()
        await expect(page.locator("h1")).to_have_text("Club")
        await well_made(page, f"{name}-server")
        await page.locator("#f-trigger").select_option("all")
        await page.locator("#f-threads").select_option("long")
        await page.locator("details summary").click()
        await page.locator("#f-temperature").fill("99")
        await page.locator("#main form button.primary").last.click()
        await expect(page.locator("#f-temperature")).to_have_attribute("aria-invalid", "true")
        await well_made(page, f"{name}-wrong")
        await page.locator("#f-temperature").fill("0.5")
        await page.locator("#main form button.primary").last.click()
        await expect(page.locator(".notice.good")).to_be_visible()
        found = await FakeConversations(memory).find(CLUB)
        assert found is not None
        assert found.settings == {"trigger": "all", "threads": "long", "sampling": {"temperature": 0.5}}
        await page.locator("#list a.main", has_text="img").click()
        await expect(page.locator("#f-trigger option").first).to_contain_text("Club")
        await well_made(page, f"{name}-channel")
        assert await page.evaluate("window.hacked") is None
        assert all("422" in error for error in errors)
