"""What an operator types where they took over, and who chats there sees, in a real Chromium."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.console_taking import enter, place, take
from tests.browser.stage import NO_CLIPBOARD, shot, violations, visit
from tests.e2e.taken_page import ann, page, talking
from tests.simulators.openai import Server

pytestmark = pytest.mark.browser
WORDS = "Half of an ans"


async def test_another_takes_it_and_what_was_typed_stays_and_can_be_gone_on_with(browser: Browser) -> None:
    async with place() as (home, _, at):
        (olga, errors), (otto, _) = (
            await enter(browser, home, "Olga", at),
            await enter(browser, home, "Otto", at),
        )
        await take(olga)
        await olga.locator("#f-text").press_sequentially(WORDS)
        await otto.reload()
        await take(otto)
        await otto.locator("#f-text").fill("Otto's")
        await expect(olga.locator("#f-draft")).to_have_value(WORDS)
        await expect(olga.locator("#f-draft")).to_be_focused()
        await expect(olga.locator("#draft")).to_contain_text("did not send it")
        assert await violations(olga) == []
        await shot(olga, "console-draft")
        await olga.locator("[data-draft-do=copy]").click()
        assert await olga.evaluate("navigator.clipboard.readText()") == WORDS
        await olga.evaluate(NO_CLIPBOARD)
        await olga.locator("#said").evaluate("said => { said.textContent = ''; }")
        await olga.locator("[data-draft-do=copy]").click()
        await expect(olga.locator("#said")).to_have_text("Copied")
        await olga.evaluate("document.execCommand = () => false")
        await olga.locator("[data-draft-do=copy]").click()
        await expect(olga.locator("#said")).to_contain_text("Could not be copied.")
        await olga.reload()
        await expect(olga.locator("#f-draft")).to_have_value(WORDS)
        await olga.locator("[data-dialog=back]").click()
        await expect(olga.locator("#back")).to_contain_text("Otto answers here")
        await olga.locator("#back [data-close]").click()
        await take(olga)
        await expect(olga.locator("#f-text")).to_have_value(WORDS)
        await expect(otto.locator("#f-draft")).to_have_value("Otto's")
        await olga.locator("#f-text").press("Control+Enter")
        await expect(olga.locator("#f-text")).to_have_value("")
        await olga.reload()
        await expect(olga.locator("#f-text")).to_have_value("")
        await otto.locator("[data-draft-do=drop]").click()
        await otto.reload()
        await expect(otto.locator("#draft")).to_be_hidden()
        assert errors == []


async def test_one_asks_before_one_hands_back_with_something_unsent_and_a_login_brings_it_back(
    browser: Browser,
) -> None:
    async with place() as (home, _, at):
        olga, _ = await enter(browser, home, "Olga", at)
        await take(olga)
        await olga.locator("#f-text").fill(WORDS)
        await olga.get_by_role("button", name="Hand back").click()
        await expect(olga.locator("#back")).to_contain_text("unsent")
        await olga.locator("#back [data-close]").click()
        await expect(olga.locator("#f-text")).to_have_value(WORDS)
        await olga.get_by_role("button", name="Hand back").click()
        await olga.locator("#back .primary").click()
        await expect(olga.locator("#f-draft")).to_have_value(WORDS)
        await take(olga)
        console = home.deps.console
        assert console is not None
        account = await console.accounts.named("Olga")
        assert account is not None
        await console.accounts.end_sessions(account.id)
        await olga.locator("#f-text").press_sequentially("wer")
        await olga.wait_for_url("**/console/login?next=/console/conversations/*")
        token = await console.accounts.again(account.id, seconds=60)
        await olga.goto(f"{home.url}/console/login?token={token}")
        await olga.locator("main .primary").click()
        await olga.wait_for_url("**/console/account**")
        await olga.goto(at)
        await expect(olga.locator("#f-text")).to_have_value(f"{WORDS}wer")
        await olga.locator("#f-text").fill("")
        await olga.get_by_role("button", name="Hand back").click()
        await expect(olga.get_by_text("The assistant answers here.")).to_be_visible()


async def test_what_is_typed_while_an_answer_is_sent_is_not_sent_and_what_is_refused_is_kept(
    browser: Browser,
) -> None:
    async with place() as (home, _, at):
        (olga, _), (otto, _) = await enter(browser, home, "Olga", at), await enter(browser, home, "Otto", at)
        await take(olga)
        go = asyncio.Event()

        async def slowly(route: Route) -> None:
            await go.wait()
            await route.continue_()

        await olga.route("**/say", slowly)
        await olga.locator("#f-text").fill("First.")
        await olga.locator("#f-text").press("Control+Enter")
        await olga.locator("#f-text").press_sequentially(" Second.")
        go.set()
        await expect(olga.locator("#f-text")).to_have_value(" Second.")
        await expect(olga.locator(".answer").last).to_have_text("First.")
        await olga.locator("#f-text").press("Control+Enter")
        await expect(olga.locator(".answer").last).to_have_text("Second.")
        go.clear()
        await olga.locator("#f-text").fill("Third.")
        await olga.locator("#f-text").press("Control+Enter")
        await otto.reload()
        await take(otto)
        go.set()
        await expect(olga.locator("#f-draft")).to_have_value("Third.")
        await expect(olga.locator(".answer")).to_have_count(3)


async def test_who_chats_on_the_page_sees_who_answers_and_what_became_of_each_question(
    browser: Browser,
    tmp_path: Path,
) -> None:
    async with (
        Server().lifespan() as model,
        page(tmp_path, **talking(model)) as (app, client),
    ):
        url = str(client.base_url)
        visitor, errors = await visit(browser, url)

        async def says(text: str) -> None:
            await visitor.locator("#text").fill(text)
            await visitor.keyboard.press("Enter")

        await says("Hello")
        await expect(visitor.locator(".answer")).to_have_text("Hello")
        token = await app.stores.accounts.again((await ann(app)).id, seconds=60)
        operator, _ = await visit(browser, f"{url}/console/login?token={token}")
        await operator.locator("main .primary").click()
        await operator.wait_for_url("**/console/account**")
        await operator.goto(f"{url}/console/conversations")
        await operator.locator("#list a.main").click()
        await take(operator)
        staff, kept = (
            visitor.locator("#staff"),
            visitor.locator(".status", has_text="A person will answer here."),
        )
        await expect(staff).to_have_text("Ann, a member of staff, answers here now.")
        await says("One?")
        await expect(visitor.locator(".answer").last).to_contain_text("answers here now")
        await says("Two?")
        await expect(kept.last).to_be_visible()
        await visitor.reload()
        await expect(kept).to_have_count(2)
        await expect(staff).to_have_text("Ann, a member of staff, answers here now.")
        assert await violations(visitor) == []
        await shot(visitor, "chat-taken")
        await expect(operator.locator(".badge", has_text="Waits for a person")).to_have_count(2)
        await operator.locator("#f-text").fill("For both.")
        await operator.locator("#f-text").press("Control+Enter")
        await expect(visitor.locator(".answer").last).to_contain_text("For both.")
        await expect(kept).to_have_count(0)
        await expect(visitor.get_by_text("Answered further below.")).to_have_count(1)
        await says("Three?")
        await expect(kept).to_have_count(1)
        await operator.get_by_role("button", name="Hand back").click()
        await expect(staff).to_have_text("The assistant answers here again.")
        await expect(visitor.locator(".answer").last).to_have_text("Three?")
        await expect(kept).to_have_count(0)
        await expect(operator.locator(".badge", has_text="Answered further below")).to_have_count(1)
        await shot(visitor, "chat-handed-back")
        await says("Thanks")
        await expect(staff).to_have_text("")
        assert errors == []
