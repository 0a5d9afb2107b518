"""The wire: event streams in any pieces, errors by their meaning, retries, headers, bodies."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import SystemClock
from bot.errors import (
    ContextOverflow,
    EndpointRefused,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelUnavailable,
)
from bot.types import Chunk, Message, ModelRequest, Priority, Role, Sampling, ToolCall, ToolSpec, Usage
from inference.failures import failure
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.sse import Assembler
from inference.wire import Endpoint, Patience
from tests.simulators.openai import Behaviour, Server


class Impatient(SystemClock):
    """Sleeps are remembered, not slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def request(text: str = "hello there", **fields: object) -> ModelRequest:
    return replace(ModelRequest((Message(Role.USER, text),)), **fields)  # type: ignore[arg-type]


async def ask(server: Server, asked: ModelRequest | None = None, **endpoint: str) -> list[Chunk]:
    """Ask a started server once, with a client of its own."""
    async with Http().lifespan() as http:
        model = OpenAIModel(Endpoint(server.url, **endpoint), http, Impatient(), random=Random(1))
        return [chunk async for chunk in model.stream(asked or request())]


async def answered(behaviour: Behaviour, asked: ModelRequest | None = None) -> list[Chunk]:
    async with Server(behaviour).lifespan() as server:
        return await ask(server, asked)


def said(chunks: list[Chunk]) -> str:
    return "".join(c.text for c in chunks)


def event(delta: dict[str, object], finish: str | None = None) -> bytes:
    value = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def tool(index: int | None, call_id: str | None, name: str | None, arguments: str) -> dict[str, object]:
    return {
        "tool_calls": [{"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}]
    }


STREAM = b"".join(
    [
        b": comment\r\n\r\n",
        event({"role": "assistant", "content": ""}),
        event({"reasoning": "hm"}),
        event({"reasoning_content": "…"}),
        event({"content": "Grüße 你好 🙂"}),
        event({"content": "\n\nline\ttwo"}),
        event(tool(0, "a", "search", '{"q":')),
        event(tool(1, "b", "other", "")),
        event(tool(0, None, None, ' "x"}')),
        event({}, "tool_calls"),
        b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, '
        b'"prompt_tokens_details": {"cached_tokens": 4}}}\n\n',
        b"data: [DONE]\n\n",
    ]
)
CHUNKS = [
    Chunk(reasoning="hm"),
    Chunk(reasoning="…"),
    Chunk("Grüße 你好 🙂"),
    Chunk("\n\nline\ttwo"),
    Chunk(
        tool_calls=(ToolCall("a", "search", '{"q": "x"}'), ToolCall("b", "other", "{}")),
        usage=Usage(7, 3, 4),
        finish_reason="tool_calls",
    ),
]


def assemble(*pieces: bytes) -> list[Chunk]:
    assembler = Assembler("test")
    chunks = [chunk for piece in pieces for chunk in assembler.feed(piece)]
    return chunks + list(assembler.close())


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_where_the_reads_are_cut_changes_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert assemble(*(STREAM[a:b] for a, b in pairwise(edges))) == CHUNKS


def test_one_byte_at_a_time_gives_the_same() -> None:
    assert assemble(*(bytes([b]) for b in STREAM)) == CHUNKS


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.just(b"data: {"), st.just(b"\n"), st.just(b'{"choices":[')),
        max_size=8,
    )
)
@settings(max_examples=300)
def test_random_bytes_raise_nothing_but_model_errors(pieces: list[bytes]) -> None:
    with pytest.raises(ModelError):
        assemble(*pieces)


@given(st.integers(0, len(STREAM) - len(b"data: [DONE]\n\n") - 200))
def test_a_stream_cut_before_its_finish_is_unavailable(end: int) -> None:
    with pytest.raises(ModelUnavailable):
        assemble(STREAM[: min(end, STREAM.index(b'"tool_calls"}]}'))])


def test_deep_nesting_and_endless_lines_are_refused() -> None:
    with pytest.raises(ModelUnavailable):
        assemble(b'data: {"x":' + b"[" * 100_000 + b"\n\n")
    with pytest.raises(ModelUnavailable):
        assemble(*[b"x" * 2**20] * 5)


def test_whole_calls_without_index_stay_apart() -> None:
    stream = event(tool(None, "a", "f", "{}")) + event(tool(None, "b", "g", "{}")) + event({}, "stop")
    assert [c.name for c in assemble(stream)[-1].tool_calls] == ["f", "g"]
    stream = event(tool(0, "a", "f", "{}")) + event(tool(0, "b", "g", "{}")) + event({}, "stop")
    assert [c.name for c in assemble(stream)[-1].tool_calls] == ["f", "g"]


