"""The widget twice on a page or in two tabs, and what comes late in it."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, Route, expect

from adapters.web.identity import Signer
from tests.adapters.web_core import SECRET
from tests.browser.embedding import ask, embedded, opened, tag
from tests.browser.stage import SIZES, visit

pytestmark = pytest.mark.browser
LOOK = {"viewport": SIZES["desktop"], "locale": "en"}


async def test_two_tags_in_the_head_make_one_widget(browser: Browser) -> None:
    async with embedded() as (shop, home):
        tags = tag(home, {}).replace(" async", "") * 2
        shop.html = (
            f"<!doctype html><html lang='en'><head><title>A shop</title>{tags}</head><body></body></html>"
        )
        page, errors = await visit(browser, shop.origin, **LOOK)
        await expect(page.locator("#tertulia-widget")).to_have_count(1)
        await opened(page)
        assert errors == []


async def test_whoever_has_asked_stays_there_when_the_last_chat_comes(browser: Browser) -> None:
    async with embedded() as (shop, _):
        before, _ = await visit(browser, shop.origin, **LOOK)
        await ask(await opened(before), "An old question")
        page = await before.context.new_page()
        listed, read = asyncio.Event(), asyncio.Event()

        async def late(route: Route) -> None:
            response = await route.fetch()
            read.set()
            await listed.wait()
            await route.fulfill(response=response)

        await page.route("**/api/v1/conversations", late)
        await page.goto(shop.origin)
        frame = await opened(page)
        await read.wait()
        await ask(frame, "A new question")
        await expect(frame.locator("[data-do=retry]")).to_be_visible()
        async with page.expect_response("**/api/v1/conversations"):
            listed.set()
        await ask(frame, "Another")
        await expect(frame.locator(".question p")).to_have_text(["A new question", "Another"])


async def test_a_refused_token_takes_no_newer_one_along(browser: Browser) -> None:
    """The frame by itself: in one on another site this browser keeps nothing."""
    newer = Signer(SECRET).new_visitor()[1]
    async with embedded() as (_, home):
        page, _ = await visit(browser, f"{home.url}/widget", **LOOK)
        await expect(page.locator("#welcome")).to_be_visible()
        await page.evaluate("kept => localStorage.setItem('tertulia.widget.visitor', kept)", newer)

        async def unknown(route: Route) -> None:
            await route.fulfill(status=401, json={"message": "no"})

        await page.route("**/api/v1/shares*", unknown, times=1)
        async with page.expect_event("framenavigated"):
            await page.evaluate("document.getElementById('shared-links').click()")
        await expect(page.locator("#welcome")).to_be_visible()
        assert await page.evaluate("localStorage.getItem('tertulia.widget.visitor')") == newer
