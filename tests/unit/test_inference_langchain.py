"""langchain at the edges: our wire as its chat model, its models and tools as ours."""

from __future__ import annotations

from typing import Any, cast

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import ToolException, tool
from pydantic import SecretStr, ValidationError

from bot.clock import SystemClock
from bot.errors import ModelUnavailable, ToolError
from bot.plugins.api import PluginContext
from bot.ports import Model
from bot.types import Message, ModelRequest, Priority, Role, Sampling, ToolCall, ToolSpec
from inference.http import Http
from inference.langchain import LangChainModel, to_langchain, tool_from_langchain
from inference.openai_api import OpenAIModel
from inference.vllm import ChatVLLM, from_langchain, run_options
from inference.wire import Endpoint
from tests.simulators.openai import Behaviour, Server

SAMPLING = Sampling(0.5, 0.9, 40, 0.1, 1.1, 50, ("END",), 7)
SEARCH = ToolSpec("search", "Find", {"type": "object", "properties": {"query": {"type": "string"}}})


@tool
def search(query: str) -> str:
    """Find documents."""
    if query == "boom":
        raise ToolException("no such thing")
    return f"found {query}"


async def test_langchain_and_the_wire_send_the_same_body() -> None:
    asked = ModelRequest(
        (Message(Role.USER, "hi"),),
        sampling=SAMPLING,
        tools=(SEARCH,),
        session="s",
        salt="ours",
        priority=Priority.BATCH,
    )
    async with Server().lifespan() as server, Http().lifespan() as http:
        chat = ChatVLLM(url=server.url)
        models: list[Model] = [
            OpenAIModel(Endpoint(server.url), http, SystemClock()),
            LangChainModel(chat, options=run_options),
        ]
        for model in models:
            _ = [c async for c in model.stream(asked)]
        await chat.aclose()
        wire, langchain = server.chats
    assert wire.body == langchain.body
    assert wire.body["cache_salt"]
    assert wire.body["priority"]
    assert wire.headers["x-session-id"] == langchain.headers["x-session-id"]


async def test_ainvoke_gives_text_reasoning_usage_and_metadata() -> None:
    async with Server(Behaviour(text="four words right here", reasoning="hm hm")).lifespan() as server:
        chat = ChatVLLM(url=server.url, api_key=SecretStr("k"))
        message = await chat.ainvoke("hello")
        await chat.aclose()
    assert isinstance(message, AIMessage)
    assert not isinstance(message, AIMessageChunk)
    assert message.text == "four words right here"
    assert message.additional_kwargs["reasoning_content"] == "hm hm"
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 6
    assert message.response_metadata == {"finish_reason": "stop", "model_name": "tiny"}


@pytest.mark.parametrize("template", [True, False])
async def test_salt_and_priority_are_sent_from_fields_and_per_call(template: bool) -> None:
    async with Server(template=template).lifespan() as server:
        chat = ChatVLLM(url=server.url, cache_salt=SecretStr("ours"), priority=5)
        await chat.ainvoke("hello")
        await chat.ainvoke("hello", cache_salt="theirs", priority=-3)
        await chat.ainvoke("hello", cache_salt="", priority=None)
        plain = ChatVLLM(url=server.url)
        await plain.ainvoke("hello")
        bodies = [seen.body for seen in server.chats if bool(seen.body.get("messages")) is template]
        await chat.aclose()
        await plain.aclose()
    salts = [body.get("cache_salt") for body in bodies]
    assert len({*salts[:2], None}) == 3
    assert salts[2:] == [None, None]
    assert [body.get("priority") for body in bodies] == [5, -3, None, None]


async def test_a_server_without_priorities_is_asked_without() -> None:
    async with Server(priorities=False).lifespan() as server:
        chat = ChatVLLM(url=server.url, priority=5)
        assert (await chat.ainvoke("hello")).text
        await chat.aclose()
    assert [seen.body.get("priority") for seen in server.chats] == [5, None]