def test_a_call_that_the_length_limit_cut_is_no_call() -> None:
    last = assemble(event(tool(0, "a", "f", '{"q')) + event({}, "length"))[-1]
    assert (last.tool_calls, last.finish_reason) == ((), "length")


async def test_the_answer_comes_with_its_usage() -> None:
    chunks = await answered(Behaviour(text="Good evening to you"))
    assert said(chunks) == "Good evening to you"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion == 4


async def test_reasoning_comes_by_either_name() -> None:
    for name in ("reasoning", "reasoning_content"):
        chunks = await answered(Behaviour(text="yes", reasoning="let me think", reasoning_field=name))
        assert "".join(c.reasoning for c in chunks) == "let me think"


async def test_tool_calls_come_whole() -> None:
    spec = ToolSpec("search", "Find", {"type": "object"})
    chunks = await answered(Behaviour(tool="search", calls=2), request(tools=(spec,)))
    assert [c.arguments for c in chunks[-1].tool_calls] == ['{"query": "telegram"}'] * 2


async def test_closing_the_iterator_aborts_on_the_server() -> None:
    async with (
        Server(Behaviour(endless=True, interval=0.001)).lifespan() as server,
        Http().lifespan() as http,
    ):
        model = OpenAIModel(Endpoint(server.url), http, SystemClock())
        async with aclosing(model.ask(request())) as chunks:
            async for _ in chunks:
                break
        await asyncio.wait_for(server.aborted.wait(), 5)
        assert (server.aborts, server.running) == (1, 0)


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(chunks=9, cut=4),
        Behaviour(chunks=9, half=4),
        Behaviour(chunks=9, error_after=4),
        Behaviour(finish="abort"),
        Behaviour(chunks=9, unfinished=True),
    ],
)
async def test_what_breaks_off_is_unavailable_and_not_asked_again(behaviour: Behaviour) -> None:
    async with Server(behaviour).lifespan() as server:
        with pytest.raises(ModelUnavailable):
            await ask(server)
        assert len(server.chats) == 1


async def test_an_error_inside_the_stream_says_what_it_is() -> None:
    with pytest.raises(ModelUnavailable, match="EngineCore died"):
        await answered(Behaviour(chunks=9, error_after=4))


async def test_garbage_is_unavailable() -> None:
    with pytest.raises(ModelUnavailable, match="no event"):
        await answered(Behaviour(garbage=True))


async def test_a_stream_of_nothing_is_an_empty_answer() -> None:
    assert [(c.text, c.finish_reason) for c in await answered(Behaviour(nothing=True))] == [("", "stop")]


async def test_a_busy_server_is_asked_again_when_it_said() -> None:
    async with (
        Server(Behaviour(text="ok", busy=2, retry_after="7")).lifespan() as server,
        Http().lifespan() as http,
    ):
        clock = Impatient()
        model = OpenAIModel(Endpoint(server.url), http, clock, random=Random(1))
        assert said([c async for c in model.stream(request())]) == "ok"
        assert len(clock.slept) == 2
        assert all(7 <= s < 8 for s in clock.slept)


async def test_a_busy_server_that_asks_for_too_long_is_not_waited_for() -> None:
    with pytest.raises(ModelBusy) as caught:
        await answered(Behaviour(busy=9, retry_after="300"))
    assert caught.value.retry_after == 300


async def test_retries_end_and_grow_with_jitter() -> None:
    clock = Impatient()
    async with Http().lifespan() as http:
        endpoint = Endpoint("http://127.0.0.1:9/v1", model="m")
        model = OpenAIModel(endpoint, http, clock, random=Random(1), patience=Patience(3))
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9"):
            _ = [c async for c in model.stream(request())]
    assert len(clock.slept) == 3
    assert all(0.125 * 2**n <= s <= 0.25 * 2**n for n, s in enumerate(clock.slept))


async def test_a_wrong_key_and_a_wrong_name_come_with_advice() -> None:
    async with Server(key="secret").lifespan() as server:
        with pytest.raises(EndpointRefused, match="TERTULIA_MODEL_API_KEY") as caught:
            await ask(server, key="wrong-key")
        assert "wrong-key" not in str(caught.value)
        with pytest.raises(EndpointRefused, match=r"TERTULIA_MODEL .*It has: tiny"):
            await ask(server, key="secret", model="huge")


