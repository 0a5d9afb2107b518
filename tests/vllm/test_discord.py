"""`make run` with a Discord bot and a real vLLM: what people see, and what the model server computes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.discord_service import answer, calm
from tests.e2e.running import service
from tests.simulators.discord import Discord, Message
from tests.vllm.asking import BLOCK, QUESTION, eventually
from tests.vllm.servers import Server, grown

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.xdist_group("one"),
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("unhurried"),
]

PATIENCE = 300.0
LENGTH = 250
"""Tokens of an answer, which fits one message: the tiny model never ends one by itself."""


@asynccontextmanager
async def served(dc: Discord, vllm: Server, home: Path, length: int = LENGTH) -> AsyncIterator[None]:
    """The service as `make run` starts it, with nothing set but who is asked and how long it may talk."""
    settings = {
        "access": "open",
        "discord_token": dc.token,
        "discord_api_url": dc.url,
        "model_url": f"{vllm.url}/v1",
        "plugins_disabled": "qa",
        "temperature": "0",
        "max_tokens": str(length),
    }
    async with service(home, **settings):
        await dc.until(lambda: dc.connected, PATIENCE)
        yield


async def growing(dc: Discord, question: Message) -> Message:
    """The answer under way, once some of it can be read."""

    def begun() -> Message | None:
        answers = question.channel.answers_to(question)
        return next((a for a in answers if a.buttons and len(a.content.split()) > 5), None)

    return await dc.until(begun, PATIENCE)


async def test_an_answer_streams_by_edits_and_the_next_question_computes_only_what_is_new(
    vllm: Server, tmp_path: Path
) -> None:
    async with calm() as dc, served(dc, vllm, tmp_path / "home"):
        ana = dc.person("Ana")
        begun = await vllm.metrics()
        with vllm.paced(0.02):  # an answer takes 5 s: time for some edits
            first = await answer(dc, await ana.say(QUESTION), PATIENCE)
        between = await vllm.metrics()
        second = await answer(dc, await ana.say("And what then?"), PATIENCE)
        ended = await vllm.metrics()
        assert dc.errors == []

    read = [text for text in first.texts if len(text) > 20]
    assert len(set(read)) >= 3
    assert [len(text) for text in read] == sorted(len(text) for text in read)
    assert all(first.content.startswith(text[:-20]) for text in read)
    assert ana.channel.answers == [first, second]
    assert len(first.content.split()) > LENGTH / 4

    known = grown(between, begun, "prompt_tokens_total") + grown(between, begun, "generation_tokens_total")
    assert grown(between, begun, "generation_tokens_total") == LENGTH
    assert known < grown(ended, between, "prompt_tokens_total") < known + 100
    assert grown(ended, between, "prefix_cache_hits_total") >= (known - 1) // BLOCK * BLOCK


@pytest.mark.parametrize("way", ["button", "command"])
async def test_stop_aborts_the_request_at_the_server(vllm: Server, tmp_path: Path, way: str) -> None:
    async with calm() as dc, served(dc, vllm, tmp_path / "home", 1900):
        ana = dc.person("Ana")
        await dc.guild("Friends", ana)
        before = await vllm.metrics()
        with vllm.paced(0.04):  # a message is full after some 15 s: one message is stopped, not the second
            question = await ana.say(QUESTION)
            shown = await growing(dc, question)
            stopping = (
                ana.press(shown, "stop") if way == "button" else ana.slash("stop", channel=shown.channel)
            )
            await stopping
            whole = await answer(dc, question, PATIENCE)

        async def idle() -> bool:
            return (await vllm.metrics())["num_requests_running"] == 0

        await eventually(idle)
        after = await vllm.metrics()
        assert dc.errors == []
    assert whole.content.endswith("*Stopped.*")
    assert 0 < grown(after, before, "generation_tokens_total") < 1500
    for reason in ("stop", "length"):  # what was aborted is counted as neither
        label = f'finished_reason="{reason}"'
        assert after.get("request_success_total", label) == before.get("request_success_total", label)
