"""Chats that are left or deleted elsewhere, and what was being written in them."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.adapters.web_core import Script, house
from tests.browser.stage import SIZES, say, visit
from tests.browser.test_chat_addresses import answered
from tests.browser.test_chat_meanwhile import beside, message
from tests.browser.test_sidebar import conversations
from tests.browser.test_sidebar_meanwhile import DELETE

pytestmark = pytest.mark.browser
LOOK = {"viewport": SIZES["desktop"], "locale": "en"}
HIDE = """away => {
    Object.defineProperty(document, "hidden", { value: away, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


async def busy(route: Route) -> None:
    await route.fulfill(status=429, headers={"Retry-After": "600"}, json={"message": "Later."})


async def left(page: Page) -> None:
    await expect(page.locator("#welcome")).to_be_visible()
    await expect(page.locator(".turn")).to_have_count(0)
    await expect(page.locator("#said")).to_have_text("This chat is not there any more.")
    assert "chat=" not in page.url


async def test_a_chat_that_was_deleted_while_its_tab_was_hidden_is_left(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, **LOOK)
        address = await answered(page, "How?")
        other = await beside(page, address)
        await page.evaluate(HIDE, True)
        await other.evaluate(DELETE, address.partition("chat=")[2])
        await left(other)
        await expect(page.locator(".turn")).to_have_count(1)
        await page.evaluate(HIDE, False)
        await left(page)


async def test_a_chat_that_was_deleted_out_of_sight_amid_an_answer_is_left_at_its_end(
    browser: Browser,
) -> None:
    script = Script()
    async with house(script=script) as home:
        page, _ = await visit(browser, home.url, **LOOK)
        address = await answered(page, "First")
        other = await beside(page, address)
        script.pause_after = 3
        await say(page, "Second")
        await expect(page.locator(".answer").last).to_contain_text("Create a bot")
        await page.evaluate(HIDE, True)
        await other.evaluate(DELETE, address.partition("chat=")[2])
        await expect(other.locator(".chat")).to_have_count(0)
        await page.evaluate(HIDE, False)
        await expect(page.locator(".chat")).to_have_count(0)
        script.gate.set()
        await left(page)


async def test_whoever_leaves_a_deleted_chat_in_which_a_question_waits_comes_where_they_go(
    browser: Browser,
) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, **LOOK)
        await conversations(page, "First", "Second")
        await page.route("**/api/v1/chat", busy)
        await say(page, "Waits")
        await expect(page.locator(".status.trouble")).to_be_visible()
        await page.evaluate(DELETE, page.url.partition("chat=")[2])
        await expect(page.locator(".chat")).to_have_count(1)
        await page.locator(".chat", has_text="First").click()
        await expect(page.locator(".question")).to_contain_text("First")
        await expect(page.locator("#text")).to_have_value("Waits")
        await page.unroute("**/api/v1/chat", busy)
        await page.locator("#text").press("Enter")
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        await expect(page.locator(".question p")).to_have_text(["First", "Waits"])


async def test_new_words_for_a_question_stay_with_their_chat_when_another_is_opened(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, **LOOK)
        await conversations(page, "First", "Second")
        await page.locator("[data-do=edit]").click()
        await page.locator(".question textarea").fill("Better words")
        await page.locator(".chat", has_text="First").click()
        await expect(page.locator(".question")).to_contain_text("First")
        await expect(page.locator("#text")).to_have_value("")
        await page.locator(".chat", has_text="Second").click()
        await expect(page.locator(".question")).to_contain_text("Second")
        await expect(page.locator("#text")).to_have_value("Better words")
        assert errors == []


async def test_new_words_for_a_question_stay_when_more_than_a_page_came(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, **LOOK)
        address = await answered(page, "How?")
        other = await beside(page, address)
        await page.locator("[data-do=edit]").click()
        await page.locator(".question textarea").fill("Better words")
        shown = {"conversation": address.partition("chat=")[2], "title": "How?", "platform": "web"}

        async def newest(route: Route) -> None:
            await route.fulfill(json=shown | {"messages": [message("m9")], "older": True})

        await page.route("**/messages*", newest)
        await answered(other, "And then?")
        await expect(page.locator(".question p")).to_have_text(["Words m9"])
        await expect(page.locator("#text")).to_have_value("Better words")
        assert errors == []
