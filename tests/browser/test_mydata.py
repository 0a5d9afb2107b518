"""The page about what is kept of a visitor, in a real Chromium, with the whole service behind it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from bot.access import FAILED_CODES
from tests.adapters.web_core import ask, browser_like, house
from tests.browser.stage import ATTACK, LOOKS, SIZES, chromium, shot, sideways, violations, visit
from tests.e2e.running import service

pytestmark = pytest.mark.browser
DESK = SIZES["desktop"]
COMMAND = re.compile(r"^/link [\w-]{24}$")
CODE = "fetch('/api/v1/me/code', {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}})"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_everything_is_seen_and_deleted(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    async with house(console=None, links=lambda: {"telegram": "https://t.me/our_bot?start={code}"}) as home:
        page, errors = await visit(
            browser, home.url, viewport=SIZES[size], color_scheme=scheme, locale=locale
        )
        await page.locator("#text").fill("How do I connect Telegram?")
        await page.locator("#text").press("Enter")
        await expect(page.locator("#send")).to_be_visible()
        await expect(page.locator(".turn")).to_contain_text("BotFather")
        if await page.locator("#chats-open").is_visible():
            await page.locator("#chats-open").click()
        await page.locator("#chats .mine").click()
        await expect(page.locator("#counts dd").first).to_have_text("1")
        await page.locator("#make").click()
        await expect(page.locator("#code")).to_have_value(COMMAND)
        link = await page.locator("#opens a").get_attribute("href")
        assert link == f"https://t.me/our_bot?start={(await page.locator('#code').input_value())[6:]}"
        await shot(page, f"mydata-{size}-{scheme}-{locale}")
        assert await violations(page) == []
        assert not await sideways(page)
        await _export(page)
        await _delete(page, "删除全部" if locale == "zh-CN" else "Delete everything")
        assert home.core.memory.people == {}
        assert await violations(page) == []
        await page.locator("#again a").click()
        await expect(page.locator("#welcome")).to_be_visible()
        assert errors == []


async def _export(page: Page) -> None:
    async with page.expect_download() as started:
        await page.locator("#download").click()
    download = await started.value
    found = json.loads(await asyncio.to_thread(Path(await download.path()).read_text))
    assert download.suggested_filename == "my-data.json"
    assert "How do I connect Telegram?" in str(found["messages"])


async def _delete(page: Page, words: str) -> None:
    button = page.locator("#erase button")
    await page.locator("#confirm").fill(words[:-1])
    await expect(button).to_be_disabled()
    await page.locator("#confirm").fill(words)
    await button.click()
    await expect(page.locator("#again")).to_be_visible()
    await expect(page.locator("#kept")).to_be_hidden()


async def test_names_act_nowhere(browser: Browser) -> None:
    async with house(console=None) as home:
        page, errors = await visit(browser, home.url, viewport=DESK, locale="en")
        await page.evaluate(CODE)
        cookie = (await page.context.cookies())[0]
        person = await home.core.people.find("web", cookie["value"].split(".")[0])
        assert person is not None
        home.core.memory.identities["telegram", ATTACK] = person.id
        await page.goto(f"{home.url}/mydata")
        await expect(page.locator("#account-list")).to_contain_text(ATTACK)
        await page.locator("#account-list button").last.click()
        await expect(page.locator("#account-list")).to_contain_text(ATTACK)
        assert await page.evaluate("window.hacked") is None
        assert errors == []


async def test_two_browsers_become_one_person_and_part_again(browser: Browser, tmp_path: Path) -> None:
    async with service(tmp_path / "home") as running:
        url = f"{running.url}/mydata"
        desk, errors = await visit(browser, url, viewport=DESK, locale="en")
        phone, more = await visit(browser, url, viewport=SIZES["phone"], locale="zh-CN")
        await desk.locator("#make").click()
        await expect(desk.locator("#code")).to_have_value(COMMAND)
        code = await desk.locator("#code").input_value()
        await phone.locator("#other").fill("this-is-a-code-of-nobodys")
        await phone.locator("#other").press("Enter")
        await expect(phone.locator("#linked")).not_to_be_empty()
        await expect(phone.locator("#account-list li")).to_have_count(0)
        await phone.locator("#other").fill(code)
        await phone.locator("#other").press("Enter")
        await expect(phone.locator("#account-list li")).to_have_count(2)
        await expect(phone.locator("#linked")).to_contain_text("好了")
        await expect(phone.locator("#covers")).to_contain_text("2")
        await shot(phone, "mydata-linked-phone-light-zh-CN")
        assert await violations(phone) == []
        await desk.reload()
        await desk.locator("#account-list li", has_text="this one").locator("button").click()
        assert await violations(desk) == []
        await desk.locator("#account-list .danger").click()
        await expect(desk.locator("#account-list li")).to_have_count(1)
        await phone.reload()
        await expect(phone.locator("#account-list li")).to_have_count(1)
        assert (errors, more) == ([], [])


async def test_codes_are_tried_at_the_door_that_counts_wrong_ones(tmp_path: Path) -> None:
    async with (
        service(tmp_path / "home") as running,
        browser_like(running.url) as mine,
        browser_like(running.url) as other,
    ):
        await mine.get("/mydata")
        code = (await mine.post("/api/v1/me/code", json={})).json()["code"]
        for number in range(FAILED_CODES):
            await ask(other, f"/link {number:024}")
        await ask(other, f"/link {code}")
        shut = (await other.get("/api/v1/me")).json()
        async with browser_like(running.url) as third:
            await ask(third, f"/link {code}")
            linked = (await third.get("/api/v1/me")).json()
    assert len(shut["accounts"]) < 2, "the right code comes too late"
    assert len(linked["accounts"]) == 2
