"""The console's first page in a real Chromium: charts, figures that follow, and an empty service."""

from __future__ import annotations

import math
from typing import Any

import pytest
from playwright.async_api import Browser, Route, expect

from bot.clock import SystemClock
from bot.overview import Watching
from bot.statistics import Statistics
from bot.types import Address, ConsoleRole
from tests.adapters.web_core import House, console_deps, house
from tests.browser.console_look import enter, looks, well_made
from tests.browser.stage import ATTACK, LOOKS
from tests.fakes import FakeClock, Memory
from tests.fakes_history import FakeConversations
from tests.fakes_service import watching

pytestmark = pytest.mark.browser
STEP = 900.0


async def a_day(statistics: Statistics, clock: FakeClock) -> None:
    """Telegram and Discord by day and by night, with what goes wrong on a day."""
    for quarter in range(96):
        busy = 3 + round(9 * math.sin(quarter / 96 * math.pi) ** 2) + quarter % 3
        for number in range(busy):
            statistics.count("events", platform=("telegram", "discord", "web")[number % 3], kind="message")
            statistics.observe("first_chunk", 0.15 + 0.02 * number)
            statistics.observe("turn", 2.0 + 0.7 * number)
            for kind, tokens in (("prompt", 900 + 30 * quarter), ("cached", 500), ("completion", 180)):
                statistics.count("tokens", tokens, kind=kind, model="tiny")
        statistics.count("turns", busy, state="done")
        for _ in range(busy - 1):
            statistics.count("turns", 0, state="done")
        if quarter % 9 == 0:
            statistics.count("errors", kind="ModelTimeout")
            statistics.count("turns", state="failed")
        if quarter % 7 == 0:
            statistics.count("flood_waits", kind="final")
            statistics.count("turns", state="cancelled")
        if quarter % 3 == 0:
            statistics.count("refusals", reason="rate")
        await statistics.store()
        await clock.advance(STEP)


async def measured() -> tuple[Memory, Statistics, Watching]:
    """A service that has been in use for a day; its watch's clock stands."""
    memory, clock = Memory(), FakeClock()
    await FakeConversations(memory).open(Address("telegram", "1", "2"))
    watch, statistics = watching(memory, clock)
    statistics.watch("people_waiting", lambda: 2)
    statistics.watch("lanes_running", lambda: 5)
    await a_day(statistics, clock)
    return memory, statistics, watch


def with_watch(memory: Memory, watch: Watching) -> dict[str, Any]:
    return {"console": console_deps(memory, SystemClock(), watch=watch)}


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_the_overview_is_drawn_fits_and_is_accessible(
    browser: Browser, size: str, scheme: str, locale: str
) -> None:
    memory, _, watch = await measured()
    async with house(memory, **with_watch(memory, watch)) as home:
        look = looks(size, scheme, locale)
        page, errors = await enter(browser, home, "/console/overview", ConsoleRole.VIEWER, **look)
        await expect(page.locator(".chart canvas")).to_have_count(10)
        await well_made(page, f"console-overview-{size}-{scheme}-{locale}")
        await page.locator("#troubles").scroll_into_view_if_needed()
        await page.locator("#troubles summary").click()
        await expect(page.locator("#troubles tbody tr").first).to_be_visible()
        await well_made(page, f"console-overview-below-{size}-{scheme}-{locale}")
        await page.locator(".tabs a").nth(2).click()
        await expect(page.locator(".tabs [aria-current]")).to_have_attribute(
            "href", "/console/overview?span=week"
        )
        await expect(page.locator(".chart canvas")).to_have_count(10)
        await well_made(page, f"console-overview-week-{size}-{scheme}-{locale}")
        assert errors == []


async def test_what_happens_meanwhile_shows_by_itself(browser: Browser) -> None:
    memory, statistics, watch = await measured()
    async with house(memory, **with_watch(memory, watch)) as home:
        page, errors = await enter(browser, home, "/console/overview?span=hour")
        legend = page.locator("#messages .legend")
        await expect(legend).to_contain_text("Telegram")
        statistics.count("events", platform=ATTACK, kind="message")
        statistics.count("errors", kind=ATTACK)
        await expect(legend).to_contain_text(ATTACK)
        await expect(page.locator("#causes")).to_contain_text(ATTACK)
        await expect(page.locator("#updated")).to_contain_text("Updated")
        assert await page.evaluate("window.hacked") is None
        assert errors == []


