"""A vLLM that goes down in the middle of an answer, and comes back at the same address."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from bot.errors import ModelUnavailable
from bot.ports import Model
from tests.vllm.asking import GREEDY, answer, ask
from tests.vllm.servers import Server

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.xdist_group("one"),
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("unhurried"),
]

LONG = replace(GREEDY, max_tokens=600)


async def test_an_answer_cut_by_the_servers_end_is_completed_after_its_restart(
    hasty_model: Model, vllm: Server
) -> None:
    whole = await answer(hasty_model, ask(sampling=LONG))
    try:
        text = await _cut(hasty_model, vllm.kill)
        assert whole.text.startswith(text)
        assert 40 <= len(text.split()) < 600
        with pytest.raises(ModelUnavailable):
            await answer(hasty_model, ask())
    finally:
        await vllm.start()
    left = replace(LONG, max_tokens=600 - len(text.split()))
    rest = await answer(hasty_model, ask(sampling=left, prefill=text))
    assert text + rest.text == whole.text


async def _cut(model: Model, end: Callable[[], None]) -> str:
    """The text that came until the server had ended."""
    text, ended = "", False
    try:
        async with aclosing(model.stream(ask(sampling=LONG))) as stream:
            async for chunk in stream:
                text += chunk.text
                if len(text.split()) >= 40 and not ended:
                    ended = True
                    end()
    except ModelUnavailable:
        return text
    raise AssertionError("the answer was taken for whole")
