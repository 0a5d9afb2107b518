"""The widget on a page of another site, in a real Chromium. The service is at 127.0.0.1 and the site at
localhost: for a browser that is another site, whose frames get no cookie of ours."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import escape
from types import MappingProxyType
from typing import Literal

import pytest
from playwright.async_api import Browser, Frame, FrameLocator, Page, Route, expect

from adapters.web.identity import Signer
from tests.adapters.web_core import House, house
from tests.browser.stage import ATTACK, LOOKS, SIZES, chromium, shot, violations, visit

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><html lang="{lang}"><head><title>A shop</title></head><body><main><h1>A shop</h1>
<p><a href="#">First link</a></p><p><a href="#">Last link</a></p></main>{script}</body></html>"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


class Site:
    """A site with one page, and a policy if it has one."""

    def __init__(self) -> None:
        self.html, self.policy, self.origin = "", "", ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        found = asked.startswith((b"GET / ", b"GET /?"))
        body = self.html.encode() if found else b""
        policy = f"Content-Security-Policy: {self.policy}\r\n" if self.policy else ""
        head = f"HTTP/1.1 {'200 OK' if found else '204 No Content'}\r\nContent-Type: text/html\r\n{policy}"
        length = f"Content-Length: {len(body)}\r\n" if found else ""
        writer.write(f"{head}{length}Connection: close\r\n\r\n".encode() + body)
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    made = Site()
    server = await asyncio.start_server(made.answer, "localhost", 0)
    made.origin = f"http://localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def embedded(
    lang: str = "en", data: Mapping[str, str] = MappingProxyType({}), *, allowed: bool = True
) -> AsyncIterator[tuple[Site, House]]:
    """A site with the widget, and the service behind it."""
    async with site() as shop:
        origins = (shop.origin if allowed else "https://elsewhere.example",)
        async with house(console=None, access="open", widget_origins=origins) as home:
            shop.html = PAGE.format(lang=lang, script=tag(home, data))
            yield shop, home


def tag(home: House, data: Mapping[str, str]) -> str:
    given = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    return f'<script src="{home.url}/widget.js" async{given}></script>'


def inside(page: Page) -> FrameLocator:
    return page.frame_locator("#tertulia-widget iframe")


def frame_of(page: Page, home: House) -> Frame:
    return next(frame for frame in page.frames if frame.url.startswith(home.url))


async def opened(page: Page) -> FrameLocator:
    await page.locator("#tertulia-widget .open").click()
    await expect(page.locator("#tertulia-widget iframe")).to_have_class("ready")
    return inside(page)


async def ask(frame: FrameLocator, text: str) -> None:
    await frame.locator("#text").fill(text)
    await frame.locator("#text").press("Enter")
    await expect(frame.locator(".turn").last).to_contain_text(text)
    await expect(frame.locator("#send")).to_be_visible()


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_a_question_from_another_site_survives_a_reload_without_cookies(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    async with embedded(locale, {"color": "#2563eb"}) as (shop, home):
        page, errors = await visit(
            browser, shop.origin, viewport=SIZES[size], color_scheme=scheme, locale=locale
        )
        await shot(page, f"widget-closed-{size}-{scheme}-{locale}")
        frame = await opened(page)
        await expect(frame.locator("#text")).to_be_focused()
        await shot(page, f"widget-{size}-{scheme}-{locale}")
        await ask(frame, "How do I connect Telegram?")
        assert await violations(page) == []
        box = await page.locator("#tertulia-widget .panel").bounding_box()
        assert box is not None
        full = (box["width"], box["height"]) == (SIZES[size]["width"], SIZES[size]["height"])
        assert full == (size == "phone")
        wide = "document.documentElement.scrollWidth > innerWidth"
        assert not await frame_of(page, home).evaluate(wide)
        await shot(page, f"widget-answer-{size}-{scheme}-{locale}")
        await page.reload()
        frame = await opened(page)
        await expect(frame.locator(".turn")).to_contain_text("How do I connect Telegram?")
        kept = await page.context.cookies(f"{home.url}/widget")
        assert [cookie["name"] for cookie in kept] == ["tertulia_frame"]
        assert await page.context.cookies(home.url) == [], "nothing says who asks but the header"
        assert errors == []


async def test_an_answer_of_elsewhere_comes_in_by_itself(browser: Browser) -> None:
    async with embedded() as (shop, _):
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        other = await page.context.new_page()
        await other.goto(shop.origin)
        frame, second = await opened(page), await opened(other)
        await ask(frame, "First")
        await other.reload()
        second = await opened(other)
        await expect(second.locator(".turn")).to_contain_text("First")
        await ask(second, "Second")
        await page.bring_to_front()
        await expect(frame.locator(".turn").last).to_contain_text("Second", timeout=15_000)
        assert errors == []


async def test_keys_stay_inside_and_esc_closes(browser: Browser) -> None:
    async with embedded() as (shop, home):
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        opener = page.locator("#tertulia-widget .open")
        await opener.focus()
        await page.keyboard.press("Enter")
        frame = inside(page)
        await expect(frame.locator("#text")).to_be_focused()
        seen = set()
        for key in [*["Tab"] * 20, *["Shift+Tab"] * 20]:
            await page.keyboard.press(key)
            at = "document.activeElement.id || document.activeElement.textContent"
            seen.add(await page.evaluate(at))
        assert seen == {"tertulia-widget"}, "the page's own links are not reached"
        await expect(page.locator("#tertulia-widget .panel")).to_be_visible()
        await page.locator("#tertulia-widget .size").focus()
        await page.keyboard.press("Shift+Tab")
        end = frame_of(page, home)
        assert await end.evaluate("document.hasFocus()"), "before the first button comes the frame's end"
        await frame.locator("#text").press("Escape")
        await expect(page.locator("#tertulia-widget .panel")).to_be_hidden()
        await expect(opener).to_be_focused()
        assert errors == []


async def test_esc_first_stops_an_answer(browser: Browser) -> None:
    async with embedded() as (shop, home):
        home.core.script.pause_after = 3
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        frame = await opened(page)
        await frame.locator("#text").fill("Slow")
        await frame.locator("#text").press("Enter")
        await expect(frame.locator("#stop")).to_be_visible()
        await expect(frame.locator(".turn")).to_contain_text("Create a bot")
        await page.keyboard.press("Escape")
        await expect(frame.locator("#send")).to_be_visible()
        await expect(page.locator("#tertulia-widget .panel")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#tertulia-widget .panel")).to_be_hidden()
        assert home.core.stopping
        assert errors == []


WISHES = {"position": "left", "theme": "dark", "language": "zh", "title": "Fragen?"}


async def test_it_grows_and_stands_where_the_site_wants_it(browser: Browser) -> None:
    async with embedded("en", WISHES) as (shop, _):
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        frame = await opened(page)
        panel = page.locator("#tertulia-widget .panel")
        small = await panel.bounding_box()
        await page.locator("#tertulia-widget .size").click()
        large = await panel.bounding_box()
        assert small is not None
        assert large is not None
        assert small["x"] == large["x"] == 20
        assert large["width"] > small["width"]
        await expect(panel).to_have_attribute("aria-label", "Fragen?")
        await expect(frame.locator("html")).to_have_attribute("lang", "zh")
        await expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
        assert await violations(page) == []
        assert errors == []


async def test_a_site_that_is_not_allowed_is_told_so(browser: Browser) -> None:
    async with embedded(allowed=False) as (shop, home):
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        await page.clock.install()
        await page.locator("#tertulia-widget .open").click()
        await page.clock.fast_forward(10_000)
        await expect(page.locator("#tertulia-widget .note")).to_contain_text("cannot be shown")
        await page.keyboard.press("Escape")
        await expect(page.locator("#tertulia-widget .panel")).to_be_hidden()
        assert home.core.seen == []
        assert any("frame-ancestors" in error for error in errors)


@pytest.mark.parametrize("path", ["/", "/mydata"])
async def test_an_allowed_site_frames_nothing_but_the_widget(browser: Browser, path: str) -> None:
    async with embedded() as (shop, home):
        shop.html = f'<iframe src="{home.url}{path}"></iframe>'
        _, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"])
        assert any("frame-ancestors" in error for error in errors)


HOSTILE = {"color": "red;}*{display:none}", "theme": '"><script>', "title": ATTACK, "language": "../../x"}


async def test_hostile_wishes_and_words_act_nowhere(browser: Browser) -> None:
    async with embedded("en", HOSTILE) as (shop, home):
        home.core.script.answer = ATTACK
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        frame = await opened(page)
        await expect(page.locator("#tertulia-widget .name")).to_have_text(ATTACK[:60])
        assert await page.locator("#tertulia-widget img, #tertulia-widget script").count() == 0
        await ask(frame, ATTACK)
        assert frame_of(page, home).url == f"{home.url}/widget?theme=auto&lang=en"
        for place in (page.main_frame, frame_of(page, home)):
            assert await place.evaluate("window.hacked") is None
        assert errors == []


async def test_messages_of_others_do_nothing(browser: Browser) -> None:
    async with embedded() as (shop, home):
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        frame = await opened(page)
        await ask(frame, "A secret")
        panel = page.locator("#tertulia-widget .panel")
        await page.evaluate("window.heard = []; addEventListener('message', (e) => heard.push(e.data))")
        await page.evaluate("postMessage({tertulia: 'close'}, '*')")
        forged = "new MessageEvent('message', {data: {tertulia: 'close'}, origin: '%s', source: window})"
        await page.evaluate(f"dispatchEvent({forged % home.url})")
        await expect(panel).to_be_visible()
        said = "{data: {tertulia: 'hello'}, origin: '%s', source: %s}"
        foreign = f"dispatchEvent(new MessageEvent('message', {said}))"
        inner = frame_of(page, home)
        await inner.evaluate(foreign % ("https://evil.example", "parent"))
        await inner.evaluate(foreign % (shop.origin, "window"))
        reached = await page.evaluate(_REACH)
        assert reached == "SecurityError"
        assert await page.evaluate("heard") == [{"tertulia": "close"}, {"tertulia": "close"}]
        assert errors == []


_REACH = """() => { try {
    const { shadowRoot } = document.getElementById('tertulia-widget');
    return shadowRoot.querySelector('iframe').contentWindow.document.body.innerText;
  } catch (error) { return error.name; } }"""


async def test_a_strict_policy_of_the_site_needs_two_lines(browser: Browser) -> None:
    async with embedded("en", {"color": "#ffd400"}) as (shop, home):
        shop.policy = f"default-src 'none'; script-src {home.url}; frame-src {home.url}"
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        frame = await opened(page)
        await ask(frame, "How?")
        colour = "getComputedStyle(document.querySelector('#send')).color"
        await frame.locator("#text").fill("Next")
        assert await frame_of(page, home).evaluate(colour) == "rgb(0, 0, 0)", "yellow takes black ink"
        assert errors == []


async def test_the_frame_shows_and_deletes_what_is_kept_of_its_visitor(browser: Browser) -> None:
    async with embedded("en", {"color": "2563eb"}) as (shop, home):
        page, errors = await visit(browser, shop.origin, viewport=SIZES["phone"], locale="en")
        frame = await opened(page)
        await ask(frame, "Mine")
        await frame.locator("nav .mine").click()
        await expect(frame.locator("#counts")).to_contain_text("1")
        assert await violations(page) == []
        async with page.expect_download() as download:
            await frame.locator("#download").click()
        assert (await download.value).suggested_filename == "my-data.json"
        await frame.locator("#confirm").fill("delete everything")
        await frame.locator("#confirm").press("Enter")
        await expect(frame.locator("#state")).to_contain_text("stranger")
        assert home.core.memory.people == {}
        await frame.locator("#again a").click()
        await expect(frame.locator("#welcome")).to_be_visible()
        await ask(frame, "Anew")
        assert len(home.core.memory.people) == 1
        assert errors == []


async def test_a_token_of_before_gives_way_to_a_new_one(browser: Browser) -> None:
    """As after a database was set up anew."""
    stale = Signer(b"the secret of another database").new_visitor()[1]
    async with embedded() as (shop, home):
        page, _ = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")

        async def outdated(route: Route) -> None:
            response = await route.fetch()
            body = re.sub(r'"visitor": "[^"]+"', f'"visitor": "{stale}"', await response.text())
            await route.fulfill(response=response, body=body)

        await page.route("**/widget?*", outdated, times=1)
        frame = await opened(page)
        await expect(frame.locator("#welcome")).to_be_visible()
        await ask(frame, "Hello?")
        assert len(home.core.memory.people) == 1
