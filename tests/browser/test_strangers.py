"""What somebody meets who is not let in, or came to a wrong address, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, Route, expect

from bot.clock import SystemClock
from tests.adapters.web_core import ask, browser_like, house
from tests.browser.stage import SIZES, shot, sideways, violations, visit

pytestmark = pytest.mark.browser


async def test_a_code_lets_in_and_a_wrong_one_says_so(browser: Browser) -> None:
    async with house(access="invite", loopback=False) as home:
        page, errors = await visit(browser, home.url, locale="en", viewport=SIZES["desktop"])
        form = page.locator("#enter")
        await expect(form).to_be_visible()
        await form.get_by_label("invite code").fill("/help")
        await form.get_by_role("button").click()
        await expect(form.get_by_role("alert")).to_contain_text("does not work")
        assert await violations(page) == []
        await form.get_by_label("invite code").fill("A" * 22)
        await page.keyboard.press("Enter")
        await expect(form).to_be_hidden()
        await expect(page.locator("#text")).to_be_focused()
        await page.reload()
        await expect(page.locator(".chat")).to_have_count(1)
        await expect(form).to_be_hidden()
        assert errors == []


async def test_a_code_whose_answer_broke_off_is_tried_again(browser: Browser) -> None:
    async with house(access="invite", loopback=False) as home:
        page, errors = await visit(browser, home.url, locale="en")
        form = page.locator("#enter")
        await expect(form).to_be_visible()

        async def broken(route: Route) -> None:
            await route.fulfill(content_type="application/json", body='{"known": tr')

        await page.route("**/api/v1/me", broken, times=1)
        await form.get_by_label("invite code").fill("A" * 22)
        await page.keyboard.press("Enter")
        await expect(form.get_by_role("alert")).to_have_text("That did not work. Please try again.")
        await form.get_by_role("button").click()
        await expect(form).to_be_hidden()
        assert errors == []


async def test_who_may_ask_is_not_asked_for_a_code(browser: Browser) -> None:
    for changes in ({"access": "open", "loopback": False}, {"access": "invite"}):
        async with house(**changes) as home:
            async with browser_like(home.url) as client:
                may = (await client.get("/api/v1/me")).json()["may_link"]
            page, errors = await visit(browser, home.url)
            await expect(page.locator("#list")).to_have_attribute("aria-busy", "false")
            assert may
            await expect(page.locator("#enter:visible")).to_have_count(0)
            assert errors == []
            await page.context.close()


async def _seen(page: Page, name: str) -> None:
    for size, wide in SIZES.items():
        await page.set_viewport_size(wide)
        await shot(page, f"{name}-{size}")
        assert await violations(page) == []
        assert not await sideways(page)


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
async def test_all_that_strangers_see_is_well_made_in_each_language_and_size(
    browser: Browser, locale: str
) -> None:
    async with house(access="invite", loopback=False) as home, browser_like(home.url) as client:
        await ask(client, "How do I connect Telegram?")
        ((conversation, _),), (person,) = home.core.memory.conversations.items(), home.core.memory.people
        until, title = SystemClock().time() + 60, "A very long title " * 11
        link = await home.deps.shares.put(conversation, person, last_turn=1, title=title, expires_at=until)
        page, _ = await visit(browser, f"{home.url}/nosuch", locale=locale)
        assert await page.locator("html").get_attribute("lang") == locale[:2]
        await _seen(page, f"nowhere-{locale}")
        await page.goto(f"{home.url}/s/{link}")
        await _seen(page, f"shared-{locale}")
        await page.set_viewport_size(SIZES["phone"])
        heading = await page.locator("h1").bounding_box()
        assert heading is not None
        assert heading["height"] < SIZES["phone"]["height"] / 5
        await page.goto(f"{home.url}/s/gone")
        await _seen(page, f"share-gone-{locale}")
        await page.goto(f"{home.url}/s/{link}?before=x")
        await page.get_by_role("link").last.click()
        await expect(page.locator("#enter")).to_be_visible()
        await _seen(page, f"enter-{locale}")


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
async def test_sharing_is_well_made_in_each_language_and_size(browser: Browser, locale: str) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, locale=locale, viewport=SIZES["desktop"])
        await page.locator("#text").fill("How do I connect Telegram?")
        await page.keyboard.press("Enter")
        await page.locator("#list li .do").click()
        await page.locator(".menu [data-do='share']").click()
        await expect(page.locator("#share")).to_be_visible()
        await _seen(page, f"share-dialog-{locale}")
        await page.locator("#share .primary").click()
        await expect(page.locator("#share-link")).to_be_visible()
        await _seen(page, f"share-link-{locale}")
        assert errors == []
