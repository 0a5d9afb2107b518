"""The model servers' page, and the playground."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from adapters.web.console.playground import MOST_AT_ONCE
from bot.errors import ContextOverflow, EndpointRefused, ModelBusy, ModelError
from bot.personas import Personas
from bot.sampling import SamplingSettings
from bot.types import Chunk, ConsoleRole, ModelState, Usage
from tests.adapters.console_core import Browser, shown, site
from tests.fakes import FakeClock, settle
from tests.fakes_service import VLLM, FakeServers, trials
from tests.scripted import OneModel, ScriptedModel

RUN = "/console/models/playground/run"
ASK = {"messages": [{"role": "user", "text": "What is a moon?"}]}
HOSTILE = "<script>window.hacked=1</script> [x](javascript:alert(1))"


def told(response: httpx.Response) -> list[tuple[str, Any]]:
    """The events of a stream."""
    found = []
    for one in response.text.split("\n\n"):
        if one:
            name, data = one.split("\n", 1)
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def playground(*script: Any) -> tuple[dict[str, Any], ScriptedModel]:
    clock = FakeClock()
    model = ScriptedModel(clock, script) if script else ScriptedModel(clock)
    return {"playground": trials(clock, OneModel(model))}, model


async def asked(browser: Browser, **changes: Any) -> list[tuple[str, Any]]:
    response = await browser.json(RUN, {**ASK, **changes})
    assert response.status_code == 200, response.text
    return told(response)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (VLLM, "Works"),
        (ModelState("x", "http://x/v1"), "Not asked yet"),
        (replace(VLLM, error="no route to host", error_at=1.0), "Last call failed"),
        (replace(VLLM, error="down", breaker="open", open_until=9.0), "Left out for now"),
        (replace(VLLM, breaker="half-open"), "Being tried again"),
    ],
)
async def test_a_server_tells_how_it_is(state: ModelState, words: str) -> None:
    async with site(servers=FakeServers(state)) as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        page = await viewer.get("/console/models")
    assert words in shown(page)
    assert state.url in shown(page)
    assert state.error in shown(page)
    assert "Playground" not in page.text


async def test_servers_are_asked_and_without_any_it_says_how_to_connect_one() -> None:
    servers = FakeServers(ModelState("x", "http://x/v1"), found=(VLLM,))
    async with site(servers=servers) as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        await viewer.get("/console/models")
        response = await viewer.post("/console/models/ask")
        page = await viewer.get(response.headers["location"])
    assert "8,192 tokens" in shown(page)
    async with site(servers=FakeServers(ModelState("extractive"))) as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        assert "TERTULIA_MODEL_URL=" in (await viewer.get("/console/models")).text


async def test_the_playground_offers_models_personas_and_the_limits_of_sampling() -> None:
    async with site(personas=Personas({}, SamplingSettings())) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        page = shown(await author.get("/console/models/playground"))
    for text in (
        "The default one (tiny)",
        ">large<",
        ">Default<",
        "0 to 2",
        "above 0, up to 1",
        "a whole number",
    ):
        assert text in page


async def test_an_answer_comes_as_it_grows_with_its_figures() -> None:
    parts, model = playground("A **big** ", "stone.", Chunk(usage=Usage(12, 4, 8), finish_reason="stop"))
    async with site(**parts) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        events = await asked(author, prompt="Be brief.", sampling={"temperature": "0.5", "stop": ["\n"]})
    assert "".join(data["text"] for name, data in events if name == "text") == "A **big** stone."
    html = [data for name, data in events if name == "html"]
    assert "<strong>big</strong> stone." in html[-1]["blocks"][0]
    name, figures = events[-1]
    assert (name, figures["prompt"] >= 12, figures["cached"], figures["finish"]) == ("end", True, 8, "stop")
    assert figures["first"] is not None
    (request,) = model.requests
    assert [m.text for m in request.messages] == ["Be brief.", "What is a moon?"]
    assert (request.sampling.temperature, request.sampling.stop) == (0.5, ("\n",))


async def test_nothing_that_a_model_says_is_html() -> None:
    parts, _ = playground(HOSTILE)
    async with site(**parts) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        events = await asked(author)
    html = "".join(block for name, data in events if name == "html" for block in data["blocks"])
    assert "<script" not in html
    assert 'href="javascript' not in html


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ContextOverflow("9000 > 8192"), "do not fit"),
        (ModelBusy("429"), "busy"),
        (EndpointRefused("401", 401), "refuses the key"),
        (ModelError("odd"), "no whole answer"),
    ],
)
async def test_errors_of_the_model_are_told_in_words(error: ModelError, words: str) -> None:
    parts, _ = playground("A ", error)
    async with site(**parts) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        events = dict(await asked(author))
    assert words in events["error"]["message"]
    assert events["error"]["detail"] == str(error)
    assert "end" in events


@pytest.mark.parametrize(
    ("changes", "words", "chinese"),
    [
        ({"model": "gone"}, "Model: There is no model “gone” now.", "模型：现在没有模型“gone”。"),
        ({"sampling": {"temperature": "9"}}, "Temperature: At most 2.", "：至多 2。"),
        ({"sampling": {"seed": 1.5}}, "Seed: This is no whole number.", "：这不是整数。"),
        ({"messages": [{"role": "user", "text": " "}]}, "Question: It is empty.", "问题：内容为空。"),
    ],
)
async def test_what_cannot_be_asked_is_told_by_its_name(
    changes: dict[str, Any], words: str, chinese: str
) -> None:
    async with site() as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        response = await author.json(RUN, {**ASK, **changes})
        author.client.headers["Accept-Language"] = "zh"
        again = await author.json(RUN, {**ASK, **changes})
    assert (response.status_code, again.status_code) == (422, 422)
    assert words in response.json()["message"]
    assert chinese in again.json()["message"]


async def test_an_account_has_a_few_answers_at_a_time_and_nothing_is_written_down() -> None:
    gate = asyncio.Event()
    clock = FakeClock()
    model = ScriptedModel(clock, *([(gate, "late")] * MOST_AT_ONCE))
    async with site(playground=trials(clock, OneModel(model))) as place:
        author, other = await place.as_role(ConsoleRole.AUTHOR), await place.as_role(ConsoleRole.OWNER)
        before = await place.audited()
        running = [asyncio.create_task(asked(author)) for _ in range(MOST_AT_ONCE)]
        await settle(200)
        assert len(model.requests) == MOST_AT_ONCE
        refused = await author.json(RUN, ASK)
        others = await asked(other)
        gate.set()
        await asyncio.gather(*running)
        again = await asked(author)
        assert await place.audited() == before
    assert refused.status_code == 429
    assert "Too many answers at once" in refused.json()["message"]
    assert others[-1][0] == again[-1][0] == "end"
