"""Model servers and the playground in a real Chromium."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from bot.clock import SystemClock
from bot.errors import ModelBusy
from bot.personas import Personas
from bot.sampling import SamplingSettings
from bot.settings import PersonaSettings
from bot.types import ConsoleRole, ModelState
from tests.adapters.web_core import console_deps, house
from tests.browser.console_look import enter, looks, well_made
from tests.browser.stage import ATTACK, LOOKS
from tests.fakes import FakeClock, Memory
from tests.fakes_service import VLLM, FakeServers, trials
from tests.scripted import OneModel, ScriptedModel, Step

pytestmark = pytest.mark.browser
ANSWER = """The Moon is Earth's **only** natural satellite.

| Body | Earth | Moon |
|---|---|---|
| Radius | 6371 km | 1737 km |

```python
print("tides")
```
"""
PIRATE = PersonaSettings(prompt="Speak like a pirate.", sampling=SamplingSettings(temperature=1.5))


def playground(*scripts: list[Step]) -> tuple[dict[str, Any], ScriptedModel]:
    model = ScriptedModel(FakeClock(), *scripts)
    clock = SystemClock()
    personas = Personas({"pirate": PIRATE}, SamplingSettings())
    deps = console_deps(Memory(), clock, playground=trials(clock, OneModel(model)), personas=personas)
    return {"console": deps}, model


def answer(text: str = ANSWER) -> list[Step]:
    return [*text.splitlines(keepends=True)]


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_servers_fit_and_are_accessible(browser: Browser, size: str, scheme: str, locale: str) -> None:
    down = ModelState(
        "qwen3-32b",
        "https://models.example/v1",
        ("qwen3-32b",),
        breaker="open",
        open_until=VLLM.answered_at + 60,
        error="cannot connect to models.example: the name is not known",
        error_at=VLLM.answered_at,
    )
    clock = SystemClock()
    deps = console_deps(Memory(), clock, servers=FakeServers(VLLM, down))
    async with house(console=deps) as home:
        page, errors = await enter(browser, home, "/console/models", **looks(size, scheme, locale))
        await expect(page.locator(".facts")).to_have_count(2)
        await well_made(page, f"console-models-{size}-{scheme}-{locale}")
        assert errors == []


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_two_answers_side_by_side(browser: Browser, size: str, scheme: str, locale: str) -> None:
    parts, model = playground(answer(), answer("Arr, the **Moon**!"))
    async with house(**parts) as home:
        look = looks(size, scheme, locale)
        page, errors = await enter(browser, home, "/console/models/playground", ConsoleRole.AUTHOR, **look)
        await well_made(page, f"console-playground-empty-{size}-{scheme}-{locale}")
        if size == "phone":
            await page.locator("#side-a .setup > summary").click()
        await page.locator("#f-a\\.persona").select_option("pirate")
        await expect(page.locator("#f-a\\.prompt")).to_have_value("Speak like a pirate.")
        await page.locator("#side-a .sampling summary").click()
        await expect(page.locator("[name='a.temperature']")).to_have_value("1.5")
        await well_made(page, f"console-playground-sampling-{size}-{scheme}-{locale}")
        await page.locator("#side-a .sampling summary").click()
        await page.locator("label.switch").click()
        await page.locator("#f-question").fill("What is the moon?")
        await page.locator("#f-question").press("Control+Enter")
        await expect(page.locator(".log table")).to_be_visible()
        await expect(page.locator(".figures", has_text="+ 5")).to_have_count(2)
        await page.evaluate("scrollTo(0, 1e6)")
        await well_made(page, f"console-playground-{size}-{scheme}-{locale}")
        prompts = [request.messages[0].text for request in model.requests]
        assert prompts[0] == "Speak like a pirate."
        assert model.requests[0].sampling.temperature == 1.5
        assert model.requests[1].sampling.temperature is None
        assert errors == []


IN_VIEW = """(nodes) => nodes.every((node) => {
    const { top, bottom, height } = node.getBoundingClientRect();
    return height > 0 && top >= 0 && bottom <= document.querySelector(".bar").getBoundingClientRect().top;
})"""


async def test_on_a_phone_both_answers_and_the_question_are_in_view_at_once(browser: Browser) -> None:
    parts, model = playground(answer(ANSWER * 5), answer("Arr, the **Moon**!\n" * 40))
    async with house(**parts) as home:
        look = looks("phone", "light", "en")
        page, errors = await enter(browser, home, "/console/models/playground", ConsoleRole.AUTHOR, **look)
        await expect(page.locator("#f-a\\.prompt")).to_be_hidden()
        await expect(page.locator("#f-question")).to_be_in_viewport(ratio=1)
        await page.locator("label.switch").click()
        await page.locator("#side-b .setup > summary").click()
        await page.locator("#f-b\\.persona").select_option("pirate")
        await page.locator("#side-b .setup > summary").click()
        await expect(page.locator("#side-b [data-chosen]")).to_contain_text("pirate")
        await page.locator("#f-question").fill("What is the moon?")
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator(".figures", has_text="+ 5")).to_have_count(2)
        seen = page.locator(".log, #f-question, [data-ask]")
        await expect(seen).to_have_count(4)
        assert await seen.evaluate_all(IN_VIEW)
        assert await page.evaluate("document.documentElement.scrollHeight") < 2 * look["viewport"]["height"]
        await well_made(page, "console-playground-compare-phone")
        prompts = [request.messages[0].text for request in model.requests]
        assert prompts[1] == "Speak like a pirate."
        assert errors == []


async def test_a_folded_form_opens_where_something_is_wrong_and_a_wide_window_shows_it(
    browser: Browser,
) -> None:
    parts, _ = playground(answer("A moon."))
    async with house(**parts) as home:
        look = looks("phone", "light", "en")
        page, errors = await enter(browser, home, "/console/models/playground", ConsoleRole.AUTHOR, **look)
        await page.locator("[name='a.temperature']").evaluate("node => { node.value = 9; }")
        await page.locator("#f-question").fill("Too warm")
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator("[name='a.temperature']")).to_be_visible()
        await page.locator("#side-a .setup > summary").click()
        await expect(page.locator("#f-a\\.prompt")).to_be_hidden()
        await page.set_viewport_size({"width": 1280, "height": 860})
        await expect(page.locator("#f-a\\.prompt")).to_be_visible()
        assert errors == []


async def test_an_answer_is_stopped_and_the_talk_goes_on_from_there(browser: Browser) -> None:
    gate = asyncio.Event()
    parts, model = playground(["A moon ", gate], ["is a stone."])
    async with house(**parts) as home:
        page, errors = await enter(browser, home, "/console/models/playground")
        await page.get_by_label("Question").fill("What is a moon?")
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator("#side-a .answer")).to_have_text("A moon ")
        await page.get_by_role("button", name="Stop", exact=True).click()
        await expect(page.locator("#side-a .figures")).to_have_text("Stopped.")
        await page.get_by_label("Question").fill("Go on")
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator("#side-a .answer").nth(1)).to_have_text("is a stone.")
        assert [m.text for m in model.requests[1].messages][1:] == ["What is a moon?", "A moon ", "Go on"]
        assert model.aborted == 1
        await page.get_by_role("button", name="Begin anew").click()
        await expect(page.locator("#side-a .answer")).to_have_count(0)
        assert errors == []


async def test_errors_are_told_and_nothing_a_model_says_runs(browser: Browser) -> None:
    parts, _ = playground([ATTACK], [ModelBusy(f"429 {ATTACK}")])
    async with house(**parts) as home:
        page, errors = await enter(browser, home, "/console/models/playground")
        for question in (ATTACK, "Again"):
            await page.get_by_label("Question").fill(question)
            await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator("#side-a .asked").first).to_have_text(ATTACK)
        await expect(page.locator("#side-a .notice")).to_contain_text("The model server is busy.")
        await page.get_by_label("Temperature", exact=False).first.evaluate("node => { node.value = 9; }")
        await page.get_by_label("Question").fill("Too warm")
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator("#side-a details.sampling")).to_have_attribute("open", "")
        assert await page.evaluate("window.hacked") is None
        assert errors == []


async def test_what_changes_at_a_server_shows_by_itself(browser: Browser) -> None:
    servers = FakeServers(VLLM)
    async with house(console=console_deps(Memory(), SystemClock(), servers=servers)) as home:
        page, errors = await enter(browser, home, "/console/models", ConsoleRole.VIEWER)
        await expect(page.get_by_text("Works", exact=True)).to_be_visible()
        servers.known = [replace(VLLM, error="no route to host", error_at=VLLM.answered_at)]
        await expect(page.get_by_text("no route to host")).to_be_visible(timeout=15_000)
        assert errors == []


async def test_what_is_typed_elsewhere_meanwhile_goes_on_and_what_nobody_answered_is_given_back(
    browser: Browser,
) -> None:
    gate = asyncio.Event()
    parts, _ = playground(["A moon ", gate, "is a stone."])
    async with house(**parts) as home:
        page, errors = await enter(browser, home, "/console/models/playground")
        question, prompt = page.get_by_label("Question"), page.locator("#f-a\\.prompt")
        await question.fill("What is a moon?")
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator("#side-a .answer")).to_have_text("A moon ")
        await prompt.press_sequentially("Speak ")
        gate.set()
        await expect(page.locator("#side-a .figures")).not_to_have_text("")
        await expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
        await page.keyboard.type("loud.")
        await expect(prompt).to_have_value(re.compile("Speak loud[.]$"))
        await expect(question).to_have_value("")
        assert errors == []
        assert home.deps.console is not None
        accounts = home.deps.console.accounts
        await accounts.end_sessions((await accounts.listing())[0].id)
        await question.fill("A long question")
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator("#side-a .notice")).to_contain_text("Please log in again.")
        await expect(question).to_have_value("A long question")
