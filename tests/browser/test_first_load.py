"""How heavy the pages are, and how soon they are painted, in a real Chromium on loopback."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.adapters.web_core import ask, browser_like, house
from tests.browser.console_look import enter
from tests.browser.first_load import Load, best_load
from tests.browser.test_console_overview import measured, with_watch

pytestmark = pytest.mark.browser
MOST_BYTES = 150_000
SOON = 500
"""Milliseconds to the first paint, where a line of text is painted within PLAIN; as many times more on a
machine that is as many times slower, or has more to do."""
PLAIN = 100
TRIES = 5


def light_and_quick(load: Load, line: float) -> None:
    assert load.files > 10, "the page, its scripts and styles"
    assert load.sent < min(MOST_BYTES, load.bare), "packed"
    assert load.paint < SOON * max(1, line / PLAIN), f"a line of text is painted after {line:.0f} ms"


async def test_the_chat_page_is_light_and_quick(browser: Browser) -> None:
    async with house() as home:
        async with browser_like(home.url) as client:
            await ask(client, "How?")
        light_and_quick(*await best_load(browser, home.url, "#list[aria-busy=false]", tries=TRIES))


async def test_the_overview_of_a_full_day_is_light_and_quick(browser: Browser) -> None:
    memory, _, watch = await measured()
    async with house(memory, **with_watch(memory, watch)) as home:
        path = "/console/overview"
        page, _ = await enter(browser, home, path)
        state = await page.context.storage_state()
        light_and_quick(
            *await best_load(browser, home.url + path, ".chart canvas", state=state, count=10, tries=TRIES)
        )
