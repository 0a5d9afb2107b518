"""Questions that are refused, answers that are cut, and what is copied and pasted."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from tests.adapters.web_core import Script, house
from tests.browser.stage import NO_CLIPBOARD, SIZES, say, shot, violations, visit
from tests.browser.test_chat_files import GIVE, NOTES, files

pytestmark = pytest.mark.browser


async def test_what_cannot_be_sent_is_left_out_and_a_refused_question_comes_back(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, locale="zh-CN")
        await page.locator("#text").evaluate(
            "(field, text) => { field.value = text; field.dispatchEvent(new Event('input')); }",
            "\x1b[31mError:\x1b[0m it failed\x0con page two\x00 \x1b]0;title\x07.",
        )
        await page.locator("#text").press("Enter")
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        assert home.core.seen[-1].text == "Error: it failed\non page two ."
        await expect(page.locator(".question p")).to_have_text("Error: it failed\non page two .")
        assert errors == []

        async def refuse(route: Route) -> None:
            await route.fulfill(status=413, json={"message": "The body is larger than 1,000,000 bytes."})

        await page.route("**/api/v1/chat", refuse)
        await say(page, "Too much")
        await expect(page.locator("#refused")).to_have_text("内容太长，无法发送。")
        await expect(page.locator("#text")).to_have_value("Too much")
        await expect(page.locator(".turn")).to_have_count(1)
        assert await violations(page) == []
        await shot(page, "chat-refused")
        await page.locator("[data-do=edit]").click()
        await page.locator(".question textarea").fill("Other words")
        await page.locator(".question .primary").click()
        await expect(page.locator(".question textarea")).to_have_value("Other words")
        await expect(page.locator(".answer")).to_contain_text("Create a bot")
        await page.reload()
        await expect(page.locator("#text")).to_have_value("Too much")
        await page.unroute("**/api/v1/chat", refuse)
        await page.locator("#text").press("Enter")
        await expect(page.locator(".turn")).to_have_count(2)
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        await expect(page.locator("#refused")).to_be_hidden()


async def test_a_question_that_reaches_nobody_waits_or_comes_back_by_stop(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url)

        async def busy(route: Route) -> None:
            await route.fulfill(status=429, headers={"Retry-After": "1"}, json={"message": "no"})

        await page.route("**/api/v1/chat", busy)
        await say(page, "Patience")
        await expect(page.locator(".status.trouble")).to_have_text(
            "Too much in a short time. It goes on by itself in 1 s."
        )
        await page.unroute("**/api/v1/chat", busy)
        await expect(page.locator("[data-do=retry]")).to_be_visible()

        await page.context.set_offline(True)
        await say(page, "Is anybody there?")
        await expect(page.locator(".status.trouble")).to_have_text("The connection broke. Trying again…")
        await page.locator("#text").fill("and a draft")
        await page.locator("#stop").click()
        await expect(page.locator("#text")).to_have_value("Is anybody there?\n\nand a draft")
        await expect(page.locator(".turn")).to_have_count(1)
        await page.context.set_offline(False)


async def test_an_answer_that_is_cut_says_so_and_goes_on(browser: Browser) -> None:
    script = Script(pause_after=3, finish_reason="length")
    async with house(script=script) as home:
        page, errors = await visit(browser, home.url)
        await say(page, "How?")
        await expect(page.locator(".answer")).to_contain_text("Create a bot")
        await say(page, "I cannot wait")
        await expect(page.locator("#said")).to_contain_text("An answer is being written.")
        await expect(page.locator("#text")).to_have_value("I cannot wait")
        script.gate.set()
        cut = "The answer was cut, as it had become too long."
        await expect(page.locator(".status")).to_have_text(cut)
        await expect(page.locator("#told")).to_contain_text(f"{cut} Create a bot with @BotFather")
        await page.reload()
        await expect(page.locator(".status")).to_have_text(cut)
        assert await violations(page) == []
        await shot(page, "chat-cut")
        script.finish_reason = "stop"
        await page.locator("[data-do=go-on]").click()
        await expect(page.locator(".question").last).to_contain_text("Please go on where you stopped.")
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        await expect(page.locator("[data-do=go-on]")).to_have_count(0)
        await expect(page.locator("#text")).to_have_value("I cannot wait")
        await page.locator("#text").fill("")
        await page.locator("[data-do=reuse]").click()
        await expect(page.locator("#text")).to_have_value("How?")
        await expect(page.locator("#text")).to_be_focused()
        assert errors == []


async def test_copying_works_without_a_secure_context_and_says_when_it_does_not(browser: Browser) -> None:
    async with house(script=Script(answer="```python\nprint(1)\n```", citations=())) as home:
        context = await browser.new_context(viewport=SIZES["desktop"])
        await context.add_init_script(NO_CLIPBOARD)
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(home.url)
        await say(page, "How?")
        await page.locator("[data-do=copy-code]").click()
        await expect(page.locator("#said")).to_have_text("Copied")
        await page.locator("#text").press("Control+v")
        await expect(page.locator("#text")).to_have_value("print(1)\n")
        await page.locator("#list .do").click()
        await page.locator("[data-do=share]").click()
        await page.locator("#share .primary").click()
        await page.locator("#share .made .primary").click()
        await expect(page.locator("#share .made .primary")).to_have_text("Copied")
        link = await page.locator("#share-link").input_value()
        await page.locator("#share [data-do=close]").click()
        await page.locator("#text").fill("")
        await page.locator("#text").press("Control+v")
        await expect(page.locator("#text")).to_have_value(link)
        await page.evaluate("document.execCommand = () => false")
        await page.locator("[data-do=copy]").click()
        await expect(page.locator("#said")).to_contain_text("Could not be copied.")
        assert errors == []


async def test_pasted_cells_are_text_and_a_refused_file_says_why_in_ones_language(
    browser: Browser, tmp_path: Path
) -> None:
    async with house(files=files(tmp_path)) as home:
        page, _ = await visit(browser, home.url, locale="zh-CN")
        taken = await page.evaluate(
            """() => {
              const data = new DataTransfer();
              data.setData("text/plain", "a\\tb");
              data.items.add(new File(["x"], "image.png", { type: "image/png" }));
              const how = { bubbles: true, cancelable: true, clipboardData: data };
              const event = new ClipboardEvent("paste", how);
              return !document.getElementById("text").dispatchEvent(event);
            }"""
        )
        assert not taken, "the browser pastes the text"
        await expect(page.locator(".chip")).to_have_count(0)
        await page.evaluate(GIVE, ["paste", "image.png", "image/png", "x"])
        await expect(page.locator(".chip")).to_have_count(1)

        async def refuse(route: Route) -> None:
            await route.fulfill(status=429, headers={"Retry-After": "53"}, json={"message": "Too many files"})

        await page.route("**/api/v1/files", refuse)
        await page.locator("#pick").set_input_files([NOTES])
        await expect(page.locator(".chip.trouble small")).to_have_text("短时间内文件过多，请在 53 秒后重试。")
