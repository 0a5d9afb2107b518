"""`ChatVLLM`: vLLM (or any OpenAI-compatible server) as a langchain-core chat model.

Over the same wire as the service itself, so both send the same requests. Give it to any langchain
chain or graph: ``ChatVLLM(url="http://127.0.0.1:8000/v1").bind_tools([...])``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, Literal

import msgspec
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr

from bot.clock import SystemClock
from bot.types import Chunk, Message, ModelRequest, Priority, Role, Sampling, ToolCall, Usage
from inference.body import BATCH_PRIORITY
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.wire import Endpoint

_ROLES: dict[type[BaseMessage], Role] = {
    SystemMessage: Role.SYSTEM,
    HumanMessage: Role.USER,
    AIMessage: Role.ASSISTANT,
    ToolMessage: Role.TOOL,
}
_OPTIONS = ("tools", "tool_choice", "parallel_tool_calls", "response_format")
_EXTRA = (*_OPTIONS, "priority")
_PER_CALL = frozenset({*Sampling.__slots__, *_EXTRA, "cache_salt", "session_id", "request_id", "stream"})


class ChatVLLM(BaseChatModel):
    """Streams text, `reasoning_content` (in `additional_kwargs`), whole tool calls and usage.

    Sampling fields, `cache_salt` and `priority` can be given per call too (``model.astream(…,
    temperature=0)``), as can `tool_choice`, `response_format`, and `session_id` and `request_id`, which
    become the headers X-Session-ID and X-Request-Id. Only text is sent: other content raises ValueError.
    A field that there is not raises pydantic's ValidationError, per call TypeError.
    Raises `bot.errors.ModelError`. `aclose` closes its connections.
    """

    model_config = ConfigDict(extra="forbid")

    url: str
    model: str = ""
    """Empty: the server's first."""
    api_key: SecretStr = SecretStr("")
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = Field(default=())
    seed: int | None = None
    cache_salt: SecretStr = SecretStr("")
    """Parts the prefix cache of one tenant from others'. Only its hash is sent, as the service does."""
    priority: int | None = None
    """vLLM serves lower numbers first, and 0 unless told otherwise."""

    _http: Http | None = PrivateAttr(default=None)
    _loop: asyncio.AbstractEventLoop | None = PrivateAttr(default=None)
    _wired: OpenAIModel | None = PrivateAttr(default=None)

    @property
    def _llm_type(self) -> str:
        return "tertulia-vllm"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"url": self.url, "model": self.model}

    async def aclose(self) -> None:
        http, self._http, self._wired = self._http, None, None
        if http is not None:
            await http.aclose()

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with these tools: any that langchain knows (functions, classes, schemas)."""
        given = {"tools": [convert_to_openai_tool(tool) for tool in tools], **kwargs}
        if tool_choice:
            given["tool_choice"] = _choice(tool_choice)
        return self.bind(**given)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        if unknown := kwargs.keys() - _PER_CALL:
            raise TypeError(f"{type(self).__name__} takes no {', '.join(sorted(unknown))}")
        request = self._request(messages, stop, kwargs)
        given = {"priority": self.priority, **{name: kwargs[name] for name in _EXTRA if name in kwargs}}
        extra = {name: value for name, value in given.items() if value is not None}
        model = self._over_wire()
        async with aclosing(model.ask(request, extra)) as chunks:
            async for chunk in chunks:
                piece = ChatGenerationChunk(message=_to_message(chunk, model.name))
                if run_manager is not None and chunk.text:
                    await run_manager.on_llm_new_token(chunk.text, chunk=piece)
                yield piece

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _whole([piece async for piece in self._astream(messages, stop, run_manager, **kwargs)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Drives the asynchronous stream on a loop in a thread of its own, so that it works inside
        a running loop (a notebook) too."""
        other = self.model_copy()
        other._http = other._wired = None
        with ThreadPoolExecutor(1) as pool:
            runner = asyncio.Runner()
            source = other._pieces(messages, stop, **kwargs)
            try:
                while (piece := pool.submit(runner.run, _next(source)).result()) is not None:
                    if run_manager is not None and piece.text:
                        run_manager.on_llm_new_token(piece.text, chunk=piece)
                    yield piece
            finally:
                pool.submit(runner.run, source.aclose()).result()
                pool.submit(runner.run, other.aclose()).result()
                pool.submit(runner.close).result()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _whole(list(self._stream(messages, stop, run_manager, **kwargs)))

    async def _pieces(
        self, messages: list[BaseMessage], stop: list[str] | None, **kwargs: Any
    ) -> AsyncGenerator[ChatGenerationChunk]:
        async for piece in self._astream(messages, stop, None, **kwargs):
            yield piece

    def _over_wire(self) -> OpenAIModel:
        """One client per event loop: connections cannot move to another."""
        loop = asyncio.get_running_loop()
        if self._wired is None or self._loop is not loop:
            self._http, self._loop = Http(), loop
            endpoint = Endpoint(self.url, self.api_key.get_secret_value(), self.model)
            self._wired = OpenAIModel(endpoint, self._http, SystemClock())
        return self._wired

    def _request(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        kwargs: dict[str, Any],
    ) -> ModelRequest:
        given = {name: kwargs.get(name, getattr(self, name)) for name in Sampling.__slots__}
        given["stop"] = tuple(stop or given["stop"] or ())
        salt = kwargs.get("cache_salt", self.cache_salt)
        return ModelRequest(
            tuple(from_langchain(m) for m in messages),
            sampling=Sampling(**given),
            session=str(kwargs.get("session_id", "")),
            request_id=str(kwargs.get("request_id", "")),
            salt=salt.get_secret_value() if isinstance(salt, SecretStr) else str(salt or ""),
        )


