"""An open conversation of the console while others act: what is under somebody's hand stays, and nobody does
anything to what has become another's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import Browser, Page, Request, Route, expect

from adapters.web.console.reading import SHOWN
from bot.types import Thoughts, TurnState
from tests.browser.console_taking import enter, place, take
from tests.browser.stage import violations

pytestmark = pytest.mark.browser
SELECT = "turn => getSelection().selectAllChildren(turn.querySelector('.question'))"
SETTLED = """async tail => {
    await Promise.all(tail.getAnimations().map(one => one.finished));
    return getComputedStyle(tail).opacity;
}"""
ASKED = ".question p"


async def told(page: Page) -> None:
    """The page has asked for what is new, and been told."""
    async with page.expect_response("**/news?*"):
        pass


async def test_what_is_selected_stays_while_more_is_said_and_what_changed_below_it_is_shown_later(
    browser: Browser,
) -> None:
    async with place() as (home, town, at):
        page, errors = await enter(browser, home, "Olga", at)
        asked = page.locator(ASKED)
        await page.locator("article.said").last.evaluate(SELECT)
        await town.ask("Are you there?")
        await expect(asked.last).to_have_text("Are you there?")
        assert await page.evaluate("getSelection().toString().trim()") == "Help!"
        turn = await town.ask("And now?", "An ans", state=TurnState.DELIVERING)
        await expect(asked.last).to_have_text("And now?")
        await page.locator("article.said").last.evaluate(SELECT)
        await town.turns.finish(replace(turn, text="An answer that grew.", state=TurnState.DONE))
        await town.ask("Hello?")
        await expect(asked.last).to_have_text("Hello?")
        assert await page.evaluate("getSelection().toString().trim()") == "And now?"
        await page.evaluate("getSelection().removeAllRanges()")
        await expect(page.get_by_text("An answer that grew.")).to_be_visible()
        assert errors == []


async def test_nothing_fades_while_a_slow_server_is_asked_what_is_new(browser: Browser) -> None:
    async with place() as (home, _, at):
        page, errors = await enter(browser, home, "Olga", at)
        hanging: list[Route] = []
        await page.route("**/news?*", lambda route: hanging.append(route))
        asking = page.locator("#tail.htmx-request")
        await expect(asking).to_have_count(1)
        assert await asking.evaluate(SETTLED) == "1"
        for route in hanging:
            await route.abort()
        assert errors == []


async def test_what_the_model_thought_is_folded_above_its_answer(browser: Browser) -> None:
    async with place() as (home, town, at):
        await town.ask("Why?", "Because.", thoughts=Thoughts("<b>First</b> things\n\nfirst.", 11.6, cut=True))
        page, errors = await enter(browser, home, "Olga", at)
        fold = page.locator(".thoughts")
        await expect(fold.locator("summary")).to_have_text("Thought for 12 s")
        await expect(fold.locator("p").first).to_be_hidden()
        await fold.locator("summary").press("Enter")
        await expect(fold.locator("p")).to_have_text(
            ["<b>First</b> things first.", "More was thought, and not kept."]
        )
        await expect(fold.locator("p").first).to_be_visible()
        assert await violations(page) == []
        assert errors == []


async def test_thoughts_that_were_opened_stay_open_when_more_is_said(browser: Browser) -> None:
    async with place() as (home, town, at):
        turn = await town.ask("Why?", "Bec", state=TurnState.DELIVERING, thoughts=Thoughts("Well.", 2.0))
        page, errors = await enter(browser, home, "Olga", at)
        fold = page.locator(".thoughts")
        await fold.locator("summary").click()
        await fold.locator("summary").blur()
        await town.turns.finish(replace(turn, text="Because.", state=TurnState.DONE))
        await town.ask("And?")
        await expect(page.locator(ASKED).last).to_have_text("And?")
        await expect(page.get_by_text("Because.")).to_be_visible()
        await expect(fold.locator("p")).to_be_visible()
        assert errors == []


async def test_of_many_new_turns_each_is_shown_once_and_none_is_lost(browser: Browser) -> None:
    async with place() as (home, town, at):
        page, errors = await enter(browser, home, "Olga", at)
        asked = page.locator(ASKED)
        turn = await town.ask("Question 2", "An ans", state=TurnState.DELIVERING)
        await expect(asked.last).to_have_text("Question 2")
        await page.locator("article.said").last.evaluate(SELECT)
        await town.turns.finish(replace(turn, text="An answer that grew.", state=TurnState.DONE))
        for number in range(3, 2 * SHOWN + 6):
            await town.ask(f"Question {number}")
        every = ["Help!", *(f"Question {number}" for number in range(2, 2 * SHOWN + 6))]
        await expect(asked).to_have_text(every[: 2 * SHOWN])
        assert await page.evaluate("getSelection().toString().trim()") == "Question 2"
        await page.evaluate("getSelection().removeAllRanges()")
        await expect(asked).to_have_text(every)
        await expect(page.get_by_text("An answer that grew.")).to_be_visible()
        for number in range(2 * SHOWN + 6, 3 * SHOWN):
            await town.ask(f"Question {number}")
            every.append(f"Question {number}")
        await expect(asked).to_have_text(every)
        await expect(page.locator("#earlier")).to_have_count(0)
        assert errors == []


async def test_where_one_writes_nothing_is_put_anew_by_what_people_say(browser: Browser) -> None:
    async with place() as (home, town, at):
        page, errors = await enter(browser, home, "Olga", at)
        await take(page)
        text, send = page.locator("#f-text"), page.locator("#composer .primary").first
        await text.press_sequentially("One two")
        await text.evaluate("it => { it.setSelectionRange(1, 3); it.same = it.form.same = true; }")
        await send.evaluate("it => { it.same = true; }")
        await town.ask("Are you there?")
        await expect(page.locator(ASKED).last).to_have_text("Are you there?")
        assert await page.evaluate("document.activeElement.id") == "f-text"
        assert await text.evaluate("it => [it.selectionStart, it.selectionEnd]") == [1, 3]
        assert await send.evaluate("it => it.same"), "a press that has begun would be lost"
        assert errors == []


async def test_a_question_that_is_open_stays_and_does_nothing_to_what_is_anothers_now(
    browser: Browser,
) -> None:
    async with place() as (home, town, at):
        (olga, errors), (otto, _) = (
            await enter(browser, home, "Olga", at),
            await enter(browser, home, "Otto", at),
        )
        await olga.locator("[data-dialog=take]").click()
        await expect(olga.locator("#take")).to_contain_text("Take this conversation over?")
        await take(otto)
        await told(olga)
        await expect(olga.locator("#take")).to_contain_text("Take this conversation over?")
        await olga.locator("#take .primary").click()
        await expect(olga.locator(".notice.bad")).to_contain_text("Otto took this conversation over")
        assert await violations(olga) == []
        await otto.reload()
        await expect(otto.locator("#f-text")).to_be_visible()
        await town.clock.advance(1)
        await take(olga)
        await otto.get_by_role("button", name="Hand back").click()
        await expect(otto.locator(".notice.bad")).to_contain_text("Olga took this conversation over")
        await olga.reload()
        await expect(olga.locator("#f-text")).to_be_visible()
        assert all("409" in error for error in errors)


async def test_words_added_after_an_answer_whose_end_was_never_heard_of_are_said_too(
    browser: Browser,
) -> None:
    async with place() as (home, _, at):
        page, _ = await enter(browser, home, "Olga", at)
        await take(page)

        async def deaf(route: Route, request: Request) -> None:
            await route.fetch()
            await route.abort()

        await page.route("**/say", deaf, times=1)
        text = page.locator("#f-text")
        await text.fill("First.")
        await text.press("Control+Enter")
        await expect(page.locator("#said")).to_have_text("That did not work. Please try again.")
        await text.press("Control+Enter")
        await expect(text).to_have_value("")
        await expect(page.locator(".answer", has_text="First.")).to_have_count(1)
        await page.route("**/say", deaf, times=1)
        await text.fill("Second.")
        await text.press("Control+Enter")
        await expect(page.locator("#said")).to_have_text("That did not work. Please try again.")
        await text.press_sequentially(" More.")
        await text.press("Control+Enter")
        await expect(page.locator(".answer").last).to_contain_text("Second. More.")
