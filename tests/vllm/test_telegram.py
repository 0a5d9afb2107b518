"""`make run` with a Telegram bot and a real vLLM: what people see, and what the model server computes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.running import service
from tests.e2e.telegram_service import answer, calm
from tests.simulators.telegram import Telegram
from tests.vllm.asking import BLOCK, QUESTION, eventually
from tests.vllm.servers import Server, grown

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.xdist_group("one"),
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("unhurried"),
]

PATIENCE = 300.0
LENGTH = 400
"""Tokens of an answer: the tiny model never ends one by itself."""


@asynccontextmanager
async def served(tg: Telegram, vllm: Server, home: Path, length: int = LENGTH) -> AsyncIterator[None]:
    """The service as `make run` starts it, with nothing set but who is asked and how long it may talk."""
    settings = {
        "access": "open",
        "telegram_token": tg.token,
        "telegram_api_url": tg.url,
        "telegram_chat_rate": "20",
        "model_url": f"{vllm.url}/v1",
        "plugins_disabled": "qa",
        "temperature": "0",
        "max_tokens": str(length),
    }
    async with service(home, **settings):
        await tg.until(lambda: tg.polled)
        yield


async def test_an_answer_streams_and_the_next_question_computes_only_what_is_new(
    vllm: Server, tmp_path: Path
) -> None:
    async with calm() as tg, served(tg, vllm, tmp_path / "home"):
        ann = tg.person("Ann")
        begun = await vllm.metrics()
        first = await answer(tg, await ann.say(QUESTION), PATIENCE)
        between = await vllm.metrics()
        drafts = [d.text.text for d in ann.chat.drafts if d.text]
        second = await answer(tg, await ann.say("And what then?"), PATIENCE)
        ended = await vllm.metrics()
        assert tg.errors == []

    assert len(set(drafts)) >= 3
    assert [len(d) for d in drafts] == sorted(len(d) for d in drafts)
    assert all(first.text.startswith(draft[:-20]) for draft in drafts)
    assert ann.chat.answers == [first, second]
    assert len(first.text.split()) > LENGTH / 4

    known = grown(between, begun, "prompt_tokens_total") + grown(between, begun, "generation_tokens_total")
    assert grown(between, begun, "generation_tokens_total") == LENGTH
    assert known < grown(ended, between, "prompt_tokens_total") < known + 100
    assert grown(ended, between, "prefix_cache_hits_total") >= (known - 1) // BLOCK * BLOCK


async def test_stop_aborts_the_request_at_the_server(vllm: Server, tmp_path: Path) -> None:
    async with calm() as tg, served(tg, vllm, tmp_path / "home", 1900):
        ann = tg.person("Ann")
        before = await vllm.metrics()
        with vllm.paced(0.04):  # 1,500 tokens take a minute: far from over when it is stopped
            question = await ann.say(QUESTION)
            await tg.until(lambda: any(len(d.text.text.split()) > 5 for d in ann.chat.drafts), PATIENCE)
            await ann.say("/stop")
            shown = await answer(tg, question, PATIENCE)

        async def idle() -> bool:
            return (await vllm.metrics())["num_requests_running"] == 0

        await eventually(idle)
        after = await vllm.metrics()
        assert tg.errors == []
    assert shown.text.endswith("Stopped.")
    assert 0 < grown(after, before, "generation_tokens_total") < 1500
    for reason in ("stop", "length"):  # what was aborted is counted as neither
        label = f'finished_reason="{reason}"'
        assert after.get("request_success_total", label) == before.get("request_success_total", label)
