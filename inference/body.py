"""Request bodies: a `ModelRequest` as the OpenAI API and vLLM's extensions to it want it.

https://platform.openai.com/docs/api-reference/chat/create and vLLM's ChatCompletionRequest. What
is not set is not sent, so that strict servers take it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import quote

import msgspec

from bot.types import Message, ModelRequest, Picture, Priority, Role, Sampling
from inference.dialect import Dialect
from inference.markers import defused

BATCH_PRIORITY = 10
"""vLLM serves lower numbers first, and 0 unless told otherwise: interactive requests send none."""
_PLACE = b"\0"
"""Where a picture goes: in JSON this byte is always escaped."""
_SPEAKERS = {Role.USER: "User: ", Role.ASSISTANT: "Assistant:", Role.TOOL: "Tool: ", Role.SYSTEM: ""}


class _Inline:
    """A picture's data URL (RFC 2397) until it is encoded; a dataclass would be encoded by itself."""

    __slots__ = ("picture",)

    def __init__(self, picture: Picture) -> None:
        self.picture = picture


def chat_body(
    request: ModelRequest, model: str, *, dialect: Dialect, vllm: bool, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The body of `/v1/chat/completions`. `extra` wins, but for what the server does not want."""
    messages = [_message(m) for m in request.messages]
    body = _common(request, model, dialect, vllm)
    more = {name: value for name, value in (extra or {}).items() if name not in dialect.unwanted}
    if request.prefill and vllm:
        messages.append({"role": "assistant", "content": defused(request.prefill.rstrip())})
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if request.tools and dialect.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {n: getattr(t, n) for n in ("name", "description", "parameters")},
            }
            for t in request.tools
        ]
    return {"messages": messages, **body, **more}


def completion_body(
    request: ModelRequest, model: str, *, dialect: Dialect, vllm: bool, priority: int | None = None
) -> dict[str, Any]:
    """The body of `/v1/completions` for a model without a chat template. It stops where it would
    speak for the person; without a limit servers stop after 16 tokens, so one is always sent."""
    body = _common(request, model, dialect, vllm)
    if priority is not None and "priority" not in dialect.unwanted:
        body["priority"] = priority
    body["stop"] = [*request.sampling.stop, "\nUser:"]
    body.setdefault("max_tokens", 512)
    return {"prompt": rendered(request.messages, request.prefill.rstrip()), **body}


def rendered(messages: Sequence[Message], prefill: str = "") -> str:
    """The default chat template: a line with its speaker for each message."""
    lines = [
        _SPEAKERS[m.role] + (" " if m.role is Role.ASSISTANT else "") + defused(m.content)
        for m in messages
        if m.content
    ]
    return "\n".join([*lines, f"Assistant: {defused(prefill)}" if prefill else "Assistant:"])


def headers(request: ModelRequest) -> dict[str, str]:
    """`X-Session-ID` brings a conversation to the server that has its prefix (vllm-router, Ray
    Serve); it is a hash, so that no server learns who talks."""
    given = {"content-type": "application/json", "accept": "text/event-stream"}
    if request.session:
        given["x-session-id"] = hashlib.sha256(request.session.encode(errors="replace")).hexdigest()[:32]
    if request.request_id:
        given["x-request-id"] = quote(request.request_id, safe=":")
    return given


def encode(body: Mapping[str, Any]) -> list[bytes]:
    """JSON, in pieces: what is between pictures, and each picture as it is kept, neither copied nor looked
    through (of megabytes that would hold up all else). Characters that UTF-8 cannot hold (lone surrogates)
    become question marks."""
    try:
        return _pieces(body)
    except UnicodeEncodeError:
        return _pieces(_clean(body))


def _pieces(body: Mapping[str, Any]) -> list[bytes]:
    pictures = list[bytes]()

    def place(value: Any) -> msgspec.Raw:
        if not isinstance(value, _Inline):
            raise TypeError(f"{type(value).__name__} has no form in JSON")
        pictures.append(value.picture.base64)
        return msgspec.Raw(b'"data:%b;base64,%b"' % (value.picture.media_type.encode(), _PLACE))

    first, *others = msgspec.json.encode(body, enc_hook=place).split(_PLACE)
    return [first, *chain.from_iterable(zip(pictures, others, strict=True))]


def _common(request: ModelRequest, model: str, dialect: Dialect, vllm: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    if name := request.model or model:
        body["model"] = name
    body |= sampling_fields(request.sampling, dialect)
    if vllm and request.salt:
        body["cache_salt"] = hashlib.sha256(request.salt.encode(errors="replace")).hexdigest()
    if vllm and request.priority is Priority.BATCH:
        body["priority"] = BATCH_PRIORITY
    return {name: value for name, value in body.items() if name not in dialect.unwanted}


def sampling_fields(sampling: Sampling, dialect: Dialect) -> dict[str, Any]:
    """What is set, by vLLM's names (those of OpenAI where it has them)."""
    fields = {name: getattr(sampling, name) for name in Sampling.__slots__}
    fields[dialect.limit_key] = fields.pop("max_tokens")
    fields["stop"] = list(sampling.stop) or None
    return {name: value for name, value in fields.items() if value is not None}


def _message(message: Message) -> dict[str, Any]:
    content = defused(message.content)
    if message.role is Role.TOOL:
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}
    if message.pictures:
        parts = [*(_part(_Inline(picture)) for picture in message.pictures), *_text(content)]
        return {"role": message.role.value, "content": parts}
    if not message.tool_calls:
        return {"role": message.role.value, "content": content}
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": _arguments(c.arguments)}}
        for c in message.tool_calls
    ]
    return {"role": "assistant", "content": content or None, "tool_calls": calls}


def picture_part(picture: Picture) -> dict[str, Any]:
    """A picture in a message's content. Whole: the server fetches nothing from anywhere."""
    return _part(f"data:{picture.media_type};base64,{picture.base64.decode()}")


def _part(url: str | _Inline) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def _text(content: str) -> list[dict[str, Any]]:
    """After the pictures, as it ends with what changes in the next turn: their part of the cached prefix
    holds."""
    return [{"type": "text", "text": content}] if content else []


def _arguments(text: str) -> str:
    """vLLM parses these for the template and refuses the request if it cannot."""
    try:
        return text if isinstance(msgspec.json.decode(text.encode(errors="replace")), dict) else "{}"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "{}"


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {_clean(k): _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(v) for v in value]
    return value
