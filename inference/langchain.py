"""Any langchain-core chat model as `bot.ports.Model`, any langchain tool as a plugin's tool."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import msgspec
from langchain_core.exceptions import ContextOverflowError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import BaseTool, ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool

from bot.errors import ContextOverflow, ModelError, ModelUnavailable, ToolError
from bot.plugins.api import PluginContext, Tool, ToolResult
from bot.types import Chunk, FinishReason, Message, ModelRequest, Role, Sampling, ToolCall, ToolSpec, Usage
from inference.body import picture_part
from inference.tokens import OVERHEAD, estimate

_LENGTH = {"length", "max_tokens", "max_output_tokens"}


class LangChainModel:
    """`model` behind the port. Only what is set in the request's sampling is passed on, by the
    same names; `options` gives what this model takes per call beyond that.

    `window`: tokens, as the model's maker says. `sees`: whether it takes pictures, as OpenAI writes them
    in a message's content. `failures`: what the model's own library raises;
    another's code may raise anything, so all of it becomes ModelUnavailable.
    """

    continues = False
    generates = True

    def __init__(
        self,
        model: BaseChatModel,
        *,
        name: str = "",
        window: int = 8192,
        sees: bool = False,
        options: Callable[[ModelRequest], dict[str, Any]] = lambda request: {},
        failures: tuple[type[Exception], ...] = (Exception,),
    ) -> None:
        self._model = model
        self._failures = failures
        self._options = options
        self._window = window
        self.sees = sees
        self.name = name or getattr(model, "model", "") or model.get_name()

    async def window(self) -> int:
        return self._window

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [estimate(text) + OVERHEAD for text in texts]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk]:
        gathered = _Gathered()
        try:
            runnable = (
                self._model.bind_tools([_tool(t) for t in request.tools]) if request.tools else self._model
            )
            given = _sampling(request.sampling) | self._options(request)
            async for message in runnable.astream(
                [to_langchain(m, pictures=self.sees) for m in request.messages], **given
            ):
                chunk = gathered.take(message)
                if chunk.text or chunk.reasoning:
                    yield chunk
            yield gathered.finish()
        except ModelError:
            raise
        except ContextOverflowError as error:
            raise ContextOverflow(f"{self.name}: {error}") from error
        except self._failures as error:
            raise ModelUnavailable(f"{self.name}: {type(error).__name__}: {error}") from error


class _Gathered:
    """What comes in pieces and is told whole at the end."""

    def __init__(self) -> None:
        self._calls: AIMessageChunk | None = None
        self._whole: list[ToolCall] = []
        self._usage: Usage | None = None
        self._reason = ""

    def take(self, message: BaseMessage) -> Chunk:
        if isinstance(message, AIMessageChunk) and message.tool_call_chunks:
            part = AIMessageChunk(content="", tool_call_chunks=message.tool_call_chunks)
            self._calls = part if self._calls is None else self._calls + part
        elif isinstance(message, AIMessage):
            self._whole += [ToolCall(c["id"] or "", c["name"], _json(c["args"])) for c in message.tool_calls]
        if isinstance(message, AIMessage) and (usage := message.usage_metadata):
            cached = usage.get("input_token_details", {}).get("cache_read", 0) or 0
            more = Usage(usage["input_tokens"], usage["output_tokens"], cached)
            self._usage = (self._usage or Usage()) + more
        about = message.response_metadata
        self._reason = about.get("finish_reason") or about.get("stop_reason") or self._reason
        return Chunk(str(message.text), str(message.additional_kwargs.get("reasoning_content") or ""))

    def finish(self) -> Chunk:
        pieces = self._calls.tool_call_chunks if self._calls else []
        calls = [ToolCall(c["id"] or "", c["name"] or "", c["args"] or "{}") for c in pieces]
        calls += self._whole
        if str(self._reason).lower() in _LENGTH:
            return Chunk(usage=self._usage, finish_reason=FinishReason.LENGTH)
        reason = FinishReason.TOOL_CALLS if calls else FinishReason.STOP
        return Chunk(tool_calls=tuple(calls), usage=self._usage, finish_reason=reason)


def to_langchain(message: Message, *, pictures: bool = False) -> BaseMessage:
    """The message, with its pictures where they are wanted."""
    if message.role is Role.SYSTEM:
        return SystemMessage(message.content)
    if message.role is Role.USER and pictures and message.pictures:
        text: dict[str, Any] = {"type": "text", "text": message.content}
        return HumanMessage([*map(picture_part, message.pictures), text])
    if message.role is Role.USER:
        return HumanMessage(message.content)
    if message.role is Role.TOOL:
        return ToolMessage(message.content, tool_call_id=message.tool_call_id)
    calls = [{"id": c.id, "name": c.name, "args": _arguments(c.arguments)} for c in message.tool_calls]
    return AIMessage(message.content, tool_calls=calls)


def tool_from_langchain(tool: BaseTool, *, activity: dict[str, str] | None = None) -> Tool:
    """A langchain tool as a plugin brings it; its ToolException becomes ToolError."""
    described = convert_to_openai_tool(tool)["function"]
    empty = {"type": "object", "properties": {}}
    spec = ToolSpec(described["name"], described.get("description", ""), described.get("parameters") or empty)

    async def run(context: PluginContext, arguments: dict[str, Any]) -> ToolResult:
        try:
            result = await tool.ainvoke(arguments)
        except (ToolException, ValueError) as error:
            raise ToolError(str(error)) from error
        return ToolResult(result if isinstance(result, str) else _json(result))

    return Tool(spec, run, activity or {})


def _tool(spec: ToolSpec) -> dict[str, Any]:
    function = {"name": spec.name, "description": spec.description, "parameters": spec.parameters}
    return {"type": "function", "function": function}


def _sampling(sampling: Sampling) -> dict[str, Any]:
    given = {name: getattr(sampling, name) for name in Sampling.__slots__}
    given["stop"] = list(sampling.stop) or None
    return {name: value for name, value in given.items() if value is not None}


def _arguments(text: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text.encode(errors="replace"))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _json(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