async def test_a_field_that_there_is_not_is_an_error() -> None:
    unknown: dict[str, Any] = {"cache_sold": "ours"}
    with pytest.raises(ValidationError, match="cache_sold"):
        ChatVLLM(url="http://127.0.0.1:9/v1", **unknown)
    with pytest.raises(TypeError, match="temprature"):
        await ChatVLLM(url="http://127.0.0.1:9/v1").ainvoke("hello", temprature=1)


async def test_bound_tools_are_called() -> None:
    async with Server(Behaviour(tool="search")).lifespan() as server:
        chat = ChatVLLM(url=server.url)
        message = await chat.bind_tools([search], tool_choice="any").ainvoke("hello")
        await chat.aclose()
        body = server.chats[0].body
    assert isinstance(message, AIMessage)
    assert [(c["name"], c["args"]) for c in message.tool_calls] == [("search", {"query": "telegram"})]
    assert body["tools"][0]["function"]["name"] == "search"
    assert body["tool_choice"] == "required"


async def test_the_synchronous_ways_work_inside_a_running_loop() -> None:
    """The server lives on another thread's loop, as a real one would."""
    import asyncio
    import threading

    ready, urls, ending = threading.Event(), [], asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with Server(Behaviour(text="one two")).lifespan() as server:
            loops.append(asyncio.get_running_loop())
            urls.append(server.url)
            ready.set()
            await ending.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        chat = ChatVLLM(url=urls[0])
        assert chat.invoke("hi").text == "one two"
        assert "".join(str(c.text) for c in chat.stream("hi")) == "one two"
    finally:
        loops[0].call_soon_threadsafe(ending.set)
        thread.join(10)


async def test_any_langchain_model_is_a_model() -> None:
    whole = AIMessage("it is done", usage_metadata={"input_tokens": 3, "output_tokens": 2, "total_tokens": 5})
    model = LangChainModel(GenericFakeChatModel(messages=iter([whole])), name="fake", window=100)
    chunks = [c async for c in model.stream(ModelRequest((Message(Role.USER, "hi"),)))]
    assert "".join(c.text for c in chunks) == "it is done"
    assert chunks[-1].finish_reason == "stop"
    assert await model.window() == 100


async def test_what_its_library_raises_becomes_unavailable() -> None:
    model = LangChainModel(GenericFakeChatModel(messages=iter([])), name="fake")
    with pytest.raises(ModelUnavailable, match="fake"):
        _ = [c async for c in model.stream(ModelRequest((Message(Role.USER, "hi"),)))]


async def test_a_langchain_tool_becomes_a_plugins_tool() -> None:
    ours = tool_from_langchain(search, activity={"en": "Searching…"})
    assert (ours.spec.name, ours.spec.parameters["required"]) == ("search", ["query"])
    nobody = cast("PluginContext", None)
    assert (await ours.run(nobody, {"query": "x"})).text == "found x"
    with pytest.raises(ToolError, match="no such thing"):
        await ours.run(nobody, {"query": "boom"})


def test_messages_survive_the_way_there_and_back() -> None:
    for message in (
        Message(Role.SYSTEM, "be kind"),
        Message(Role.USER, "hi"),
        Message(Role.ASSISTANT, "", tool_calls=(ToolCall("1", "search", '{"query":"x"}'),)),
        Message(Role.TOOL, "found", tool_call_id="1"),
    ):
        assert from_langchain(to_langchain(message)) == message


@pytest.mark.parametrize("content", [[{"type": "image_url", "image_url": {"url": "x"}}]])
def test_what_is_no_text_is_refused(content: Any) -> None:
    with pytest.raises(ValueError, match="only text"):
        from_langchain(HumanMessage(content))
    assert from_langchain(SystemMessage([{"type": "text", "text": "a"}])).text == "a"
    assert from_langchain(ToolMessage("r", tool_call_id="1")).tool_call_id == "1"
