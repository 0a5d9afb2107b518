"""The chat page while a person answers there in the assistant's place, over the whole service."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.stage import say, visit
from tests.e2e.taken_page import ann, page, talking
from tests.simulators.openai import Server

pytestmark = pytest.mark.browser
HELD = "A person answers here now: earlier questions and answers stay as they are. Write to them below."
PENCIL, AGAIN = "[data-do=edit]", "[data-do=retry]"


async def test_nothing_said_earlier_is_answered_anew_while_a_person_answers(
    browser: Browser, tmp_path: Path
) -> None:
    async with (
        Server().lifespan() as model,
        page(tmp_path, **talking(model)) as (app, client),
    ):
        visitor, errors = await visit(browser, str(client.base_url))
        answers, refused = visitor.locator(".answer"), visitor.locator("#refused")
        await say(visitor, "Hello")
        await expect(visitor.locator(AGAIN)).to_be_visible()
        same = await visitor.context.storage_state()
        writing, _ = await visit(browser, visitor.url, storage_state=same)
        await writing.locator(PENCIL).click()
        await writing.locator(".question textarea").fill("Other words")
        operator = await ann(app)
        taken = await app.stores.conversations.get(1)
        assert taken is not None
        await app.takeover.take(taken.id, operator)
        await expect(visitor.locator("#staff")).to_contain_text("answers here now")
        await expect(visitor.locator(AGAIN)).to_have_count(0)
        await expect(visitor.locator(PENCIL)).to_have_count(0)
        await expect(visitor.locator("[data-do=good]")).to_be_visible()
        await expect(writing.locator(AGAIN)).to_have_count(0)
        await expect(writing.locator(".question textarea")).to_have_value("Other words")
        await writing.locator(".question .primary").click()
        await expect(writing.locator("#refused")).to_have_text(HELD)
        await expect(writing.locator(".question textarea")).to_have_value("Other words")
        await expect(writing.locator(".answer")).to_have_text("Hello")

        await say(visitor, "One?")
        await say(visitor, "Two?")
        await expect(visitor.locator(".status", has_text="A person will answer here.").last).to_be_visible()
        await expect(visitor.locator(PENCIL)).to_have_count(0)
        await visitor.locator("#text").press("ArrowUp")
        await expect(visitor.locator(".question textarea")).to_have_count(0)
        await app.takeover.say(taken.id, "For both.", operator)
        await expect(answers.last).to_contain_text("For both.")
        await expect(visitor.locator(AGAIN)).to_have_count(0)
        await expect(refused).to_be_hidden()
        await app.takeover.give_back(taken.id, operator)
        await expect(visitor.locator(AGAIN)).to_have_count(1)
        await expect(visitor.locator(PENCIL)).to_have_count(1)
        await expect(answers.first).to_have_text("Hello")
        assert errors == []


async def test_an_answer_stands_where_a_person_takes_over_while_it_is_asked_for_anew(
    browser: Browser, tmp_path: Path
) -> None:
    async with (
        Server().lifespan() as model,
        page(tmp_path, **talking(model)) as (app, client),
    ):
        visitor, _ = await visit(browser, str(client.base_url))
        await say(visitor, "Hello")
        await expect(visitor.locator(AGAIN)).to_be_visible()
        await visitor.route("**/api/v1/updates", lambda route: route.abort())
        await visitor.reload()
        other, _ = await visit(browser, visitor.url, storage_state=await visitor.context.storage_state())
        model.behaviour = replace(model.behaviour, stall=1)
        model.asked.clear()
        await say(other, "This keeps the model busy")
        await model.asked.wait()
        async with visitor.expect_response("**/api/v1/chat"):
            await visitor.locator(AGAIN).click()
        await app.takeover.take(1, await ann(app))
        await expect(visitor.locator(".answer").first).to_have_text("Hello")
        await expect(visitor.locator(".question p")).to_have_text(["Hello", "This keeps the model busy"])
        await expect(visitor.locator("#stop")).to_be_hidden()
