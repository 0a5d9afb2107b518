"""What every `bot.ports.Model` does, whichever server is behind it.

A test module binds a `model` fixture (`bot.ports.Model`) and inherits from `ModelContract`; models
that generate also inherit from `GeneratingContract`. Nothing here looks at what is said, only at
how: so the suite runs against the fake server and against real ones alike.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

import pytest

from bot.errors import ContextOverflow
from bot.imaging import prepared
from bot.ports import Model
from bot.types import Chunk, FinishReason, Message, ModelRequest, Passage, Role, Sampling
from tests.pictures import picture

FINISHES = {FinishReason.STOP, FinishReason.LENGTH}
QUESTION = "How do I start the bot?"


def ask(text: str = QUESTION, *, max_tokens: int | None = 24) -> ModelRequest:
    """A request that any model answers shortly."""
    return ModelRequest(
        messages=(Message(Role.SYSTEM, "You are a friendly assistant."), Message(Role.USER, text)),
        sampling=Sampling(temperature=0.0, max_tokens=max_tokens, seed=1),
        session="conversation-1",
        request_id="turn-1",
        passages=(Passage("p1", "Start the bot with `make run`. It listens on port 8080.", "README.md"),),
    )


async def collect(model: Model, request: ModelRequest) -> list[Chunk]:
    return [chunk async for chunk in model.stream(request)]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


class ModelContract:
    async def test_a_stream_ends_with_one_finish(self, model: Model) -> None:
        chunks = await collect(model, ask())
        assert [bool(c.finish_reason) for c in chunks] == [False] * (len(chunks) - 1) + [True]
        assert chunks[-1].finish_reason in FINISHES

    async def test_no_chunk_is_empty(self, model: Model) -> None:
        chunks = await collect(model, ask())
        assert all(c.text or c.reasoning or c.tool_calls or c.finish_reason for c in chunks)

    async def test_the_name_and_the_window_are_known_after_asking(self, model: Model) -> None:
        assert await model.window() > 0
        assert model.name

    async def test_counts_come_one_for_each_text(self, model: Model) -> None:
        texts = ["", "hello", "hello " * 50, "你好，世界", "🙂", "def f(x): return x", "\ud83d"]
        counts = await model.count(texts)
        assert len(counts) == len(texts)
        assert all(count >= 0 for count in counts)
        assert counts[2] > counts[1] > 0
        assert await model.count([]) == []

    async def test_counting_twice_gives_the_same(self, model: Model) -> None:
        assert await model.count(["same text"]) == await model.count(["same text"])

    async def test_an_iterator_closed_before_it_began_is_no_error(self, model: Model) -> None:
        async with aclosing(model.stream(ask())):
            pass
        assert (await collect(model, ask()))[-1].finish_reason

    async def test_closing_after_the_first_chunk_leaves_the_model_usable(self, model: Model) -> None:
        async with aclosing(model.stream(ask(max_tokens=200))) as chunks:
            async for _ in chunks:
                break
        assert (await collect(model, ask()))[-1].finish_reason

    async def test_any_text_can_be_asked(self, model: Model) -> None:
        for text in ("", " ", "\x00\x07", "\ud83d broken", "a‮b‍c", "مرحبا", "😀" * 20):
            assert (await collect(model, ask(text)))[-1].finish_reason

    async def test_the_same_question_gets_the_same_answer_at_temperature_zero(self, model: Model) -> None:
        assert text_of(await collect(model, ask())) == text_of(await collect(model, ask()))

    async def test_a_picture_is_seen_or_left_out_and_is_no_error(self, model: Model) -> None:
        (*before, question) = ask().messages
        shown = replace(question, pictures=(prepared(picture()),))
        for _ in range(2):
            chunks = await collect(model, replace(ask(), messages=(*before, shown)))
            assert chunks[-1].finish_reason in FINISHES
            assert isinstance(model.sees, bool)


class GeneratingContract:
    async def test_it_says_that_it_generates(self, model: Model) -> None:
        assert model.generates

    async def test_usage_comes_with_the_end(self, model: Model) -> None:
        chunks = await collect(model, ask())
        usages = [c.usage for c in chunks if c.usage is not None]
        assert len(usages) == 1
        assert usages[0].prompt > 0
        assert usages[0].completion > 0

    async def test_counts_bound_the_true_prompt_closely(self, model: Model) -> None:
        """For a server's own counts; estimates are cautious instead."""
        request = ask()
        total = sum(await model.count([m.content for m in request.messages]))
        used = (await collect(model, request))[-1].usage
        assert used is not None
        assert used.prompt <= total + 2

    async def test_a_prompt_beyond_the_window_is_an_overflow(self, model: Model) -> None:
        window = await model.window()
        with pytest.raises(ContextOverflow) as caught:
            await collect(model, ask("far too long " * window))
        assert caught.value.limit in (0, window)

    async def test_max_tokens_cuts_the_answer(self, model: Model) -> None:
        (*_, last) = await collect(model, ask(max_tokens=1))
        assert last.usage is not None
        assert last.usage.completion <= 3

    async def test_a_prefill_is_continued_where_that_is_promised(self, model: Model) -> None:
        await model.window()
        if model.continues:
            chunks = await collect(model, replace(ask(), prefill="Sure: to start the bot, run "))
            assert chunks[-1].finish_reason in FINISHES
            assert not text_of(chunks).startswith("Sure: to start")
