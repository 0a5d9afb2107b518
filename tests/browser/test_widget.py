"""The widget on a page of another site, in a real Chromium. The service is at 127.0.0.1 and the site at
localhost: for a browser that is another site, whose frames get no cookie of ours."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Route, expect

from adapters.web.files import Files
from adapters.web.identity import Signer
from bot.clock import SystemClock
from tests.browser.embedding import ask, embedded, frame_of, inside, opened
from tests.browser.stage import ATTACK, LOOKS, SIZES, shot, violations, visit
from tests.browser.test_chat_files import LIMIT, NOTES, PICTURE

pytestmark = pytest.mark.browser


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
        await expect(frame.locator(".turn").last).to_contain_text("Second")
        assert errors == []


async def test_files_are_brought_shown_again_and_saved_without_cookies(
    browser: Browser, tmp_path: Path
) -> None:
    async with embedded(files=Files(tmp_path, SystemClock(), limit=LIMIT)) as (shop, home):
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        frame = await opened(page)
        await frame.locator("#pick").set_input_files([PICTURE, NOTES])
        await expect(frame.locator(".chip progress")).to_have_count(0)
        await expect(frame.locator(".chip img")).to_have_js_property("naturalWidth", 2)
        await ask(frame, "What is this?")
        await page.reload()
        frame = await opened(page)
        await expect(frame.locator(".brought img")).to_have_js_property("naturalWidth", 2)
        await shot(page, "widget-files")
        async with page.expect_download() as download:
            await frame.locator(".brought a", has_text="notes.txt").click()
        kept = await (await download.value).path()
        assert kept.read_bytes() == NOTES["buffer"]
        assert await page.context.cookies(home.url) == []
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
            await page.wait_for_function("document.activeElement !== document.body")  # on its way
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


async def test_esc_gives_up_what_a_question_was_changed_to_and_not_the_chat(browser: Browser) -> None:
    async with embedded() as (shop, _):
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        frame = await opened(page)
        await ask(frame, "How?")
        await frame.locator("[data-do=edit]").click()
        await expect(frame.locator(".question textarea")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(frame.locator("[data-do=edit]")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(frame.locator(".question textarea")).to_be_focused()
        await expect(page.locator("#tertulia-widget .panel")).to_be_visible()
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


TASTE = """<style>
  body > * { position: relative; z-index: 1 } body>div, body > :last-child { display: none !important }
  div, #tertulia-widget { opacity: .6 } * { font-size: 30px !important; margin: 9px !important }
  * { animation: x 1s !important }
  :root, * { --brand: red !important; --ground: red !important; --ink: red }
  html { font-size: 40px } tertulia-widget { transform: scale(2) !important; visibility: hidden !important }
</style>"""


async def test_a_sites_styles_leave_it_alone_and_it_may_be_a_module(browser: Browser) -> None:
    async with embedded("en", {"color": "#2563eb"}) as (shop, _):
        plain, _ = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        shop.html = shop.html.replace("</head>", f"{TASTE}</head>").replace(" async", ' type="module"')
        styled, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        looks = []
        for page in (plain, styled):
            await page.emulate_media(reduced_motion="reduce")
            look = [await page.locator("#tertulia-widget .open").bounding_box()]
            await opened(page)
            look += [await page.locator(f"#tertulia-widget {part}").bounding_box() for part in PARTS]
            looks.append((look, await page.evaluate(_LOOK)))
        assert looks[0] == looks[1]
        assert errors == []


PARTS = (".panel", ".top", ".name", ".size", ".close", "iframe")
_LOOK = """() => { const host = document.getElementById('tertulia-widget'), found = [];
  for (const at of [host, ...host.shadowRoot.querySelectorAll('.top, .name, iframe')]) {
    const style = getComputedStyle(at);
    found.push(...['opacity', 'zIndex', 'display', 'fontSize', 'backgroundColor', 'color', 'transform',
      'animationName', 'visibility', 'position'].map((n) => style[n]));
  }
  return found; }"""
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


async def test_what_is_written_before_the_last_chat_is_there_stays(browser: Browser) -> None:
    async with embedded() as (shop, _):
        page, errors = await visit(browser, shop.origin, viewport=SIZES["desktop"], locale="en")
        listed = asyncio.Event()

        async def late(route: Route) -> None:
            await listed.wait()
            await route.continue_()

        await page.route("**/api/v1/conversations", late)
        frame = await opened(page)
        await frame.locator("#text").fill("Early words")
        async with page.expect_response("**/api/v1/conversations"):
            listed.set()
        await expect(frame.locator("#welcome")).to_be_visible()
        await expect(frame.locator("#text")).to_have_value("Early words")
        await frame.locator("#text").press("Enter")
        await expect(frame.locator(".question")).to_contain_text("Early words")
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
