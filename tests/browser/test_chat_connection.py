"""Connections that fail, and where the reader is while an answer grows."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, CDPSession, Route, expect

from tests.adapters.web_core import Script, house
from tests.browser.silence import line_to
from tests.browser.stage import SIZES, say, shot, violations, visit

pytestmark = pytest.mark.browser
LEFT = "main => main.scrollHeight - main.scrollTop - main.clientHeight"
AFTER_A_FRAME = f"""main => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => done(({LEFT})(main)))))"""
LONG = "\n\n".join(f"Paragraph {number} of a long answer, with some words in it." for number in range(60))


async def test_messages_that_cannot_be_read_are_not_lost(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url)
        await say(page, "Where is it?")
        await expect(page.locator("[data-do=retry]")).to_be_visible()

        async def unwell(route: Route) -> None:
            await route.fulfill(status=503, json={"message": "no"})

        await page.route("**/messages*", unwell)
        await page.reload()
        await expect(page.locator("#unread")).to_contain_text("could not be read")
        await expect(page.locator("#welcome")).to_be_hidden()
        await expect(page.locator("#older")).to_have_count(0)
        assert await violations(page) == []
        await shot(page, "chat-unread")
        async with page.expect_response("**/messages*"):
            await page.locator("#unread button").click()
        await page.unroute("**/messages*", unwell)
        await expect(page.locator(".question")).to_contain_text("Where is it?")
        await expect(page.locator("#unread")).to_have_count(0)


async def test_a_silent_connection_is_noticed_and_stop_does_not_wait_for_it(browser: Browser) -> None:
    script = Script(pause_after=3)
    async with house(script=script) as home, line_to(home.url) as line:
        page = await browser.new_page()
        await page.clock.install()
        await page.goto(line.url)
        await say(page, "Will it stop?")
        await expect(page.locator(".answer")).to_contain_text("Create a bot")
        line.hush()
        await page.locator("#stop").click()
        await expect(page.locator(".status")).to_have_text("Stopping…")
        await expect(page.locator(".status")).to_have_text("The answer was stopped.")
        await expect(page.locator("#send")).to_be_visible()

        await say(page, "Will it be whole?")
        await expect(page.locator(".answer").last).to_contain_text("Create a bot")
        line.hush()
        async with page.expect_request("**/api/v1/chat/*html=true"):
            await page.clock.fast_forward(26_000)
        script.gate.set()
        await expect(page.locator(".answer").last).to_contain_text("TERTULIA_TELEGRAM_TOKEN")

        script.gate.clear()
        await say(page, "Who tells the end?")
        await expect(page.locator(".answer").last).to_contain_text("Create a bot")
        line.hush()
        script.gate.set()
        await expect(page.locator(".answer").last).to_contain_text("TERTULIA_TELEGRAM_TOKEN")
        await expect(page.locator("#send")).to_be_visible()
        await page.close()


async def _drag(wire: CDPSession, pixels: int) -> None:
    """A finger, slowly down the page."""
    await wire.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": 200, "y": 300}]})
    for step in range(0, pixels, 10):
        points = [{"x": 200, "y": 300 + step}]
        await wire.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
    await wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def test_the_reader_may_go_up_while_an_answer_grows_and_finds_its_end_whole(browser: Browser) -> None:
    script = Script(answer=LONG, pause_after=300)
    async with house(script=script) as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["phone"], has_touch=True)
        wire, main = await page.context.new_cdp_session(page), page.locator("main")
        await say(page, "Long?")
        await expect(page.locator(".answer")).to_contain_text("Paragraph 20")
        assert await main.evaluate(AFTER_A_FRAME) < 2
        await page.mouse.move(200, 300)
        await page.mouse.wheel(0, -8)
        assert await main.evaluate(AFTER_A_FRAME) > 4
        script.pause_after = 450
        script.gate.set()
        script.gate.clear()
        await expect(page.locator(".answer")).to_contain_text("Paragraph 40")
        assert await main.evaluate(LEFT) > 200
        await expect(page.locator("#down")).to_be_visible()
        await page.mouse.wheel(0, 20_000)
        await expect(page.locator("#down")).to_be_hidden()
        assert await main.evaluate(AFTER_A_FRAME) < 2
        script.pause_after = 500
        script.gate.set()
        script.gate.clear()
        await expect(page.locator(".answer")).to_contain_text("Paragraph 45")
        assert await main.evaluate(AFTER_A_FRAME) < 2, "whoever has come back is taken along"
        await _drag(wire, 60)
        script.gate.set()
        await expect(page.locator("#send")).to_be_visible()
        assert await main.evaluate(LEFT) > 200
        await page.locator("#down").click()
        await expect(page.locator("#down")).to_be_hidden()
        await say(page, "Again?")
        await expect(page.locator(".answer")).to_have_count(2)
        await expect(page.locator(".turn").last.locator("[data-do=retry]")).to_be_visible()
        await expect(page.locator("#send")).to_be_visible()
        assert await main.evaluate(AFTER_A_FRAME) < 2
        actions, edge = await page.locator(".actions").last.bounding_box(), await main.bounding_box()
        assert actions
        assert edge
        assert actions["y"] + actions["height"] <= edge["y"] + edge["height"]
        assert errors == []


async def test_a_tab_that_could_not_read_what_came_elsewhere_reads_it_later(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url)
        await say(page, "One?")
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        other = await page.context.new_page()
        await other.clock.install()
        await other.goto(page.url)
        await expect(other.locator(".turn")).to_have_count(1)
        tries = 0

        async def unwell(route: Route) -> None:
            nonlocal tries
            tries += 1
            await (route.abort() if tries % 2 else route.fulfill(status=503, json={"message": "no"}))

        await other.route("**/messages*", unwell)
        async with other.expect_request("**/messages*"):
            await say(page, "Two?")
        await expect(page.locator(".turn")).to_have_count(2)
        async with other.expect_request("**/messages*"):
            await other.clock.fast_forward(40_000)
        await expect(other.locator(".answer")).to_contain_text("Create a bot")
        await expect(other.locator("#unread")).to_have_count(0)
        await other.unroute("**/messages*", unwell)
        await other.evaluate("dispatchEvent(new Event('online'))")
        await expect(other.locator(".turn")).to_have_count(2)
        await expect(other.locator(".question").last).to_contain_text("Two?")
        assert errors == []


async def test_a_search_that_failed_says_so_and_is_tried_again(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, viewport=SIZES["desktop"])
        await say(page, "How do I connect Telegram?")
        await expect(page.locator("[data-do=retry]")).to_be_visible()

        async def lost(route: Route) -> None:
            await route.abort()

        await page.route("**/api/v1/conversations?query=*", lost)
        await page.locator("#find").fill("telegram")
        await expect(page.locator("#list .none")).to_have_text("The search did not get through.")
        await expect(page.locator("#said")).to_have_text("The search did not get through.")
        assert await violations(page) == []
        await page.unroute("**/api/v1/conversations?query=*", lost)
        await page.locator("#list .more").click()
        await expect(page.locator(".chat")).to_have_count(1)
        await expect(page.locator("#find")).to_be_focused()
        await expect(page.locator("#said")).to_have_text("")
        await page.locator("#find").fill("xyzzy")
        await expect(page.locator("#list .none")).to_have_text("Nothing was found.")