async def test_a_server_restarted_with_another_model_is_followed() -> None:
    async with Server(model="old").lifespan() as server, Http().lifespan() as http:
        model = OpenAIModel(Endpoint(server.url), http, SystemClock())
        await model.window()
        server.models = ["new"]
        assert said([c async for c in model.stream(request())]) == "hello there"
        assert model.name == "new"


async def test_headers_name_session_and_turn_but_not_the_person() -> None:
    async with Server(key="k").lifespan() as server:
        await ask(server, request(session="telegram/7/alice", request_id="turn:1\n"), key="k")
        headers = server.chats[0].headers
    assert len(headers["x-session-id"]) == 32
    assert "alice" not in str(headers)
    assert headers["x-request-id"] == "turn:1%0A"
    assert headers["authorization"] == "Bearer k"


async def test_only_what_is_set_is_sent() -> None:
    async with Server(vllm=False).lifespan() as server:
        await ask(server, request(salt="s", priority=Priority.BATCH))
        assert set(server.chats[0].body) == {"model", "messages", "stream", "stream_options"}


async def test_vllm_gets_salt_priority_and_sampling() -> None:
    sampling = Sampling(0.5, 0.9, 40, 0.1, 1.1, 50, ("END",), 7)
    async with Server().lifespan() as server:
        await ask(server, request(salt="tenant", priority=Priority.BATCH, sampling=sampling))
        body = server.chats[0].body
    assert body["priority"] == 10
    assert "tenant" not in str(body)
    assert body["cache_salt"]
    wanted = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.1,
        "repetition_penalty": 1.1,
        "max_tokens": 50,
    }
    assert {k: body[k] for k in wanted} == wanted
    assert (body["stop"], body["seed"]) == (["END"], 7)


async def test_a_server_without_priorities_is_asked_without() -> None:
    async with Server(priorities=False).lifespan() as server:
        await ask(server, request(priority=Priority.BATCH))
        assert ["priority" in r.body for r in server.chats] == [True, False]


async def test_a_prefill_is_continued_without_saying_its_last_blank_twice() -> None:
    async with Server(Behaviour(text="one two three")).lifespan() as server:
        assert said(await ask(server, request(prefill="one two "))) == "three"
        body = server.chats[0].body
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


async def test_a_model_without_a_chat_template_gets_ours_and_it_is_remembered() -> None:
    async with Server(template=False).lifespan() as server, Http().lifespan() as http:
        model = OpenAIModel(Endpoint(server.url), http, SystemClock())
        for _ in range(2):
            assert said([c async for c in model.stream(request("hi"))]) == "User: hi\nAssistant:"
        paths = [r.path for r in server.chats]
    assert paths == ["/v1/chat/completions", "/v1/completions", "/v1/completions"]


@pytest.mark.parametrize(
    ("status", "text", "limit"),
    [
        (400, "This model's maximum context length is 2048 tokens. However, you requested 3000", 2048),
        (
            400,
            "You passed 3001 input tokens. However, the model's context length is only 2048 tokens",
            2048,
        ),
        (400, "The decoder prompt (length 3000) is longer than the maximum model length of 2048.", 2048),
        (400, "the input length exceeds the context length", 0),
        (
            500,
            "longer than the specified maximum sequence length for this model (3000 > 1024)",
            1024,
        ),
        (413, "", 0),
    ],
)
def test_overflow_is_known_by_each_servers_words(status: int, text: str, limit: int) -> None:
    error = failure("h", status, json.dumps({"error": {"message": text}}).encode())
    assert isinstance(error, ContextOverflow)
    assert error.limit == limit


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ModelRefused),
        (422, ModelRefused),
        (301, EndpointRefused),
        (401, EndpointRefused),
        (402, EndpointRefused),
        (403, EndpointRefused),
        (404, EndpointRefused),
        (405, EndpointRefused),
        (429, ModelBusy),
        (500, ModelUnavailable),
        (502, ModelUnavailable),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[ModelError]) -> None:
    assert type(failure("h", status, b"<html>no</html>")) is kind


def test_a_dated_retry_after_is_read() -> None:
    error = failure("h", 503, b"", {"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, now=40.0)
    assert isinstance(error, ModelBusy)
    assert error.retry_after == 60.0


@given(st.binary(max_size=200), st.integers(200, 599))
def test_any_error_body_is_some_model_error(body: bytes, status: int) -> None:
    assert isinstance(failure("h", status, body), ModelError)
