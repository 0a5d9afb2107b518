"""The page about what is kept of a visitor, in a real Chromium, with the whole service behind it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, Route, expect

from adapters.web.mine import MOST_COUNTED
from bot.access import FAILED_CODES
from bot.errors import StorageError
from bot.types import Exported
from tests.adapters.web_core import ask, browser_like, house
from tests.browser.stage import (
    ATTACK,
    LOOKS,
    NO_CLIPBOARD,
    SIZES,
    shot,
    sideways,
    violations,
    visit,
)
from tests.e2e.running import service

pytestmark = pytest.mark.browser
DESK = SIZES["desktop"]
COMMAND = re.compile(r"^/link [\w-]{24}$")
CODE = "fetch('/api/v1/me/code', {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}})"


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


async def test_many_are_told_as_so_many_and_more_and_a_broken_download_as_none(browser: Browser) -> None:
    async def breaks_off(person_id: str) -> AsyncGenerator[Exported]:
        yield Exported("turns", ["x" * 200_000])
        raise StorageError("the disk is gone")

    async with house(console=None, export_person=breaks_off) as home:
        page, errors = await visit(browser, home.url, viewport=DESK, locale="en")
        await page.evaluate(CODE)
        (id,) = home.core.memory.people
        home.core.memory.values |= {("notes", id, f"{n}"): "1" for n in range(MOST_COUNTED + 1)}
        await page.goto(f"{home.url}/mydata")
        await expect(page.locator("#counts dd", has_text="10,000+")).to_have_count(1)
        await page.locator("#download").click()
        await expect(page.locator("#exported")).to_have_text(re.compile("broke off"))
        assert await violations(page) == []
        assert [error for error in errors if "ERR_INCOMPLETE_CHUNKED_ENCODING" not in error] == []


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


async def test_a_code_is_copied_without_a_secure_context_and_said_where_it_is_not(browser: Browser) -> None:
    async with house(console=None) as home:
        page, errors = await visit(browser, f"{home.url}/mydata")
        await page.evaluate(NO_CLIPBOARD)
        await page.locator("#make").click()
        await expect(page.locator("#code")).to_have_value(COMMAND)
        await page.locator("#copy").click()
        await expect(page.locator("#copy")).to_have_text("Copied")
        await page.locator("#other").press("Control+v")
        await expect(page.locator("#other")).to_have_value(await page.locator("#code").input_value())
        await page.evaluate("document.execCommand = () => false")
        await page.locator("#copy").click()
        await expect(page.locator("#copy")).to_contain_text("Could not be copied.")
        await expect(page.locator("#code")).to_be_focused()
        assert errors == []


async def test_what_is_pressed_twice_is_done_once(browser: Browser) -> None:
    async with house(console=None) as home:
        page, errors = await visit(browser, f"{home.url}/mydata", viewport=DESK, locale="en")
        answered, asked = asyncio.Event(), []

        async def late(route: Route) -> None:
            asked.append(route.request.url.removeprefix(home.url))
            await answered.wait()
            await route.continue_()

        for path in ("me/code", "me/export", "chat", "me"):
            await page.route(f"**/api/v1/{path}", late)
        await page.locator("#make").dblclick()
        answered.set()
        await expect(page.locator("#code")).to_have_value(COMMAND)
        await expect(page.locator("#export")).to_be_visible()
        answered.clear()
        await page.locator("#other").fill("no such code")
        await page.locator("#other").press("Enter")
        await page.locator("#other").press("Enter")
        await page.locator("#other").fill("another")
        answered.set()
        await expect(page.locator("#linked")).to_contain_text("Help is here")
        await expect(page.locator("#other")).to_have_value("another")
        assert asked == ["/api/v1/me/code", "/api/v1/me", "/api/v1/chat", "/api/v1/me"]
        answered.clear()
        await page.locator("#confirm").fill("Delete everything")
        await page.locator("#confirm").press("Enter")
        await page.locator("#confirm").press("Enter")
        answered.set()
        await expect(page.locator("#again")).to_be_visible()
        await expect(page.locator("#state")).to_contain_text("deleted")
        assert errors == []


async def test_an_old_look_at_what_is_kept_shows_nothing_after_a_newer(browser: Browser) -> None:
    async with house(console=None) as home:
        page, errors = await visit(browser, home.url, viewport=DESK, locale="en")
        await page.evaluate(CODE)
        answered = asyncio.Event()

        async def late(route: Route) -> None:
            if route.request.method != "GET":
                return await route.continue_()
            response = await route.fetch()
            await answered.wait()
            await route.fulfill(response=response)

        await page.goto(f"{home.url}/mydata")
        await expect(page.locator("#kept")).to_be_visible()
        await page.route("**/api/v1/me", late)
        await page.locator("#other").fill("no such code")
        async with page.expect_request("**/api/v1/me"):
            await page.locator("#other").press("Enter")
        await page.locator("#confirm").fill("Delete everything")
        await page.locator("#erase button").click()
        await expect(page.locator("#again")).to_be_visible()
        async with page.expect_response("**/api/v1/me"):
            answered.set()
        await expect(page.locator("#state")).to_contain_text("deleted")
        await expect(page.locator("#kept")).to_be_hidden()
        assert errors == []


async def test_a_connection_that_dies_silently_is_told_and_all_can_be_pressed_again(browser: Browser) -> None:
    async with house(console=None) as home:
        page, errors = await visit(browser, home.url, viewport=DESK, locale="en")
        await page.evaluate(CODE)
        await page.clock.install()
        await page.goto(f"{home.url}/mydata")
        await page.locator("#other").fill("no such code")

        async def silent(route: Route) -> None:
            """Nothing is said, and nothing ends."""

        for path, button, told in (
            ("me/code", "#make", "#linked"),
            ("chat", "#use button", "#linked"),
            ("me/export", "#download", "#exported"),
        ):
            await page.locator(told).evaluate("it => { it.textContent = ''; }")
            await page.route(f"**/api/v1/{path}", silent)
            async with page.expect_request(f"**/api/v1/{path}"):
                await page.locator(button).click()
            await page.clock.run_for(26_000)
            await expect(page.locator(told)).to_have_text("That did not work. Please try again.")
            await page.unroute_all()
        await page.locator("#make").click()
        await expect(page.locator("#code")).to_have_value(COMMAND)
        await page.locator("#use button").click()
        await expect(page.locator("#linked")).to_contain_text("Help is here")
        async with page.expect_download():
            await page.locator("#download").click()
        assert errors == []
