"""The page in a real Chromium."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from adapters.web.history import SHOWN_CHARACTERS
from bot.types import Citation
from tests.adapters.web_core import Script, house
from tests.browser.stage import ATTACK, SIZES, shot, sideways
from tests.fakes import Memory

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize(("scheme", "locale"), [("light", "en"), ("dark", "zh-CN")])
async def test_a_suggestion_is_answered_with_a_source(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    async with house() as home:
        page = await browser.new_page(viewport=SIZES[size], color_scheme=scheme, locale=locale)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        await page.goto(home.url)
        await expect(page.locator("#welcome")).to_be_visible()
        await shot(page, f"welcome-{size}-{scheme}-{locale}")
        await page.locator(".suggestions button").first.click()
        await expect(page.locator(".sources li")).to_have_count(1)
        await expect(page.locator(".answer strong")).to_have_text("@BotFather")
        await page.locator(".mark").click()
        await expect(page.locator("#passage")).to_be_visible()
        await page.keyboard.press("Escape")
        await shot(page, f"answer-{size}-{scheme}-{locale}")
        assert not await sideways(page)
        assert errors == []


async def test_nothing_that_is_said_or_cited_can_act(browser: Browser) -> None:
    citation = Citation(1, "p", "javascript:window.hacked=1", ATTACK, ATTACK)
    async with house(script=Script(answer=f"{ATTACK} [1]", citations=(citation,))) as home:
        page = await browser.new_page()
        await page.goto(home.url)
        await page.locator("#text").fill(ATTACK)
        await page.locator("#text").press("Enter")
        await expect(page.locator(".sources li")).to_have_count(1)
        await page.reload()
        await expect(page.locator(".sources li")).to_have_count(1)
        assert await page.evaluate("window.hacked") is None
        assert await page.locator("#log img, #log script, #log a[href^=javascript]").count() == 0
        assert ATTACK in await page.locator(".question").inner_text()


async def test_a_reload_in_mid_answer_and_a_restart_both_end_in_the_whole_answer(browser: Browser) -> None:
    memory, script = Memory(), Script(pause_after=3)
    page = await browser.new_page()
    async with house(memory, script) as home:
        port = int(home.url.rpartition(":")[2])
        await page.goto(home.url)
        await page.locator("#text").fill("How?")
        await page.locator("#send").click()
        await expect(page.locator(".answer")).to_contain_text("Create a bot")
        await page.reload()
        await expect(page.locator(".answer")).to_contain_text("Create a bot")
        await expect(page.locator(".question")).to_contain_text("How?")
    await expect(page.locator(".status.trouble")).to_be_visible()
    async with house(memory, Script(), port=port):
        await expect(page.locator(".sources li")).to_have_count(1)
        await expect(page.locator(".answer")).to_have_count(1)
    await page.close()


async def test_stop_retry_edit_and_votes_work_by_their_buttons(browser: Browser) -> None:
    script = Script(pause_after=2)
    async with house(script=script) as home:
        page = await browser.new_page()
        await page.goto(home.url)
        await page.locator("#text").fill("First words")
        await page.locator("#send").click()
        await expect(page.locator(".answer")).to_contain_text("Create")
        await page.locator("#stop").click()
        await expect(page.locator("#send")).to_be_visible()
        script.gate.set()
        await page.locator("[data-do=retry]").click()
        await expect(page.locator(".answer")).to_contain_text("TERTULIA_TELEGRAM_TOKEN")
        await page.locator("[data-do=good]").click()
        await expect(page.locator("[data-do=good]")).to_have_attribute("aria-pressed", "true")
        await page.locator("[data-do=edit]").click()
        await page.locator(".question textarea").fill("Second words")
        await page.locator(".question .primary").click()
        await expect(page.locator("[data-do=edit]")).to_be_visible()
        await expect(page.locator(".question p")).to_have_text("Second words")
        assert await page.locator(".turn").count() == 1
        await page.locator("#new").click()
        await expect(page.locator("#welcome")).to_be_visible()


async def test_earlier_messages_of_a_long_chat_come_when_asked_for(browser: Browser) -> None:
    async with house() as home:
        page = await browser.new_page()
        await page.goto(home.url)
        for number in range(3):
            home.core.script.answer = f"Answer {number} " + "word " * (SHOWN_CHARACTERS // 8)
            await page.locator("#text").fill(f"Question {number}")
            await page.locator("#text").press("Enter")
            await expect(page.locator("[data-do=retry]")).to_have_count(1)
            await expect(page.locator(".turn")).to_have_count(number + 1)
            await expect(page.locator("#send")).to_be_visible()
        await page.reload()
        await expect(page.locator(".turn")).to_have_count(1)
        await page.locator("#older").click()
        await expect(page.locator(".turn")).to_have_count(2)
        await page.locator("#older").click()
        await expect(page.locator("#older")).to_have_count(0)
        asked = await page.locator(".question p").all_inner_texts()
        assert asked == ["Question 0", "Question 1", "Question 2"]
        await expect(page.locator("[data-do=retry]")).to_have_count(1)
