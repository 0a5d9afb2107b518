"""Questions and answers on the page, as people use them."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.async_api import Browser, expect

from bot.types import Citation, EventKind, Passage
from tests.adapters.web_core import Script, house
from tests.browser.stage import ATTACK, LOOKS, SIZES, say, shot, sideways, violations, visit
from tests.browser.test_chat_addresses import answered

pytestmark = pytest.mark.browser
QUOTE = "Talk to @BotFather and send it /newbot."
WHOLE = f"# Connect Telegram\n\nYou need an account. {QUOTE} It answers with a token.\n\n" + "More. " * 400
CITATIONS = (
    Citation(1, "p1", "https://docs.example/telegram", "Connect Telegram", QUOTE),
    Citation(2, "p2", "handbook/start.md", "First steps", "Run make run."),
)
RICH = """Talk to **@BotFather** [1], then start it [2]:

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"  # a comment
```

| Setting | Means | Default | Where it is read and what it does when it is missing |
|---|---|--:|---|
| `TERTULIA_TELEGRAM_TOKEN` | the token | none | in the environment or the file tertulia.toml |

Euler: $e^{i\\pi} + 1 = 0$, and over a sum

$$
\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2}
$$

> A quotation, and ![a picture](https://evil.example/track.png)."""


async def passage(visitor: str, citation: Citation) -> Passage | None:
    return Passage("p1", WHOLE, citation.source, citation.title) if citation.passage_id == "p1" else None


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_an_answer_is_rich_its_sources_open_and_axe_is_content(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    look: dict[str, Any] = {"viewport": SIZES[size], "color_scheme": scheme, "locale": locale}
    name = f"{size}-{scheme}-{locale}"
    async with house(script=Script(answer=RICH, citations=CITATIONS), passage=passage) as home:
        page, errors = await visit(browser, home.url, **look)
        await expect(page.locator("#welcome")).to_be_visible()
        assert await violations(page) == []
        await shot(page, f"chat-welcome-{name}")
        await say(page, "How do I connect Telegram?")
        await expect(page.locator(".sources li")).to_have_count(2)
        await expect(page.locator("figure.code .k").first).to_have_text("def")
        await expect(page.locator("figcaption span")).to_have_text("python")
        await expect(page.locator("code.math")).to_have_text("$e^{i\\pi} + 1 = 0$")
        await expect(page.locator("div.math")).to_contain_text("\\frac{n(n+1)}{2}")
        assert await page.locator("#log img").count() == 0
        assert not await sideways(page)
        assert await violations(page) == []
        await shot(page, f"chat-answer-{name}")
        await page.locator("main").evaluate("main => { main.scrollTop = 0 }")
        await shot(page, f"chat-answer-top-{name}")
        await page.locator(".mark").first.click()
        await expect(page.locator("#passage mark")).to_have_text(QUOTE)
        await expect(page.locator("#passage .text")).to_contain_text("It answers with a token.")
        assert await violations(page) == []
        await shot(page, f"chat-passage-{name}")
        assert errors == []


async def test_passages_are_turned_by_keys_and_give_the_focus_back(browser: Browser) -> None:
    async with house(script=Script(answer=RICH, citations=CITATIONS), passage=passage) as home:
        page, errors = await visit(browser, home.url)
        await say(page, "How?")
        await page.locator(".mark").first.focus()
        await page.keyboard.press("Enter")
        dialog = page.locator("#passage")
        await expect(dialog.locator("h2")).to_have_text("Connect Telegram")
        await expect(dialog.locator("a")).to_have_attribute("href", "https://docs.example/telegram")
        await page.keyboard.press("ArrowRight")
        await expect(dialog.locator("h2")).to_have_text("First steps")
        await expect(dialog.locator(".changed")).to_be_visible()
        await expect(dialog.locator("a")).to_have_count(0)
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowLeft")
        await expect(dialog.locator("mark")).to_have_text(QUOTE)
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(page.locator(".mark").first).to_be_focused()
        assert errors == []


async def test_nothing_in_a_source_can_act(browser: Browser) -> None:
    hostile = Citation(1, "p1", "javascript:window.hacked=1", ATTACK, ATTACK)

    async def evil(visitor: str, citation: Citation) -> Passage | None:
        return Passage("p1", f"{ATTACK}\n{ATTACK}</mark></div><script>window.hacked=1</script>", "x")

    async with house(script=Script(answer=f"{ATTACK} [1]", citations=(hostile,)), passage=evil) as home:
        page, _ = await visit(browser, home.url)
        await say(page, ATTACK)
        await page.locator(".sources .name").click()
        await expect(page.locator("#passage .text")).to_contain_text("</mark></div><script>")
        await expect(page.locator("#passage h2")).to_have_text(ATTACK)
        assert await page.locator("#passage :is(script, img, a)").count() == 0
        assert await page.evaluate("window.hacked") is None


async def test_blocks_that_do_not_change_are_not_touched_while_an_answer_grows(browser: Browser) -> None:
    text = (
        "First paragraph, whole.\n\n```python\nx = 1\n```\n\nThe last one grows word by word "
        + "on and " * 60
    )
    script = Script(answer=text, pause_after=12)
    async with house(script=script) as home:
        page, _ = await visit(browser, home.url)
        await say(page, "Long?")
        await expect(page.locator(".answer > div")).to_have_count(3)
        await page.evaluate(
            """() => {
              window.touched = [];
              const blocks = [...document.querySelectorAll(".answer > div")];
              const all = { childList: true, characterData: true, subtree: true, attributes: true };
              const watch = (node, name) => new MutationObserver((seen) => seen.forEach((one) =>
                touched.push(name + one.type + one.removedNodes.length))).observe(node, all);
              blocks.slice(0, 2).forEach((block) => watch(block, "still "));
              watch(blocks[2], "growing ");
            }"""
        )
        script.gate.set()
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        await expect(page.locator(".answer")).to_contain_text("on and on and")
        touched = await page.evaluate("touched")
    assert [one for one in touched if one.startswith("still")] == []
    assert set(touched) == {"growing characterData0"}


async def test_the_end_is_announced_once_and_no_word_before_it(browser: Browser) -> None:
    async with house(script=Script(pause_after=2)) as home:
        page, _ = await visit(browser, home.url)
        await page.evaluate(
            """() => {
              window.heard = [];
              for (const node of document.querySelectorAll("[role=status]"))
                new MutationObserver(() => node.textContent && heard.push(node.textContent)).observe(node,
                  { childList: true, characterData: true, subtree: true });
            }"""
        )
        await say(page, "How?")
        await expect(page.locator(".answer")).to_contain_text("Create")
        assert await page.evaluate("heard") == []
        home.core.script.gate.set()
        whole = "The answer is complete. Create a bot with @BotFather and set TERTULIA_TELEGRAM_TOKEN [1]."
        await expect(page.locator("#told")).to_have_text(whole)
        assert await page.evaluate("heard") == [whole]
        assert await page.locator("#log").get_attribute("aria-live") == "off"


async def test_votes_ask_for_a_reason_and_store_it(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url)
        await say(page, "How?")
        await page.locator("[data-do=bad]").click()
        await page.locator("[data-reason=wrong]").click()
        await page.locator("[data-reason=sources]").click()
        await page.locator(".why textarea").fill(ATTACK)
        assert await violations(page) == []
        await shot(page, "chat-why")
        await page.locator(".why .primary").click()
        await expect(page.locator(".why")).to_have_count(0)
        await expect(page.locator("[data-do=bad]")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#said")).to_have_text("Thank you. The operators can read this.")
        given = [(e.data, e.text) for e in home.core.seen if e.kind is EventKind.REACTION]
        await page.locator("[data-do=bad]").click()
        await expect(page.locator("[data-do=bad]")).to_have_attribute("aria-pressed", "false")
        await expect(page.locator(".why")).to_have_count(0)
        await page.locator("[data-do=good]").click()
        await page.keyboard.press("Escape")
        await page.locator(".why [data-do=close]").click()
        await expect(page.locator(".why")).to_have_count(0)
        assert errors == []
    assert given == [("👎", ""), ("👎", f"wrong, sources: {ATTACK}")]


async def test_an_answer_and_its_code_are_copied_as_they_were_written(browser: Browser) -> None:
    async with house(script=Script(answer=RICH, citations=CITATIONS)) as home:
        page, _ = await visit(browser, home.url)
        await say(page, "How?")
        await page.locator("[data-do=copy]").click()
        await expect(page.locator("#said")).to_have_text("Copied")
        whole = await page.evaluate("navigator.clipboard.readText()")
        await page.locator("[data-do=copy-code]").click()
        await page.wait_for_function(
            "navigator.clipboard.readText().then((text) => text.startsWith('def greet'))"
        )
        code = await page.evaluate("navigator.clipboard.readText()")
    assert whole == (
        RICH + "\n\n[1] Connect Telegram · https://docs.example/telegram\n[2] First steps · handbook/start.md"
    )
    assert code.splitlines()[1] == '    return f"Hello, {name}!"  # a comment'


async def test_shortcuts_write_send_stop_edit_and_explain_themselves(browser: Browser) -> None:
    script = Script(pause_after=1)
    async with house(script=script) as home:
        page, errors = await visit(browser, home.url)
        await page.locator("body").press("?")
        await expect(page.locator("#help")).to_be_visible()
        assert await violations(page) == []
        await shot(page, "chat-help")
        await page.keyboard.press("Escape")
        await expect(page.locator("#help")).to_be_hidden()
        await page.locator("body").press("/")
        await expect(page.locator("#text")).to_be_focused()
        await page.keyboard.type("a/b?")
        await expect(page.locator("#text")).to_have_value("a/b?")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".question")).to_contain_text("a/b?")
        await expect(page.locator(".answer")).to_contain_text("Create")
        await page.keyboard.press("Escape")
        await expect(page.locator("#send")).to_be_visible()
        script.gate.set()
        await page.locator("#text").press("ArrowUp")
        await page.locator(".question textarea").fill("other words")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".question")).to_contain_text("other words")
        await expect(page.locator(".answer")).to_contain_text("TERTULIA_TELEGRAM_TOKEN")
        assert [e.data for e in home.core.seen if e.kind is EventKind.COMMAND] == ["/stop"]
        assert errors == []


async def test_the_focus_stays_where_a_question_is_not_changed_after_all(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, locale="en")
        await answered(page, "How?")
        edit = page.locator("[data-do=edit]")
        await edit.press("Enter")
        await page.locator(".question").get_by_role("button", name="Cancel").press("Enter")
        await expect(edit).to_be_focused()
        assert errors == []


@pytest.mark.parametrize("button", ["retry", "go-on"])
async def test_the_focus_goes_to_stop_and_at_the_end_to_the_composer(browser: Browser, button: str) -> None:
    script = Script(finish_reason="length")
    async with house(script=script) as home:
        page, errors = await visit(browser, home.url)
        await answered(page, "How?")
        script.pause_after = 3
        await page.locator(f"[data-do={button}]").press("Enter")
        await expect(page.locator("#stop")).to_be_focused()
        await expect(page.locator(".answer").last).to_contain_text("Create a bot")
        script.gate.set()
        await expect(page.locator("#send")).to_be_visible()
        await expect(page.locator("#text")).to_be_focused()
        assert errors == []


async def test_the_look_is_chosen_by_a_switch_and_remembered(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, color_scheme="light")
        ground = "getComputedStyle(document.body).backgroundColor"
        light = await page.evaluate(ground)
        await page.locator("#theme").click()
        await page.locator("#theme").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        dark = await page.evaluate(ground)
        await page.reload()
        assert await page.evaluate(ground) == dark != light
        await expect(page.locator("#theme")).to_have_attribute("aria-label", "Colours: dark")
        await page.context.add_cookies([{"name": "tertulia_theme", "value": '"><script>', "url": home.url}])
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("data-theme", "auto")
