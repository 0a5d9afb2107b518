"""Each chat's address, what a tab keeps for itself, and what tabs tell each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, ViewportSize, expect

from tests.adapters.web_core import Script, house
from tests.browser.stage import SIZES, say, visit
from tests.browser.test_chat_files import NOTES, PICTURE, files, sent

pytestmark = pytest.mark.browser
TALL = ViewportSize(width=1280, height=2000)
NOWHERE = "There is no such chat here. It may be deleted, or somebody else's."


async def answered(page: Page, text: str) -> str:
    """Ask, wait for the end, and give the chat's address."""
    await say(page, text)
    await expect(page.locator(".question").last).to_contain_text(text)
    await expect(page.locator("[data-do=retry]")).to_be_visible()
    return page.url


async def test_each_chat_has_an_address_for_back_reload_and_bookmarks(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        first = await answered(page, "First words")
        assert "?chat=" in first
        await expect(page).to_have_title("First words · Tertulia · Chat")
        await page.locator("#new").click()
        await expect(page).to_have_url(f"{home.url}/")
        await expect(page).to_have_title("Tertulia · Chat")
        second = await answered(page, "Second words")
        assert second != first
        await page.go_back()
        await expect(page.locator(".question")).to_contain_text("First words")
        await expect(page).to_have_url(first)
        await page.go_forward()
        await expect(page.locator(".question")).to_contain_text("Second words")
        await page.reload()
        await expect(page.locator(".question")).to_contain_text("Second words")
        await page.locator("a.language").click()
        await expect(page.locator("html")).to_have_attribute("lang", "zh")
        await expect(page.locator(".question")).to_contain_text("Second words")
        await expect(page).to_have_url(second)
        kept = await page.context.new_page()
        await kept.goto(first)
        await expect(kept.locator(".question")).to_contain_text("First words")
        assert await kept.evaluate("document.referrer") == ""
        assert errors == []

        stranger, _ = await visit(browser, first, locale="en")
        await expect(stranger.locator("#said")).to_have_text(NOWHERE)
        await expect(stranger.locator("#welcome")).to_be_visible()
        await expect(stranger).to_have_url(f"{home.url}/")
        await stranger.goto(f"{home.url}/?chat=../../x%00<script>")
        await expect(stranger.locator("#said")).to_have_text(NOWHERE)


async def test_a_reload_in_mid_answer_stays_with_its_tab(browser: Browser) -> None:
    script = Script(pause_after=3)
    async with house(script=script) as home:
        first, _ = await visit(browser, home.url)
        await say(first, "The long one")
        await expect(first.locator(".answer")).to_contain_text("Create a bot")
        second = await first.context.new_page()
        await second.goto(home.url)
        await expect(second.locator("#welcome")).to_be_visible()
        await say(second, "The other one")
        await expect(second.locator(".answer")).to_contain_text("Create a bot")
        await first.reload()
        await expect(first.locator(".question")).to_contain_text("The long one")
        script.gate.set()
        await expect(first.locator(".answer")).to_contain_text("TERTULIA_TELEGRAM_TOKEN")
        await expect(second.locator(".answer")).to_contain_text("TERTULIA_TELEGRAM_TOKEN")


async def test_drafts_and_chips_stay_with_their_chat(browser: Browser, tmp_path: Path) -> None:
    async with house(files=files(tmp_path)) as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        await answered(page, "First words")
        await page.locator("#text").fill("half a thought")
        await page.locator("#pick").set_input_files([PICTURE, NOTES])
        await sent(page, 2)
        await page.reload()
        await expect(page.locator("#text")).to_have_value("half a thought")
        await sent(page, 2)
        await page.locator("body").press("Control+Shift+O")
        await expect(page.locator("#welcome")).to_be_visible()
        await expect(page.locator("#text")).to_have_value("")
        await expect(page.locator(".chip")).to_have_count(0)
        await page.locator("#text").fill("another")
        await page.locator("#text").press("Control+k")
        await expect(page.locator("#find")).to_be_focused()
        await page.locator(".chat").click()
        await expect(page.locator("#text")).to_have_value("half a thought")
        await sent(page, 2)
        await page.locator("#text").press("Enter")
        await expect(page.locator(".brought").last.locator("a")).to_have_count(2)
        await expect(page.locator("#send")).to_be_visible()
        await page.reload()
        await expect(page.locator(".turn")).to_have_count(2)
        await expect(page.locator("#text")).to_have_value("")
        await expect(page.locator(".chip")).to_have_count(0)
        await page.locator("#new").click()
        await expect(page.locator("#text")).to_have_value("another")
        assert errors == []


async def test_each_of_two_deleted_chats_can_be_had_back(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        for text in ("First words", "Second words"):
            await page.locator("#new").click()
            await answered(page, text)
        for _ in range(2):
            await page.locator("#list .do").first.click()
            await page.locator("[role=menu] [data-do=delete]").click()
        await expect(page.locator("#toast button")).to_have_count(2)
        await page.locator("#toast button").first.click()
        await page.locator("#toast button").first.click()
        await expect(page.locator("#toast")).to_be_hidden()
        await expect(page.locator(".chat")).to_have_text(["Second words", "First words"])
        assert errors == []


async def test_tabs_agree_on_votes_and_on_the_look(browser: Browser) -> None:
    async with house() as home:
        first, _ = await visit(browser, home.url)
        address = await answered(first, "How?")
        second = await first.context.new_page()
        await second.goto(address)
        await first.locator("[data-do=good]").click()
        for page in (first, second):
            await expect(page.locator("[data-do=good]")).to_have_attribute("aria-pressed", "true")
        await second.evaluate("localStorage.clear()")
        await second.reload()
        await expect(second.locator("[data-do=good]")).to_have_attribute("aria-pressed", "true")
        await second.locator("[data-do=good]").click()
        await expect(first.locator("[data-do=good]")).to_have_attribute("aria-pressed", "false")
        await first.locator("#theme").click()
        await expect(second.locator("html")).to_have_attribute("data-theme", "light")


async def test_a_vote_outlives_what_was_read_before_it(browser: Browser) -> None:
    async with house() as home:
        first, errors = await visit(browser, home.url)
        address = await answered(first, "How?")
        read, shown = asyncio.Event(), asyncio.Event()

        async def late(route: Route) -> None:
            response = await route.fetch()
            read.set()
            await shown.wait()
            await route.fulfill(response=response)

        await first.route("**/messages*", late)
        second = await first.context.new_page()
        await second.goto(address)
        await answered(second, "And then?")
        await read.wait()
        await first.locator("[data-do=good]").click()
        await expect(first.locator("form.why")).to_be_visible()
        shown.set()
        await expect(first.locator(".turn")).to_have_count(2)
        await expect(first.locator("[data-do=good]").first).to_have_attribute("aria-pressed", "true")
        await expect(first.locator("form.why")).to_be_visible()
        assert errors == []


async def test_a_press_that_has_begun_is_not_lost_to_what_happens_elsewhere(browser: Browser) -> None:
    async with house() as home:
        first, errors = await visit(browser, home.url, viewport=TALL)
        address = await answered(first, "How?")
        second = await first.context.new_page()
        await second.goto(address)
        await answered(second, "And then?")
        await expect(first.locator(".turn")).to_have_count(2)
        await first.locator("[data-do=bad]").first.hover()
        await first.mouse.down()
        await answered(second, "And in the end?")
        await expect(first.locator(".turn")).to_have_count(3)
        await first.mouse.up()
        await expect(first.locator("[data-do=bad]").first).to_have_attribute("aria-pressed", "true")
        assert errors == []


async def test_another_answer_has_no_vote_yet(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url)
        await answered(page, "How?")
        await page.locator("[data-do=good]").click()
        await expect(page.locator("[data-do=good]")).to_have_attribute("aria-pressed", "true")
        await page.locator("[data-do=retry]").click()
        await expect(page.locator("#stop")).to_be_hidden()
        await expect(page.locator("[data-do=good]")).to_have_attribute("aria-pressed", "false")
        await page.reload()
        await expect(page.locator("[data-do=good]")).to_have_attribute("aria-pressed", "false")
        assert errors == []
