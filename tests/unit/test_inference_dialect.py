"""What servers refuse is learnt: each is asked anew as it wants to be asked, and then always so."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.clock import SystemClock
from bot.errors import ContextOverflow, ModelBusy, ModelRefused, ModelUnavailable
from bot.types import Chunk, FinishReason, Message, ModelRequest, Priority, Role, Sampling, ToolSpec
from inference.dialect import Dialect, room_for_answer
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.wire import Endpoint, Patience
from tests.simulators.openai import Behaviour, Server

SAMPLING = Sampling(0.5, 0.9, 40, 0.1, 1.1, 50, ("END",), 7)
EVERYTHING = ModelRequest(
    (Message(Role.USER, "hi"),),
    SAMPLING,
    (ToolSpec("search", "Find", {"type": "object"}),),
    session="s",
    request_id="turn",
    priority=Priority.BATCH,
    salt="salt",
)


@asynccontextmanager
async def over(server: Server, *, window: int = 0, name: str = "") -> AsyncIterator[OpenAIModel]:
    """A model of a server that is started for it; nothing is asked a second time by the wire."""
    async with server.lifespan(), Http().lifespan() as http:
        endpoint = Endpoint(server.url, model=name)
        yield OpenAIModel(endpoint, http, SystemClock(), window=window, patience=Patience(retries=0))


async def answer(model: OpenAIModel, request: ModelRequest) -> list[Chunk]:
    return [chunk async for chunk in model.stream(request)]


def asked(text: str, **fields: object) -> ModelRequest:
    return ModelRequest((Message(Role.USER, text),), **fields)  # type: ignore[arg-type]


async def test_a_vllm_without_tool_flags_is_asked_without_tools_and_the_operator_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(tools=False)
    with caplog.at_level(logging.WARNING):
        async with over(server) as model:
            for _ in range(2):
                assert (await answer(model, EVERYTHING))[-1].finish_reason == FinishReason.STOP
    assert ["tools" in r.body for r in server.chats] == [True, False, False]
    (warning,) = caplog.messages
    assert "--enable-auto-tool-choice and --tool-call-parser" in warning


async def test_transformers_serve_is_asked_without_name_and_without_what_it_does_not_know() -> None:
    server = Server(transformers=True)
    async with over(server, window=2048) as model:
        for _ in range(2):
            last = (await answer(model, EVERYTHING))[-1]
            assert last.finish_reason == FinishReason.STOP
            assert last.usage is not None
            assert last.usage.completion == 1
        assert not model.continues
        assert model.name == model.endpoint.host
        assert await model.count(["hello"]) == [10]
    assert len(server.chats) == 3
    known = {"messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "stop", "seed"}
    assert set(server.chats[-1].body) == known | {"tools"}


@pytest.mark.parametrize(
    ("refusal", "dropped"),
    [
        ("Unrecognized request argument supplied: top_k", {"top_k"}),
        ("Unsupported parameter: 'temperature' is not supported with this model.", {"temperature"}),
        ("Unexpected fields in the request: {'seed', 'messages', 'other'}", {"seed"}),
    ],
)
def test_only_what_an_answer_can_do_without_is_dropped_and_only_once(refusal: str, dropped: set[str]) -> None:
    dialect = Dialect()
    assert dialect.learn(ModelRefused(refusal))
    assert dialect.unwanted == dropped
    assert not dialect.learn(ModelRefused(refusal))


@pytest.mark.parametrize("refusal", ["Unexpected fields in the request: {'messages'}", "no", "temperature"])
def test_other_refusals_teach_nothing(refusal: str) -> None:
    assert not Dialect().learn(ModelRefused(refusal))


async def test_an_answer_limit_above_the_window_is_lowered_before_it_is_sent() -> None:
    server = Server(window=64)
    async with over(server) as model:
        last = (await answer(model, asked("a b c", sampling=Sampling(max_tokens=5000))))[-1]
    assert last.finish_reason == FinishReason.STOP
    assert [r.body["max_tokens"] for r in server.chats] == [64]


async def test_where_prompt_and_limit_exceed_the_window_the_answer_is_as_long_as_fits() -> None:
    for server in (Server(Behaviour(endless=True), window=64), Server(Behaviour(endless=True), old=True)):
        async with over(server) as model:
            request = asked("word " * 20, sampling=Sampling(max_tokens=4090))
            last = (await answer(model, request))[-1]
        assert last.finish_reason == FinishReason.LENGTH
        assert last.usage is not None
        assert last.usage.prompt + last.usage.completion == server.window


async def test_the_limit_is_learnt_from_the_refusal_of_a_server_that_told_no_window() -> None:
    server = Server(window=64)
    async with over(server, window=100_000) as model:
        server.vllm = False
        assert await answer(model, asked("a b c", sampling=Sampling(max_tokens=5000)))
    assert [r.body["max_tokens"] for r in server.chats] == [5000, 64]


async def test_a_prompt_beyond_the_window_stays_an_overflow() -> None:
    async with over(Server(window=64)) as model:
        with pytest.raises(ContextOverflow) as caught:
            await answer(model, asked("word " * 99, sampling=Sampling(max_tokens=5)))
    assert caught.value.limit == 64


@pytest.mark.parametrize(
    ("refusal", "room"),
    [
        ("max_tokens=50 cannot be greater than max_model_len=40.", 40),
        (
            "This model's maximum context length is 64 tokens. However, you requested 70 tokens "
            "(20 in the messages, 50 in the completion).",
            44,
        ),
        (
            "'max_tokens' is too large: 50. This model's maximum context length is 64 tokens and your "
            "request has 30 input tokens (50 > 64 - 30).",
            34,
        ),
        ("This model's maximum context length is 64 tokens. However, you requested 9 (64 in the messages", 0),
        (
            "maximum context length is 2048 tokens. However, your prompt contains at least 2049 input tokens",
            0,
        ),
    ],
)
def test_the_room_for_an_answer_is_read_from_refusals(refusal: str, room: int) -> None:
    assert room_for_answer(ModelRefused(refusal), asked("hi", sampling=SAMPLING)) == room
    assert room_for_answer(ModelRefused(refusal), asked("hi")) == 0


async def test_a_full_queue_tells_so_inside_the_stream_and_is_busy() -> None:
    async with over(Server(Behaviour(full=1))) as model:
        with pytest.raises(ModelBusy):
            await answer(model, asked("hi"))
        assert (await answer(model, asked("hi")))[-1].finish_reason == FinishReason.STOP


async def test_a_first_turn_after_a_restart_is_continued_though_the_window_is_set() -> None:
    async with over(Server(Behaviour(text="one two three")), window=512) as model:
        assert model.continues
        assert await model.window() == 512
        assert model.continues
        assert "".join(c.text for c in await answer(model, asked("hi", prefill="one two"))) == " three"


@pytest.mark.parametrize("name", ["", "tiny"])
async def test_a_prefill_waits_for_a_server_that_is_down(name: str) -> None:
    server = Server(Behaviour(text="one two three"))
    async with over(server, window=512, name=name) as model:
        async with Http().lifespan() as http:
            away = Endpoint("http://127.0.0.1:9/v1", model=name)
            gone = OpenAIModel(away, http, SystemClock(), window=512)
            assert await gone.window() == 512
            with pytest.raises(ModelUnavailable):
                await answer(gone, asked("hi", prefill="one two"))
            assert gone.continues
        assert "".join(c.text for c in await answer(model, asked("hi", prefill="one two"))) == " three"


@pytest.mark.parametrize("name", ["", "tiny"])
async def test_a_prefill_that_a_server_cannot_continue_is_never_lost_in_silence(name: str) -> None:
    server = Server(vllm=False)
    async with over(server, name=name) as model:
        with pytest.raises(ModelUnavailable, match="cannot continue"):
            await answer(model, asked("hi", prefill="one two"))
        assert not model.continues
    assert server.chats == []


async def test_a_named_model_is_asked_where_lists_are_refused() -> None:
    server = Server(key="k")
    async with over(server, name="tiny") as model:
        with pytest.raises(ModelRefused):
            await answer(model, asked("hi"))
        assert not model.continues
        server.key = ""
        assert (await answer(model, asked("hi")))[-1].finish_reason == FinishReason.STOP


async def test_a_salt_is_one_that_vllm_takes_whoever_the_tenant_is() -> None:
    server = Server()
    async with over(server) as model:
        for tenant in ("a", "b/@\\", "\ud83d", "你好", *map(str, range(60))):
            assert (await answer(model, asked("hi", salt=tenant)))[-1].finish_reason
    assert len({r.body["cache_salt"] for r in server.chats}) == 64
