"""What a model thinks before it answers, folded above the answer, in a real Chromium."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.adapters.web_core import Script, house
from tests.browser.embedding import ask, embedded, frame_of, opened
from tests.browser.stage import ATTACK, LOOKS, SIZES, say, shot, sideways, violations, visit

pytestmark = pytest.mark.browser
PIECES = ("The question is about Telegram.\n\n", "So they need a token. ", "I shall say where it comes from.")
WHOLE = "".join(PIECES)
LASTED = {"en": "Thought for 12 seconds", "zh-CN": "思考了12秒钟"}
UNDER_WAY = {"en": "Thinking… 4 sec", "zh-CN": "思考中… 4秒"}
THINKS = {"text": "Hm.", "seconds": 4.0, "cut": False, "anew": False, "thinking": True}
WATCH_TOLD = """() => {
  window.heard = [];
  const told = document.getElementById("told");
  new MutationObserver(() => told.textContent && heard.push(told.textContent))
    .observe(told, { childList: true, characterData: true, subtree: true });
}"""


def thinking(**more: Any) -> Script:
    return Script("Talk to **@BotFather** now.", thoughts=PIECES, think_after=1, pause_after=3, **more)


async def answered(page: Page, *told: tuple[str, Any]) -> None:
    """What is asked there is answered with these events, all at once."""
    start = ("start", {"id": "a" * 32, "conversation": "b" * 32})
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in (start, *told))
    await page.route(
        "**/api/v1/chat", lambda route: route.fulfill(body=body, content_type="text/event-stream")
    )


async def folded(page: Page, line: str) -> None:
    await expect(page.locator(".thoughts summary")).to_have_text(line)
    await expect(page.locator(".thoughts p").first).to_be_hidden()


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_thoughts_are_folded_open_at_a_press_and_stay_as_they_were_left(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    look: dict[str, Any] = {"viewport": SIZES[size], "color_scheme": scheme, "locale": locale}
    name = f"{size}-{scheme}-{locale}"
    async with house(script=thinking()) as home:
        page, errors = await visit(browser, home.url, **look)
        await say(page, "How do I connect Telegram?")
        await folded(page, UNDER_WAY[locale])
        await expect(page.locator(".status")).to_be_hidden()
        assert await violations(page) == []
        await shot(page, f"thoughts-folded-{name}")
        await page.locator(".thoughts summary").press("Enter")
        text = page.locator(".thoughts p").first
        await expect(text).to_have_text(PIECES[0].strip())
        home.core.script.thought.set()
        await expect(text).to_have_text(WHOLE)
        await expect(page.locator(".thoughts summary")).to_have_text(LASTED[locale])
        await expect(page.locator(".answer strong")).to_have_text("@BotFather")
        await expect(text).to_be_visible()
        home.core.script.gate.set()
        await expect(page.locator(".actions button").first).to_be_visible()
        await expect(text).to_be_visible()
        assert not await sideways(page)
        assert await violations(page) == []
        await shot(page, f"thoughts-open-{name}")
        await page.reload()
        await folded(page, LASTED[locale])
        await page.locator(".thoughts summary").click()
        await expect(page.locator(".thoughts p").first).to_have_text(WHOLE)
        assert errors == []


async def test_what_was_thought_so_far_is_there_after_a_reload_and_in_another_tab(browser: Browser) -> None:
    async with house(script=thinking()) as home:
        page, errors = await visit(browser, home.url, locale="en")
        await say(page, "How?")
        await folded(page, UNDER_WAY["en"])
        other = await page.context.new_page()
        await other.goto(page.url)
        await page.reload()
        for one in (page, other):
            await folded(one, UNDER_WAY["en"])
            await one.locator(".thoughts summary").click()
            await expect(one.locator(".thoughts p").first).to_have_text(PIECES[0].strip())
        home.core.script.thought.set()
        home.core.script.gate.set()
        for one in (page, other):
            await expect(one.locator(".thoughts summary")).to_have_text(LASTED["en"])
            await expect(one.locator(".thoughts p").first).to_have_text(WHOLE)
            await expect(one.locator(".answer strong")).to_have_text("@BotFather")
            await expect(one.locator(".actions [data-do=retry]")).to_be_visible()
            await expect(one.locator(".thoughts p").first).to_be_visible()
        assert errors == []


async def test_a_connection_that_breaks_in_mid_thought_leaves_the_fold_as_it_is(browser: Browser) -> None:
    async with house(script=thinking()) as home:
        page, _ = await visit(browser, home.url, locale="en")
        await say(page, "How?")
        await page.locator(".thoughts summary").click()
        await page.evaluate(
            """() => {
              window.changes = [];
              const root = document.querySelector(".thoughts");
              const seen = () => changes.push([root.hidden, root.open, root.querySelector("p").textContent]);
              const all = { attributes: true, characterData: true, subtree: true };
              new MutationObserver(seen).observe(root, all);
            }"""
        )
        await page.context.set_offline(True)
        home.core.channel.close()
        await expect(page.locator(".status")).to_be_visible()
        home.core.channel.closing = False
        await page.context.set_offline(False)
        await expect(page.locator(".status")).to_be_hidden()
        home.core.script.thought.set()
        home.core.script.gate.set()
        await expect(page.locator(".thoughts p").first).to_have_text(WHOLE)
        await expect(page.locator(".thoughts summary")).to_have_text(LASTED["en"])
        changes = await page.evaluate("changes")
        assert changes
        for hidden, is_open, text in changes:
            assert (hidden, is_open) == (False, True)
            assert WHOLE.startswith(text)
            assert text.startswith(PIECES[0].strip())


async def test_what_is_done_between_thoughts_is_told_beside_them_also_after_a_reload(
    browser: Browser,
) -> None:
    script = Script("Fine.", thoughts=PIECES, doing="Looking it up…", pause_after=0)
    async with house(script=script) as home:
        page, errors = await visit(browser, home.url, locale="en")
        await say(page, "How?")
        for again in (True, False):
            await folded(page, "Thinking… 12 sec")
            await expect(page.locator(".status")).to_have_text("Looking it up…")
            if again:
                await page.reload()
        script.gate.set()
        await expect(page.locator(".answer")).to_have_text("Fine.")
        await expect(page.locator(".status")).to_be_hidden()
        assert errors == []


async def test_no_other_line_flickers_where_the_first_word_comes_after_thoughts(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, locale="en")
        await answered(
            page,
            ("thought", THINKS),
            ("thought", {**THINKS, "text": "", "seconds": 5.0, "thinking": False}),
            ("chunk", {"text": "Fine."}),
            ("html", {"from": 0, "blocks": ["<p>Fine.</p>"]}),
            ("done", {"finish_reason": "stop"}),
        )
        await page.evaluate(
            """() => {
              window.lines = [];
              const shown = (node) => node && !node.hidden && lines.push(node.textContent);
              const thinks = () => document.querySelector(".thoughts:not([hidden])");
              const seen = () => thinks() && shown(document.querySelector(".status"));
              const all = { attributes: true, childList: true, characterData: true, subtree: true };
              new MutationObserver(seen).observe(document.getElementById("log"), all);
            }"""
        )
        await say(page, "How?")
        await expect(page.locator(".answer")).to_have_text("Fine.")
        await folded(page, "Thought for 5 seconds")
        assert await page.evaluate("lines") == []


async def test_an_answer_that_is_lost_in_mid_thought_thinks_no_more(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, locale="en")
        await answered(page, ("thought", THINKS), ("error", {"message": "Lost.", "code": "lost"}))
        await say(page, "How?")
        await expect(page.locator(".status")).to_contain_text("This answer is not available any more.")
        await folded(page, "Thought for 4 seconds")


async def test_thoughts_opened_at_the_end_of_the_chat_are_read_from_their_first(browser: Browser) -> None:
    long = "\n".join(f"Line {number}" for number in range(200))
    async with house(script=Script("Fine.", thoughts=(long,))) as home:
        page, _ = await visit(browser, home.url, locale="en")
        for number in range(4):
            await say(page, f"Question {number}")
            await expect(page.locator(".actions [data-do=copy]")).to_have_count(number + 1)
        last = page.locator(".thoughts summary").last
        before = await last.bounding_box()
        await last.click()
        await expect(page.locator(".thoughts p").last).to_be_attached()
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await last.bounding_box() == before
        await last.click()
        await say(page, "Another")
        await expect(page.locator(".actions [data-do=copy]")).to_have_count(5)
        await expect(page.locator(".actions").last).to_be_in_viewport()


async def test_who_listens_hears_that_it_thinks_once_and_never_what(browser: Browser) -> None:
    async with house(script=thinking()) as home:
        page, _ = await visit(browser, home.url, locale="en")
        await page.evaluate(WATCH_TOLD)
        await say(page, "How?")
        await folded(page, UNDER_WAY["en"])
        home.core.script.thought.set()
        home.core.script.gate.set()
        await expect(page.locator("#told")).to_contain_text("Talk to @BotFather now.")
        heard = await page.evaluate("heard")
        assert heard == ["Thinking…", "The answer is complete. Talk to @BotFather now."]
        assert await page.locator(".thoughts :is([aria-live], [role=status], [role=alert])").count() == 0


async def test_nothing_in_a_thought_can_act(browser: Browser) -> None:
    hostile = f"</p></details>{ATTACK} **bold** [1]"
    async with house(script=Script("Fine.", thoughts=(hostile,))) as home:
        page, _ = await visit(browser, home.url, locale="en")
        await say(page, "How?")
        for _ in range(2):
            await page.locator(".thoughts summary").click()
            await expect(page.locator(".thoughts p").first).to_have_text(hostile)
            assert await page.locator(".thoughts :is(script, img, a, b, strong, button)").count() == 0
            await page.reload()
        assert await page.evaluate("window.hacked") is None


async def test_a_stop_in_mid_thought_keeps_the_thoughts_and_another_answer_has_its_own(
    browser: Browser,
) -> None:
    async with house(script=thinking()) as home:
        page, errors = await visit(browser, home.url, locale="en")
        await say(page, "How?")
        await folded(page, UNDER_WAY["en"])
        await page.locator("#stop").click()
        await folded(page, "Thought for 4 seconds")
        home.core.script.thoughts = ("Another way.",)
        home.core.script.gate.set()
        await page.locator("[data-do=retry]").click()
        await folded(page, LASTED["en"])
        await page.locator(".thoughts summary").click()
        await expect(page.locator(".thoughts p").first).to_have_text("Another way.")
        home.core.script.thoughts = ()
        await page.locator("[data-do=retry]").click()
        await expect(page.locator(".thoughts")).to_be_hidden()
        await expect(page.locator(".answer strong")).to_have_text("@BotFather")
        assert errors == []


async def test_the_widget_has_the_fold_too(browser: Browser) -> None:
    async with embedded("en", {}) as (shop, home):
        home.core.script.thoughts = PIECES
        page, errors = await visit(browser, shop.origin, viewport=SIZES["phone"], locale="en")
        frame = await opened(page)
        await ask(frame, "How?")
        await expect(frame.locator(".thoughts summary")).to_have_text(LASTED["en"])
        await frame.locator(".thoughts summary").click()
        await expect(frame.locator(".thoughts p").first).to_have_text(WHOLE)
        assert not await frame_of(page, home).evaluate("document.documentElement.scrollWidth > innerWidth")
        assert errors == []
