"""The platforms' page in a real Chromium."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import Browser, Route, expect

from bot.clock import SystemClock
from bot.types import PlatformState
from tests.adapters.web_core import console_deps, house
from tests.browser.console_look import enter, looks, well_made
from tests.browser.stage import LOOKS
from tests.fakes import Memory
from tests.fakes_service import SINCE, TELEGRAM, WEB, FakePlatforms

pytestmark = pytest.mark.browser
DISCORD = PlatformState(
    "discord",
    "@Tertulia",
    "gateway",
    "Discord refuses TERTULIA_DISCORD_TOKEN (401 Unauthorized); copy it again from your application's page",
    since=SINCE,
    received=88,
    last_received=SINCE,
    link="https://discord.com/oauth2/authorize?client_id=1234567890&scope=bot+applications.commands",
)


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_the_page_fits_and_a_platform_is_connected_anew(
    browser: Browser, size: str, scheme: str, locale: str
) -> None:
    platforms = FakePlatforms(replace(TELEGRAM, last_received=SINCE + 50), DISCORD, WEB)
    async with house(console=console_deps(Memory(), SystemClock(), platforms=platforms)) as home:
        page, errors = await enter(browser, home, "/console/platforms", **looks(size, scheme, locale))
        await expect(page.locator("#list > .card")).to_have_count(3)
        await well_made(page, f"console-platforms-{size}-{scheme}-{locale}")
        await page.locator("[data-dialog=reconnect-discord]").click()
        await well_made(page, f"console-platforms-dialog-{size}-{scheme}-{locale}")
        await page.locator("dialog[open] .primary").click()
        await expect(page.locator(".notice.good")).to_be_visible()
        await expect(page.locator(".badge.bad")).to_have_count(0)
        assert platforms.reconnected == ["discord"]
        assert errors == []


async def test_what_happens_shows_by_itself_but_not_under_a_hand(browser: Browser) -> None:
    platforms = FakePlatforms(TELEGRAM)
    async with house(console=console_deps(Memory(), SystemClock(), platforms=platforms)) as home:
        page, errors = await enter(browser, home, "/console/platforms")
        await expect(page.get_by_text("TERTULIA_DISCORD_TOKEN=…")).to_be_visible()
        platforms.known = [replace(TELEGRAM, error="Telegram cannot be reached")]
        await expect(page.get_by_text("Telegram cannot be reached")).to_be_visible(timeout=15_000)
        await expect(page.locator("time").first).not_to_contain_text("UTC")
        platforms.refusal = "Telegram refuses the token"
        await page.get_by_role("button", name="Reconnect").click()
        await page.get_by_role("dialog").get_by_role("button", name="Reconnect").click()
        await expect(page.get_by_text("Telegram could not be reconnected")).to_be_visible()
        assert [e for e in errors if "409" not in e] == []


async def test_a_server_that_hangs_is_asked_one_at_a_time_and_again_after_a_while(browser: Browser) -> None:
    platforms = FakePlatforms(TELEGRAM)
    async with house(console=console_deps(Memory(), SystemClock(), platforms=platforms)) as home:
        page, _ = await enter(browser, home, "/console/account")
        await page.clock.install()
        await page.goto(f"{home.url}/console/platforms")
        live = await page.locator("[data-live]").get_attribute("data-live")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.removeprefix(home.url)))

        async def silent(route: Route) -> None:
            """Nothing is said, and nothing ends."""

        for path in (live, "/console/needs"):
            await page.route(f"{home.url}{path}", silent)
        async with page.expect_request("**/console/needs"):
            await page.clock.run_for(19_000)
        assert asked == [live, "/console/needs"]
        await page.unroute_all()
        platforms.known = [replace(TELEGRAM, error="Telegram cannot be reached")]
        async with page.expect_response("**/console/needs"):
            for _ in range(3):
                await page.clock.run_for(5_000)
        await expect(page.get_by_text("Telegram cannot be reached")).to_be_visible()