async def test_the_values_below_the_pointer_are_told(browser: Browser) -> None:
    memory, _, watch = await measured()
    async with house(memory, **with_watch(memory, watch)) as home:
        page, errors = await enter(
            browser, home, "/console/overview", viewport={"width": 1280, "height": 860}
        )
        await expect(page.locator("#messages .legend .at")).to_have_count(0)
        await page.locator("#messages .u-over").hover()
        await expect(page.locator("#messages .legend .at")).to_be_visible()
        await expect(page.locator("#tokens .legend .at")).to_have_count(1)
        assert errors == []


async def test_without_scripts_the_figures_are_there_as_tables(browser: Browser) -> None:
    memory, _, watch = await measured()
    async with house(memory, **with_watch(memory, watch)) as home:
        page, _ = await enter(browser, home, "/console/overview", java_script_enabled=False)
        await page.get_by_role("link", name="as tables").click()
        await page.locator("#messages summary").click()
        await expect(page.locator("#messages tbody tr")).to_have_count(47)
        await expect(page.locator("#messages thead")).to_contain_text("Telegram")


@pytest.mark.parametrize(("size", "scheme", "locale"), [LOOKS[0], LOOKS[2]])
async def test_a_new_service_says_what_next_until_the_first_question(
    browser: Browser, size: str, scheme: str, locale: str
) -> None:
    memory = Memory()
    async with house(memory) as home:
        page, errors = await enter(browser, home, "/console/overview", **looks(size, scheme, locale))
        await expect(page.locator("#next li")).to_have_count(4)
        await well_made(page, f"console-overview-new-{size}-{scheme}-{locale}")
        await first_question(home)
        await expect(page.locator("#next")).to_have_count(0)
        assert errors == []


async def first_question(home: House) -> None:
    await home.core.conversations.open(Address("telegram", "1", "2"))


async def test_a_lost_server_is_told_and_found_again(browser: Browser) -> None:
    memory, _, watch = await measured()
    async with house(memory, **with_watch(memory, watch)) as home:
        page, _ = await enter(browser, home, "/console/overview")
        await expect(page.locator("#updated")).to_contain_text("Updated")
        await page.context.set_offline(True)
        await expect(page.locator("#updated")).to_contain_text("No answer")
        await page.context.set_offline(False)
        await expect(page.locator("#updated")).to_contain_text("Updated")


async def test_a_server_that_hangs_is_told_as_lost_and_found_again(browser: Browser) -> None:
    memory, _, watch = await measured()
    async with house(memory, **with_watch(memory, watch)) as home:
        page, _ = await enter(browser, home, "/console/overview")
        await expect(page.locator("#updated")).to_contain_text("Updated")

        async def silent(route: Route) -> None:
            """Nothing is said, and nothing ends."""

        await page.route("**/console/overview/data?*", silent)
        await expect(page.locator("#updated")).to_contain_text("No answer")
        await page.unroute_all()
        await expect(page.locator("#updated")).to_contain_text("Updated")


async def test_what_is_selected_to_be_copied_stays_selected(browser: Browser) -> None:
    memory, _, watch = await measured()
    async with house(console=console_deps(memory, SystemClock(), watch=watch)) as home:
        page, errors = await enter(browser, home, "/console/overview")
        async with page.expect_response("**/console/overview/data?*"):
            pass
        chosen = "getSelection().toString()"
        for part in ("#stats .stat:first-child dt + dd", "#causes tbody td:first-child"):
            await page.locator(part).first.evaluate("it => getSelection().selectAllChildren(it)")
            words = await page.evaluate(chosen)
            assert words
            async with page.expect_response("**/console/overview/data?*") as told:
                pass
            await (await told.value).finished()
            await page.evaluate("new Promise(requestAnimationFrame)")
            assert await page.evaluate(chosen) == words
        assert errors == []
