"""Real servers that lack what Tertulia would use: chat template, tool parser, /tokenize, fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.ports import Model
from bot.types import FinishReason, Message, ModelRequest, Priority, Role, Sampling, ToolSpec
from tests.vllm.asking import GREEDY, answer, ask, beginning

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("makes"), pytest.mark.timeout(900)]

DIALOGUE = (
    Message(Role.SYSTEM, "You are the assistant of a tertulia."),
    Message(Role.USER, "怎么连接 Telegram？"),
    Message(Role.ASSISTANT, "Open a chat."),
    Message(Role.USER, "¿Y después?"),
)
TOOL = ToolSpec("search_documents", "Search.", {"type": "object", "properties": {}})
EVERYTHING = ModelRequest(
    DIALOGUE,
    Sampling(0.7, 0.9, 40, 0.01, 1.1, 24, ("\n\n\n",), 3),
    (TOOL,),
    session="s",
    request_id="turn",
    priority=Priority.BATCH,
    salt="salt",
)
"""A request that uses every field."""


async def test_a_model_without_a_chat_template_is_asked_with_a_default_one(template_less: Model) -> None:
    got = await answer(template_less, ModelRequest(DIALOGUE, GREEDY))
    again = await answer(template_less, ModelRequest(DIALOGUE, GREEDY))
    other = await answer(template_less, ModelRequest(DIALOGUE[-1:], GREEDY))
    assert got.text == again.text
    assert got.usage.prompt > other.usage.prompt > 0
    assert got.finish_reason in (FinishReason.LENGTH, FinishReason.STOP)


async def test_counts_cover_the_default_template(template_less: Model) -> None:
    counts = await template_less.count([message.content for message in DIALOGUE])
    got = await answer(template_less, ModelRequest(DIALOGUE, Sampling(max_tokens=1)))
    assert 0 <= sum(counts) - got.usage.prompt <= 16 * len(DIALOGUE)


async def test_a_prefill_is_continued_below_the_default_template(template_less: Model) -> None:
    request = ModelRequest(DIALOGUE, GREEDY)
    text = await beginning(template_less, request, pieces=6)
    rest = await answer(template_less, replace(request, prefill=text))
    assert rest.text
    assert not rest.text.startswith(text)


async def test_a_server_without_a_tool_parser_answers_without_tools(template_less: Model) -> None:
    assert (await answer(template_less, EVERYTHING)).finish_reason


async def test_a_vllm_with_the_recommended_flags_takes_every_field(model: Model) -> None:
    assert (await answer(model, EVERYTHING)).text


async def test_transformers_serve_answers_as_vllm_does(other_make: Model, model: Model) -> None:
    got, same = [await answer(m, ask()) for m in (other_make, model)]
    assert got.text == same.text
    assert got.pieces > 10
    assert replace(got.usage, cached=0) == replace(same.usage, cached=0)
    assert got.finish_reason == FinishReason.LENGTH


async def test_transformers_serve_is_asked_only_what_it_understands(other_make: Model) -> None:
    assert (await answer(other_make, EVERYTHING)).text
    assert (await answer(other_make, EVERYTHING)).text


async def test_counts_are_estimated_where_the_server_has_none(other_make: Model) -> None:
    counts = await other_make.count([message.content for message in DIALOGUE])
    assert len(counts) == len(DIALOGUE)
    assert all(count > 0 for count in counts)


async def test_a_prefill_is_never_repeated_or_lost_where_a_server_cannot_continue(other_make: Model) -> None:
    whole = await answer(other_make, ask())
    if other_make.continues:
        text = await beginning(other_make, ask(), pieces=10)
        left = replace(GREEDY, max_tokens=38)
        assert text + (await answer(other_make, ask(sampling=left, prefill=text))).text == whole.text
    else:
        assert (await answer(other_make, ask())).text == whole.text
