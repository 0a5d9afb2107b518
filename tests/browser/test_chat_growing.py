"""An answer on its way, in a real Chromium: what is open is shown as it will be."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.adapters.web_core import house
from tests.browser.stage import SIZES, shot, violations, visit

pytestmark = pytest.mark.browser
ANSWER = "See https://example.org/a_b.\n\n- [x] done\n- [ ] to do\n\nLook **at these words** now."


async def test_an_open_emphasis_is_bold_already_and_addresses_and_tasks_are_made(browser: Browser) -> None:
    async with house() as home:
        home.core.script.answer = ANSWER
        home.core.script.pause_after = ANSWER.split(" ").index("words**")
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"], locale="en")
        await page.locator("#text").fill("How?")
        await page.locator("#text").press("Enter")
        answer = page.locator(".answer")
        await expect(answer.locator("strong")).to_have_text("at these")
        await expect(answer).not_to_contain_text("**")
        home.core.script.gate.set()
        await expect(answer.locator("strong")).to_have_text("at these words")
        link = answer.locator("a")
        await expect(link).to_have_attribute("href", "https://example.org/a_b")
        await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
        await expect(answer.locator("li.task")).to_have_text(["☑ done", "☐ to do"])
        assert await violations(page) == []
        await shot(page, "chat-growing")
        assert errors == []
