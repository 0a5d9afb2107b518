"""The list of conversations is told of something, or answers late, while somebody is at work in it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.adapters.web_core import house
from tests.browser.stage import SIZES, visit
from tests.browser.test_sidebar import act, conversations

pytestmark = pytest.mark.browser
RENAME = """([id, title]) => fetch(`/api/v1/conversations/${id}`, {
  method: "PATCH", body: JSON.stringify({ title }), headers: { "Content-Type": "application/json" } })"""
DELETE = """id => fetch(`/api/v1/conversations/${id}`, {
  method: "DELETE", body: "{}", headers: { "Content-Type": "application/json" } })"""
SEARCHED = re.compile(r"/api/v1/conversations\?query=")


async def two(browser: Browser, url: str) -> tuple[Page, list[str]]:
    """A page with two chats, of which the second is open."""
    page, errors = await visit(browser, url, viewport=SIZES["desktop"], locale="en")
    await conversations(page, "First", "Second")
    await expect(page.locator(".chat")).to_have_text(["Second", "First"])
    return page, errors


async def id_of(page: Page, title: str) -> str:
    found = await page.locator("#list li", has_text=title).get_attribute("data-chat")
    assert found
    return found


async def told(page: Page, title: str) -> None:
    """The chat that is open gets another title elsewhere, and the page knows."""
    id = await page.locator("#list li:has([aria-current])").get_attribute("data-chat")
    await page.evaluate(RENAME, [id, title])
    await expect(page).to_have_title(re.compile(title))


async def middle(page: Page, selector: str, text: str) -> tuple[float, float]:
    box = await page.locator(selector, has_text=text).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def test_a_press_in_the_list_outlives_what_is_told_meanwhile(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        await page.mouse.move(*await middle(page, ".chat", "First"))
        await page.mouse.down()
        await told(page, "Another title")
        await page.mouse.up()
        await expect(page.locator(".question")).to_contain_text("First")
        await expect(page.locator(".chat")).to_have_text(["Another title", "First"])
        await page.locator(".chat").first.focus()
        await page.keyboard.down(" ")
        await page.evaluate(RENAME, [await id_of(page, "First"), "The first"])
        await expect(page).to_have_title(re.compile("The first"))
        await page.keyboard.up(" ")
        await expect(page.locator(".question")).to_contain_text("Second")
        await expect(page.locator(".chat")).to_have_text(["Another title", "The first"])
        await expect(page.locator(".chat").first).to_be_focused()
        assert errors == []


async def test_a_menu_and_the_focus_outlive_what_is_told_meanwhile(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        row = page.locator("#list li", has_text="First")
        await row.hover()
        await row.locator(".do").click()
        await told(page, "Another title")
        await expect(page.locator(".chat")).to_have_text(["Another title", "First"])
        await expect(row.locator(".do")).to_have_attribute("aria-expanded", "true")
        await page.keyboard.press("Escape")
        await expect(row.locator(".do")).to_be_focused()
        await page.keyboard.press("Enter")
        await told(page, "A third title")
        await page.locator(".menu [data-do=rename]").click()
        await page.keyboard.type("By the menu")
        await page.keyboard.press("Enter")
        await expect(page.locator(".chat")).to_have_text(["A third title", "By the menu"])
        await expect(page.locator(".chat").last).to_be_focused()
        assert errors == []


async def test_a_menu_goes_with_its_chat(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        row = page.locator("#list li", has_text="First")
        await row.hover()
        await row.locator(".do").click()
        await expect(page.locator(".menu")).to_be_visible()
        await page.evaluate(DELETE, await id_of(page, "First"))
        await expect(page.locator(".chat")).to_have_text(["Second"])
        await expect(page.locator(".menu")).to_have_count(0)
        await expect(page.locator("#find")).to_be_focused()
        assert errors == []


async def test_a_title_is_saved_once_and_stays_when_it_could_not_be(browser: Browser) -> None:
    async with house() as home:
        page, _ = await two(browser, home.url)
        saved, tries = asyncio.Event(), []

        async def late(route: Route) -> None:
            tries.append(route.request.post_data_json)
            await saved.wait()
            await (route.abort() if len(tries) == 1 else route.continue_())

        await page.route("**/api/v1/conversations/*", late)
        await act(page, "First", "rename")
        await page.keyboard.type("A long thought")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Enter")
        saved.set()
        await expect(page.locator("#said")).to_have_text("That did not work. Please try again.")
        await expect(page.locator("#list form input")).to_have_value("A long thought")
        saved.clear()
        await page.keyboard.press("Enter")
        await page.locator("#text").focus()
        await page.keyboard.type("Next")
        saved.set()
        await expect(page.locator(".chat")).to_have_text(["Second", "A long thought"])
        await expect(page.locator("#text")).to_be_focused()
        assert tries == [{"title": "A long thought"}] * 2


async def test_one_title_is_written_at_a_time_and_none_while_one_searches(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        await act(page, "First", "rename")
        await act(page, "Second", "rename")
        await page.keyboard.press("Escape")
        await expect(page.locator(".chat")).to_have_text(["Second", "First"])
        await act(page, "Second", "rename")
        await page.locator("#find").fill("First")
        await expect(page.locator(".chat")).to_have_count(1)
        await expect(page.locator(".chat")).to_contain_text("First")
        assert errors == []


def entry(id: str) -> dict[str, Any]:
    return {
        "id": id,
        "title": f"Found {id}",
        "active_at": 1.0,
        "platform": "web",
        "here": True,
        "answering": "",
        "staff": "",
        "excerpt": "",
    }


async def test_a_page_of_a_search_is_fetched_once(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        answered, asked = asyncio.Event(), []

        async def found(route: Route) -> None:
            if "before=" not in route.request.url:
                ids, older = ["a", "b"], "1.0_1"
            else:
                asked.append(route.request.url)
                await answered.wait()
                ids, older = ["b", "c"], ""
            await route.fulfill(json={"conversations": [entry(id) for id in ids], "older": older})

        await page.route(SEARCHED, found)
        async with page.expect_request(re.compile("before=")):
            await page.locator("#find").fill("found")
        await act(page, "Found a", "delete")
        await expect(page.locator(".chat")).to_have_text(["Found b"])
        answered.set()
        await expect(page.locator(".chat")).to_have_text(["Found b", "Found c"])
        assert len(asked) == 1
        assert errors == []


async def test_what_is_told_while_one_searches_shows(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        first, second = await id_of(page, "First"), await id_of(page, "Second")
        await page.locator("#find").fill("telegram")
        await expect(page.locator(".excerpt")).to_have_count(2)
        await page.evaluate(RENAME, [second, "Another title"])
        await expect(page.locator(".chat bdi")).to_have_text(["Another title", "First"])
        await expect(page.locator(".excerpt")).to_have_count(2)
        await page.evaluate(DELETE, first)
        await expect(page.locator(".chat bdi")).to_have_text(["Another title"])
        assert errors == []


async def test_who_has_gone_on_stays_there_when_a_deletion_is_undone(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        await act(page, "Second", "delete")
        await page.locator(".chat", has_text="First").click()
        await expect(page.locator(".question")).to_contain_text("First")
        await page.locator("#toast button").click()
        await expect(page.locator(".chat")).to_have_text(["Second", "First"])
        await expect(page.locator(".chat[aria-current]")).to_have_text("First")
        await expect(page.locator(".question")).to_contain_text("First")
        assert errors == []


async def test_what_was_deleted_on_leaving_cannot_be_undone_on_coming_back(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        await act(page, "Second", "delete")
        await page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
        await expect(page.locator("#toast")).to_be_hidden()
        await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        await expect(page.locator(".chat")).to_have_text(["First"])
        assert len(home.core.memory.conversations) == 1
        assert errors == []


async def test_escape_ends_what_an_input_method_composes_and_no_more(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        wire = await page.context.new_cdp_session(page)
        await act(page, "First", "rename")
        composed = {"text": "ni", "selectionStart": 2, "selectionEnd": 2}
        await wire.send("Input.imeSetComposition", composed)
        await page.keyboard.press("Escape")
        await expect(page.locator("#list form input")).to_have_value("ni")
        assert errors == []


async def test_a_link_is_made_once_and_taken_back_once(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        answered, asked = asyncio.Event(), []

        async def late(route: Route) -> None:
            asked.append(route.request.method)
            await answered.wait()
            await route.continue_()

        await page.route(re.compile(r"/shares(/[^/?]+)?$"), late)
        await act(page, "First", "share")
        await page.locator("#share-heading").press("Enter")
        await page.locator("#share-heading").press("Enter")
        answered.set()
        await expect(page.locator("#share-link")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.locator("#shared-links").click()
        back = page.locator("#shares li button")
        await expect(back).to_have_count(1)
        answered.clear()
        await back.dblclick()
        answered.set()
        await expect(page.locator("#shares li")).to_have_text(["You have shared nothing."])
        assert asked == ["POST", "DELETE"]
        assert errors == []


async def test_a_link_that_nobody_waits_for_any_more_does_not_stay(browser: Browser) -> None:
    async with house() as home:
        page, errors = await two(browser, home.url)
        answered = asyncio.Event()

        async def late(route: Route) -> None:
            await answered.wait()
            await route.continue_()

        await page.route("**/shares", late)
        await act(page, "First", "share")
        await page.locator("#share .primary").click()
        await page.keyboard.press("Escape")
        async with page.expect_response(lambda response: response.request.method == "DELETE"):
            answered.set()
        await page.locator("#shared-links").click()
        await expect(page.locator("#shares li")).to_have_text(["You have shared nothing."])
        assert errors == []
