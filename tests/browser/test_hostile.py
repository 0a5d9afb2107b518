"""Nothing that a stranger brings can act on any page of the site, tried in a real Chromium."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi.routing import APIRoute
from playwright.async_api import Browser, BrowserContext, Page, expect

from adapters.web.console.access import COOKIE as SESSION
from adapters.web.identity import COOKIE
from tests.adapters.hostile import AGENT, FAMILIES, Place, filled, place, reads

pytestmark = pytest.mark.browser
HARMFUL = """() => {
  const acts = /^(on|hx-on|data-hx-on|srcdoc)/i
  const leads = /^(href|src|action|formaction|xlink:href|hx-(get|post|put|delete)|data-to)$/i
  const asks = /^(src|action|formaction|hx-(get|post|put|delete))$/i
  const scheme = /^[\\s\\u0000-\\u001f]*(javascript|vbscript|data:text)/i
  const foreign = (value) => ![location.host, ''].includes(new URL(value, location.href).host)
  const bad = ({name, value}) => acts.test(name) || (leads.test(name) && scheme.test(value))
    || (asks.test(name) && foreign(value))
  const found = [...document.querySelectorAll('*')].flatMap((element) => [...element.attributes].filter(bad)
    .map(({name, value}) => `${element.tagName} ${name}=${value.slice(0, 80)}`))
  const never = [...document.querySelectorAll('base, meta[http-equiv], iframe, object, embed')]
  const scripts = [...document.scripts].filter((s) => !s.src && !/json/.test(s.type))
  return found.concat([...never, ...scripts].map((element) => element.outerHTML))
}"""
HACKED = "[window, ...Array.from({length: frames.length}, (_, n) => frames[n])].some((w) => w.hacked)"
WORD = re.compile("hacked")
SKIPPED = ("export", "data", "news", "download")
"""Files and parts of pages, which no browser shows as a page."""


class Watch:
    """A page, and all that it does that only injected content would make it do."""

    def __init__(self, page: Page, made: Place) -> None:
        self.page, self.made = page, made
        self.found: list[str] = []
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._asked(request.url))
        page.on("pageerror", lambda error: self.found.append(f"error: {error}"))
        page.on("popup", lambda popup: self.found.append(f"popup: {popup.url}"))
        page.on("console", lambda line: self._said(line.type, line.text))

    async def safe(self, where: str) -> None:
        """Raises AssertionError if anything acted since the last time, or could."""
        hacked = await self.page.evaluate(HACKED)
        harmful = await self.page.evaluate(HARMFUL)
        assert (hacked, harmful, self.found) == (False, [], []), where

    async def visit(self, path: str) -> None:
        await self.page.goto(self.made.home.url + path)
        await self.safe(path)

    async def _dialog(self, dialog: object) -> None:
        self.found.append(f"dialog: {dialog}")
        await dialog.dismiss()  # type: ignore[attr-defined]

    def _asked(self, url: str) -> None:
        if not url.startswith((self.made.home.url, "data:", "blob:")):
            self.found.append(f"request: {url}")

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and "the server responded with a status of" not in text:
            self.found.append(f"console: {text}")


async def as_visitor(browser: Browser, made: Place, **cookies: str) -> Watch:
    """A page with the visitor's cookie and these, of a browser with a hostile name and language."""
    context: BrowserContext = await browser.new_context(
        user_agent=AGENT,
        extra_http_headers={"Accept-Language": FAMILIES["attributes"]},
        reduced_motion="reduce",
    )
    given = {COOKIE: made.visitor, **cookies}
    await context.add_cookies([{"name": k, "value": v, "url": made.home.url} for k, v in given.items()])
    return Watch(await context.new_page(), made)


async def test_the_chat_shows_all_of_it_and_runs_none(browser: Browser, tmp_path: Path) -> None:
    async with place(tmp_path) as made:
        watch = await as_visitor(browser, made)
        page = watch.page
        await watch.visit("/")
        await page.locator("#find").fill("hacked")
        await expect(page.locator(".excerpt").first).to_contain_text("hacked")
        await watch.safe("search")
        await page.locator("#find").fill("")
        for number, conversation in enumerate(made.conversations):
            await page.locator(f'[data-chat="{conversation}"] .chat').click()
            await expect(page.locator(".question")).to_contain_text(WORD)
            await expect(page.locator(".turn")).to_have_count(1)
            await expect(page.locator(".sources li").first).to_be_visible()
            await page.locator(".mark").first.click()
            await expect(page.locator("#passage")).to_be_visible()
            await watch.safe(f"chat {number}")
            await page.keyboard.press("Escape")
        for name, payload in FAMILIES.items():
            made.home.core.script.answer = f"{payload} [1]"
            await page.goto(made.home.url)
            await page.locator("#text").fill(payload)
            await page.locator("#send").click()
            await expect(page.locator(".sources li").first).to_be_visible()
            await watch.safe(f"asked {name}")


async def test_shared_pages_mydata_and_the_widget_run_none_of_it(browser: Browser, tmp_path: Path) -> None:
    async with place(tmp_path) as made:
        watch = await as_visitor(browser, made)
        for token in made.tokens:
            await watch.visit(f"/s/{token}")
            await expect(watch.page.locator("main")).to_contain_text("hacked")
        await watch.visit("/mydata")
        await expect(watch.page.locator("#account-list")).to_contain_text("linked")
        await watch.safe("/mydata")
        for path, route in reads(made, console=False):
            if route.path in ("/", "/mydata", "/widget", "/widget/mydata", "/s/{token}"):
                payload = FAMILIES["attributes"] + FAMILIES["html"]
                wishes = {"lang": payload, "theme": payload, "color": payload, **filled(route, payload)}
                await watch.visit(f"{path}?{urlencode(wishes)}")


def _shown(route: APIRoute) -> bool:
    return not route.path.rpartition("/")[2].startswith(SKIPPED)


async def test_no_page_of_the_console_runs_any_of_it(browser: Browser, tmp_path: Path) -> None:
    async with place(tmp_path) as made:
        watch = await as_visitor(browser, made, **{SESSION: await made.session()})
        seen = 0
        for path, route in reads(made, console=True):
            if not _shown(route):
                continue
            await watch.visit(path)
            await watch.page.evaluate(
                "document.querySelectorAll('details').forEach((e) => { e.open = true })"
            )
            await watch.safe(path)
            seen += "hacked" in await watch.page.content()
            if names := filled(route, ""):
                for family in ("html", "attributes"):
                    await watch.visit(f"{path}?{urlencode({name: FAMILIES[family] for name in names})}")
        assert seen > 30