def run_options(request: ModelRequest) -> dict[str, Any]:
    """What `ChatVLLM` takes per call beyond what every chat model does (`LangChainModel(options=…)`)."""
    priority = BATCH_PRIORITY if request.priority is Priority.BATCH else None
    return {
        "session_id": request.session,
        "request_id": request.request_id,
        "cache_salt": request.salt,
        "priority": priority,
    }


def from_langchain(message: BaseMessage) -> Message:
    """A langchain message as ours. Raises ValueError for other roles and for content that is no text."""
    role = next((role for kind, role in _ROLES.items() if isinstance(message, kind)), None)
    if role is None:
        raise ValueError(f"a {message.type!r} message cannot be sent to this model")
    if not isinstance(message.content, str) and any(
        not isinstance(block, str) and block.get("type") != "text" for block in message.content
    ):
        raise ValueError("only text can be sent to this model")
    calls: tuple[ToolCall, ...] = ()
    if isinstance(message, AIMessage):
        calls = tuple(
            ToolCall(c["id"] or "", c["name"], msgspec.json.encode(c["args"]).decode())
            for c in message.tool_calls
        )
    answered = message.tool_call_id if isinstance(message, ToolMessage) else ""
    return Message(role, str(message.text), tool_calls=calls, tool_call_id=answered)


def _to_message(chunk: Chunk, model: str) -> AIMessageChunk:
    calls = [
        tool_call_chunk(name=c.name, args=c.arguments, id=c.id, index=n)
        for n, c in enumerate(chunk.tool_calls)
    ]
    message = AIMessageChunk(content=chunk.text, tool_call_chunks=calls)
    if chunk.reasoning:
        message.additional_kwargs["reasoning_content"] = chunk.reasoning
    if chunk.usage is not None:
        message.usage_metadata = _usage(chunk.usage)
    if chunk.finish_reason:
        message.response_metadata = {"finish_reason": str(chunk.finish_reason), "model_name": model}
        message.chunk_position = "last"
    return message


def _usage(usage: Usage) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=usage.prompt,
        output_tokens=usage.completion,
        total_tokens=usage.prompt + usage.completion,
        input_token_details=InputTokenDetails(cache_read=usage.cached),
    )


def _whole(pieces: list[ChatGenerationChunk]) -> ChatResult:
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    message = AIMessage(**total.message.model_dump(exclude={"type", "tool_call_chunks", "chunk_position"}))
    return ChatResult(generations=[ChatGeneration(message=message)])


async def _next(source: AsyncIterator[ChatGenerationChunk]) -> ChatGenerationChunk | None:
    return await anext(source, None)


def _choice(tool_choice: str | dict[str, Any] | Literal[True]) -> str | dict[str, Any]:
    """langchain's ways to say it, in the API's."""
    if isinstance(tool_choice, bool) or tool_choice == "any":
        return "required"
    if isinstance(tool_choice, str) and tool_choice not in ("auto", "none", "required"):
        return {"type": "function", "function": {"name": tool_choice}}
    return tool_choice
