"""Questions of which nothing has been heard yet when their chat is left, or the page."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.adapters.web_core import House, Script, house
from tests.browser.stage import SIZES, say, visit
from tests.browser.test_chat_addresses import answered
from tests.browser.test_chat_files import NOTES, files, sent

pytestmark = pytest.mark.browser
ASK = "**/api/v1/chat"
DENIED = """Object.defineProperty(window, 'sessionStorage', {
  get() { throw new DOMException('denied', 'SecurityError'); } });"""


class Hanging:
    """A route of whose first request nothing is heard. What is `taken` reaches the service all the same;
    later ones get this `status`, or what the service says."""

    def __init__(self, *, taken: bool = False, status: int = 0) -> None:
        self.came = asyncio.Event()
        self._taken, self._status = taken, status

    async def __call__(self, route: Route) -> None:
        if self.came.is_set() and self._status:
            return await route.fulfill(status=self._status, json={"message": "no"})
        if self.came.is_set():
            return await route.continue_()
        if self._taken:
            await route.fetch()
        self.came.set()


def asked(home: House, text: str) -> int:
    """How often the core was asked this."""
    return [event.text for event in home.core.seen].count(text)


async def left(page: Page, text: str, hanging: Hanging) -> None:
    """Ask, and open a new chat before anything is heard."""
    await page.route(ASK, hanging)
    await say(page, text)
    await hanging.came.wait()
    await page.locator("#new").click()
    await expect(page.locator("#welcome")).to_be_visible()


async def back(page: Page, title: str) -> None:
    await page.locator(".chat", has_text=title).click()
    await expect(page.locator(".question").first).to_contain_text(title)


async def test_a_question_that_never_arrived_is_asked_after_the_reload(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        await answered(page, "First")
        await left(page, "Lost on the way", Hanging())
        await page.reload()
        await expect(page.locator("#welcome")).to_be_visible()
        await back(page, "First")
        await expect(page.locator(".question p")).to_have_text(["First", "Lost on the way"])
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        await page.reload()
        await expect(page.locator(".question p")).to_have_text(["First", "Lost on the way"])
        await expect(page.locator("#text")).to_have_value("")
        assert asked(home, "Lost on the way") == 1
        assert errors == []


async def test_a_question_that_had_arrived_is_not_asked_twice(browser: Browser) -> None:
    script = Script()
    async with house(script=script) as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        await answered(page, "First")
        await left(page, "Taken", Hanging(taken=True))
        async with page.expect_response(ASK) as response:
            await page.reload()
        assert (await response.value).ok
        await back(page, "First")
        await expect(page.locator(".question p")).to_have_text(["First", "Taken"])
        await expect(page.locator("#text")).to_have_value("")
        assert asked(home, "Taken") == 1
        assert errors == []


async def test_a_question_that_cannot_be_asked_waits_in_its_chats_composer(
    browser: Browser, tmp_path: Path
) -> None:
    async with house(files=files(tmp_path)) as home:
        page, _ = await visit(browser, home.url, viewport=SIZES["desktop"])
        await answered(page, "First")
        await page.locator("#pick").set_input_files([NOTES])
        await sent(page, 1)
        await left(page, "Too much", Hanging(status=413))
        async with page.expect_response(ASK):
            await page.reload()
        await expect(page.locator("#text")).to_have_value("")
        await back(page, "First")
        await expect(page.locator("#text")).to_have_value("Too much")
        await expect(page.locator(".chip")).to_contain_text("notes.txt")
        await page.unroute(ASK)
        await page.locator("#send").click()
        await expect(page.locator(".question p")).to_have_text(["First", "Too much"])
        await expect(page.locator(".brought")).to_contain_text("notes.txt")


async def test_a_question_of_a_new_chat_gets_its_chat_after_the_reload(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        await answered(page, "First")
        await page.locator("#new").click()
        await left(page, "A new one", Hanging())
        await page.reload()
        await expect(page.locator("#list .chat")).to_have_count(2)
        await expect(page.locator("#welcome")).to_be_visible()
        await expect(page.locator("#text")).to_have_value("")
        await back(page, "A new one")
        assert asked(home, "A new one") == 1
        assert errors == []


async def test_who_comes_back_finds_the_question_under_way_and_once(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        address = await answered(page, "First")
        await left(page, "Second", Hanging(taken=True))
        other = await page.context.new_page()
        await other.goto(address)
        await expect(other.locator("[data-do=retry]")).to_be_visible()
        await expect(other.locator(".question p")).to_have_text(["First", "Second"])
        async with page.expect_response(ASK):
            await back(page, "First")
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        await expect(page.locator(".question p")).to_have_text(["First", "Second"])
        await expect(page.locator("#text")).to_have_value("")
        assert asked(home, "Second") == 1
        assert errors == []


async def test_where_the_browser_keeps_nothing_a_question_that_broke_comes_back_to_its_composer(
    browser: Browser,
) -> None:
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()

    async def hold(route: Route) -> None:
        held.set_result(route)

    async with house() as home:
        page, _ = await visit(browser, "about:blank", viewport=SIZES["desktop"])
        await page.add_init_script(DENIED)
        await page.goto(home.url)
        await answered(page, "First")
        await page.route(ASK, hold)
        await say(page, "Lost on the way")
        route = await held
        await page.locator("#new").click()
        await expect(page.locator("#welcome")).to_be_visible()
        await back(page, "First")
        await route.abort()
        await expect(page.locator("#text")).to_have_value("Lost on the way")
        assert asked(home, "Lost on the way") == 0
