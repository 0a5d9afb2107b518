"""What comes late, and what happens elsewhere, while somebody goes on with the chat page."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.adapters.web_core import Script, house
from tests.browser.stage import SIZES, say, visit
from tests.browser.test_chat_addresses import answered
from tests.browser.test_chat_connection import AFTER_A_FRAME, LONG
from tests.browser.test_chat_files import NOTES, files
from tests.browser.test_chat_messages import CITATIONS, RICH, passage
from tests.browser.test_sidebar import conversations
from tests.browser.test_sidebar_meanwhile import DELETE, RENAME

pytestmark = pytest.mark.browser


class Late:
    """A route whose first request waits for `go`, and then gets what was there before or this `status`."""

    def __init__(self, status: int = 0) -> None:
        self.came, self.go = asyncio.Event(), asyncio.Event()
        self.bodies: list[str] = []
        self._status = status

    async def __call__(self, route: Route) -> None:
        self.bodies.append(route.request.post_data or "")
        if len(self.bodies) > 1:
            return await route.continue_()
        response = None if self._status else await route.fetch()
        self.came.set()
        await self.go.wait()
        if response is None:
            return await route.fulfill(status=self._status, json={"message": "no"})
        await route.fulfill(response=response)


async def beside(page: Page, address: str) -> Page:
    other = await page.context.new_page()
    await other.goto(address)
    await expect(other.locator("[data-do=retry]")).to_be_visible()
    return other


async def test_a_question_that_is_refused_late_waits_where_it_was_asked(browser: Browser) -> None:
    script, refused = Script(), Late(413)
    async with house(script=script) as home:
        page, _ = await visit(browser, home.url, viewport=SIZES["desktop"])
        await answered(page, "First")
        await page.route("**/api/v1/chat", refused)
        await say(page, "Too much")
        await refused.came.wait()
        await page.locator("#new").click()
        script.pause_after = 3
        await say(page, "Another")
        await expect(page.locator(".answer")).to_contain_text("Create a bot")
        async with page.expect_response(lambda response: response.status == 413):
            refused.go.set()
        await page.locator("#text").fill("Next")
        await expect(page.locator("#stop")).to_be_visible()
        script.gate.set()
        await expect(page.locator(".answer")).to_contain_text("TERTULIA_TELEGRAM_TOKEN")
        await expect(page.locator("#text")).to_have_value("Next")
        await page.locator(".chat", has_text="First").click()
        await expect(page.locator(".question")).to_contain_text("First")
        await expect(page.locator("#text")).to_have_value("Too much")


def message(id: str) -> dict[str, Any]:
    empty = {"citations": [], "attachments": [], "finish_reason": "stop", "fate": "", "vote": 0}
    return {
        "id": id,
        "question": f"Words {id}",
        "answer": "Yes.",
        "html": ["<p>Yes.</p>"],
        "state": "done",
    } | empty


async def test_older_messages_that_come_after_another_look_are_asked_for_anew(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        await conversations(page, "First", "Second")
        first = page.locator("#list li", has_text="First")
        address, go, asked = await first.get_attribute("data-chat"), asyncio.Event(), 0

        async def pages(route: Route) -> None:
            nonlocal asked
            number = int(route.request.url.partition("before=m")[2] or 3) - 1
            asked += number < 2
            if number == 1 and asked == 1:
                await go.wait()
            shown = {"conversation": address, "title": "First", "platform": "web"}
            await route.fulfill(json=shown | {"messages": [message(f"m{number}")], "older": number > 0})

        await page.route(f"**/conversations/{address}/messages*", pages)
        await first.click()
        async with page.expect_request("**/messages?before=m2"):
            await page.locator("#older").click()
        await page.locator(".chat", has_text="Second").click()
        await expect(page.locator(".question")).to_contain_text("Second")
        await first.click()
        await expect(page.locator(".question")).to_contain_text("m2")
        async with page.expect_response("**/messages?before=m2"):
            go.set()
        await page.locator("#older").click()
        await expect(page.locator(".question p")).to_have_text(["Words m1", "Words m2"])
        assert errors == []


async def test_the_last_press_of_a_vote_counts_and_the_focus_stays(browser: Browser) -> None:
    rated = Late()
    async with house() as home:
        page, errors = await visit(browser, home.url)
        await answered(page, "How?")
        await page.route("**/feedback", rated)
        await page.locator("[data-do=good]").click()
        await rated.came.wait()
        await page.locator("[data-do=bad]").click()
        rated.go.set()
        await expect(page.locator("form.why [data-reason=wrong]")).to_be_visible()
        await expect(page.locator("[data-do=bad]")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("[data-do=good]")).to_have_attribute("aria-pressed", "false")
        assert [json.loads(body)["value"] for body in rated.bodies] == [1, -1]
        slow = Late()
        await page.route("**/feedback", slow)
        await page.locator("form.why textarea").fill("It is not so")
        await page.locator("form.why .primary").click()
        await slow.came.wait()
        await page.locator("#text").focus()
        slow.go.set()
        await expect(page.locator("form.why")).to_have_count(0)
        await expect(page.locator("#text")).to_be_focused()
        assert errors == []


async def test_another_answer_is_not_asked_why_the_one_before_was_bad(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url)
        await answered(page, "How?")
        await page.locator("[data-do=bad]").click()
        await page.locator("form.why textarea").fill("It is not so")
        await page.locator("[data-do=retry]").click()
        await expect(page.locator("#stop")).to_be_hidden()
        await expect(page.locator("[data-do=bad]")).to_have_attribute("aria-pressed", "false")
        await expect(page.locator("form.why")).to_have_count(0)
        assert errors == []


async def test_what_is_written_stays_when_its_chat_is_deleted_elsewhere(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url)
        await page.locator("#text").fill("Kept for a new chat.")
        await page.reload()
        address = await answered(page, "How?")
        await page.locator("#text").fill("A long thought")
        await page.evaluate(DELETE, address.partition("chat=")[2])
        await expect(page.locator("#welcome")).to_be_visible()
        await expect(page.locator("#text")).to_have_value("A long thought")
        await page.reload()
        await expect(page.locator("#text")).to_have_value("A long thought")
        assert errors == []


async def test_a_chat_that_is_deleted_elsewhere_amid_an_answer_is_left_at_its_end(browser: Browser) -> None:
    script = Script()
    async with house(script=script) as home:
        page, _ = await visit(browser, home.url, viewport=SIZES["desktop"], locale="en")
        await answered(page, "First")
        script.pause_after = 3
        await say(page, "Second")
        await expect(page.locator(".answer").last).to_contain_text("Create a bot")
        await page.locator("#text").fill("A next one")
        await page.evaluate(DELETE, page.url.partition("chat=")[2])
        await expect(page.locator(".chat")).to_have_count(0)
        script.gate.set()
        await expect(page.locator("#welcome")).to_be_visible()
        await expect(page.locator("#said")).to_have_text("This chat is not there any more.")
        await expect(page.locator("#text")).to_have_value("A next one")
        assert "chat=" not in page.url


async def test_new_words_for_a_question_that_is_the_last_no_more_go_to_the_composer(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url)
        other = await beside(page, await answered(page, "How?"))
        await page.locator("[data-do=edit]").click()
        await page.locator(".question textarea").fill("Better words")
        await answered(other, "And then?")
        await expect(page.locator(".turn")).to_have_count(2)
        await expect(page.locator(".question textarea")).to_have_count(0)
        await expect(page.locator("#text")).to_have_value("Better words")
        assert errors == []


async def test_what_came_while_a_question_was_refused_is_shown(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url)
        address = await answered(page, "How?")
        other = await beside(page, address)
        go, refused = asyncio.Event(), Late(413)
        readings: list[asyncio.Future[None]] = []

        async def late(route: Route) -> None:
            readings.append(read := asyncio.get_running_loop().create_future())
            response = await route.fetch()
            await go.wait()
            await route.fulfill(response=response)
            read.set_result(None)

        await page.route("**/messages*", late)
        await page.route("**/api/v1/chat", refused)
        await answered(other, "And then?")
        await other.evaluate(RENAME, [address.partition("chat=")[2], "Told"])
        await expect(page).to_have_title(re.compile("Told"))
        await say(page, "Too much")
        await refused.came.wait()
        go.set()
        await asyncio.gather(*readings)
        await page.evaluate("fetch('/healthz').then((response) => response.text())")  # theirs have come, too
        refused.go.set()
        await expect(page.locator("#text")).to_have_value("Too much")
        await expect(page.locator(".question").last).to_contain_text("And then?")


async def test_what_was_asked_and_answered_before_the_chat_was_read_stays(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url)
        await answered(page, "How?")
        read = Late()
        await page.route("**/messages*", read)
        await page.reload()
        await read.came.wait()
        await answered(page, "Meanwhile?")
        await page.locator(".turn").evaluate("turn => { turn.id = 'mine' }")
        read.go.set()
        await expect(page.locator(".question p")).to_have_text(["How?", "Meanwhile?"])
        await expect(page.locator("#mine")).to_contain_text("Meanwhile?")
        assert errors == []


async def test_a_file_that_was_sent_after_its_chat_was_left_is_there(
    browser: Browser, tmp_path: Path
) -> None:
    async with house(files=files(tmp_path)) as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        address, slow = await answered(page, "How?"), Late()
        await page.route("**/api/v1/files", slow)
        await page.locator("#pick").set_input_files([NOTES])
        await slow.came.wait()
        await page.locator("#new").click()
        async with page.expect_response("**/api/v1/files"):
            slow.go.set()
        await page.reload()
        await expect(page.locator("#welcome")).to_be_visible()
        await page.goto(address)
        await expect(page.locator(".chip")).to_contain_text("notes.txt")
        assert errors == []


async def test_a_question_on_its_way_is_not_forgotten_for_another(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url)
        await answered(page, "How?")
        sent, read = Late(413), Late()
        await page.route("**/api/v1/chat", sent)
        await say(page, "On its way")
        await sent.came.wait()
        await page.route("**/messages*", read)
        await page.reload()
        await read.came.wait()
        await answered(page, "Another")
        await expect(page.locator("#text")).to_have_value("On its way")
        read.go.set()
        await expect(page.locator(".question p")).to_have_text(["How?", "Another"])
        assert errors == []


async def test_a_passage_that_could_not_be_had_spoils_none_that_came_later(browser: Browser) -> None:
    async with house(script=Script(answer=RICH, citations=CITATIONS), passage=passage) as home:
        page, errors = await visit(browser, home.url)
        await answered(page, "How?")
        lost = Late(404)
        await page.route("**/passages/1", lost)
        await page.locator(".mark").first.click()
        await lost.came.wait()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowLeft")
        dialog = page.locator("#passage")
        await expect(dialog.locator(".text")).to_contain_text("It answers with a token.")
        async with page.expect_response(lambda response: response.status == 404):
            lost.go.set()
        await page.evaluate("fetch('/healthz').then((response) => response.text())")  # it has come, too
        await expect(dialog.locator(".changed")).to_have_count(0)
        assert [error for error in errors if "404" not in error] == []


async def test_a_reading_of_which_nothing_comes_is_given_up_and_begun_anew(browser: Browser) -> None:
    async with house() as home:
        page = await browser.new_page()
        await page.clock.install()
        await page.goto(home.url)
        await answered(page, "How?")
        readings = 0

        async def silent(route: Route) -> None:
            nonlocal readings
            readings += 1
            if readings > 1:
                await route.continue_()

        await page.route("**/messages*", silent)
        async with page.expect_request("**/messages*"):
            await page.reload()
        await page.clock.fast_forward(26_000)
        await expect(page.locator(".question")).to_contain_text("How?")
        await page.close()


async def test_a_refusal_leaves_the_caret_where_somebody_writes_on(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url)
        refused = Late(413)
        await page.route("**/api/v1/chat", refused)
        await say(page, "Too much")
        await refused.came.wait()
        await page.keyboard.type("one two")
        for _ in range(4):
            await page.keyboard.press("ArrowLeft")
        refused.go.set()
        await expect(page.locator("#text")).to_have_value("Too much\n\none two")
        await page.keyboard.type("X")
        await expect(page.locator("#text")).to_have_value("Too much\n\noneX two")


async def test_words_that_are_being_composed_are_finished_before_others_come_back(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url)
        refused, wire = Late(413), await page.context.new_cdp_session(page)
        await page.route("**/api/v1/chat", refused)
        await say(page, "Too much")
        await refused.came.wait()
        await wire.send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
        refused.go.set()
        await expect(page.locator("#refused")).to_be_visible()
        await expect(page.locator("#text")).to_have_value("ni")
        await wire.send("Input.insertText", {"text": "你"})
        await expect(page.locator("#text")).to_have_value("Too much\n\n你")


async def test_a_finger_on_what_goes_away_lets_go_of_the_end_no_longer(browser: Browser) -> None:
    script = Script(answer=LONG, pause_after=300)
    async with house(script=script) as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["phone"], has_touch=True)
        wire = await page.context.new_cdp_session(page)
        await say(page, "Long?")
        await expect(page.locator(".answer")).to_contain_text("Paragraph 20")
        point = {"x": 200, "y": 400}
        await wire.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        await page.evaluate("document.elementFromPoint(200, 400).closest('.answer *').remove()")
        await wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        script.gate.set()
        await expect(page.locator("#send")).to_be_visible()
        assert await page.locator("main").evaluate(AFTER_A_FRAME) < 2
        assert errors == []
