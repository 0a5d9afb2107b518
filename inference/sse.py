"""A chat completion's event stream: raw bytes in, chunks out. Pure, and the hottest loop of a turn.

Format: https://platform.openai.com/docs/api-reference/chat-streaming, as vLLM, Ollama, llama.cpp
and `transformers serve` speak it: one JSON value per ``data:`` line, ``[DONE]`` at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import msgspec

from bot.errors import ModelUnavailable
from bot.types import Chunk, FinishReason, ToolCall, Usage
from inference.failures import code_of, failure
from inference.thoughts import Thoughts

MAX_LINE = 4 * 2**20
"""Bytes of one event; a server that sends more without a line's end is broken."""


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolDelta(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolDelta] | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    text: str | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class _Event(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")  # in a union with None, Raw would take nothing


_decode = msgspec.json.Decoder(_Event).decode
_REASONS = {"function_call": FinishReason.TOOL_CALLS, "tool_calls": FinishReason.TOOL_CALLS}
_BROKEN = {"abort", "error"}
"""vLLM's reasons for an answer that the server, not the model, ended."""


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Assembler:
    """Feeds on network reads, cut anywhere; the chunks do not depend on where they were cut.

    Text comes as it is read, thoughts apart (`inference.thoughts`); usage, whole tool calls and the finish
    come in one last chunk, after which `done` is true. Raises the ModelError family, nothing else.
    """

    def __init__(self, host: str = "") -> None:
        self.done = False
        self._host = host
        self._rest: list[bytes] = []
        self._size = 0
        self._calls: list[_Call] = []
        self._places: dict[int, int] = {}
        self._usage: Usage | None = None
        self._reason = ""
        self._thoughts = Thoughts()

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """The chunks that `data` completes."""
        if b"\n" not in data:
            self._hold(data)
            return
        *lines, rest = data.split(b"\n")
        if self._rest:
            lines[0] = b"".join((*self._rest, lines[0]))
            self._rest, self._size = [], 0
        if rest:
            self._hold(rest)
        for line in lines:
            if not self.done:
                yield from self._line(line)

    def close(self) -> Iterator[Chunk]:
        """The body has ended. Raises ModelUnavailable if the answer had not."""
        if self._rest and not self.done:
            line = b"".join(self._rest)
            self._rest, self._size = [], 0
            yield from self._line(line)
        if self.done:
            return
        if not self._reason:
            raise ModelUnavailable(f"{self._host} broke off in the middle of the answer")
        yield from self._finish()

    def _hold(self, data: bytes) -> None:
        self._rest.append(data)
        self._size += len(data)
        if self._size > MAX_LINE:
            raise ModelUnavailable(f"{self._host} sent a line of more than {MAX_LINE} bytes")

    def _line(self, line: bytes) -> Iterator[Chunk]:
        if not line.startswith(b"data:"):  # comments, event names and blank lines
            if line[:1] == b"{":
                raise self._garbage(line)
            return
        payload = line[5:].strip()
        if payload == b"[DONE]":
            yield from self._finish()
            return
        try:
            event = _decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise self._garbage(payload) from None
        if (raw := bytes(event.error)) != b"null":
            raise failure(self._host, code_of(raw), b'{"error":' + raw + b"}")
        if event.usage is not None:
            self._usage = _usage(event.usage)
        if event.choices:
            yield from self._choice(event.choices[0])

    def _choice(self, choice: _Choice) -> Iterator[Chunk]:
        delta = choice.delta
        if delta is not None:
            reasoning = delta.reasoning or delta.reasoning_content
            if delta.content or reasoning:
                yield from self._told(delta.content or "", reasoning or "")
            for call in delta.tool_calls or ():
                self._merge(call)
        elif choice.text:
            yield from self._told(choice.text, "")
        if choice.finish_reason:
            self._reason = choice.finish_reason

    def _told(self, text: str, reasoning: str) -> Iterator[Chunk]:
        chunk = self._thoughts.take(text) if text else Chunk()
        if chunk.text or chunk.reasoning or reasoning:
            yield Chunk(chunk.text, reasoning + chunk.reasoning)

    def _merge(self, delta: _ToolDelta) -> None:
        """Deltas of one call share an index; servers that send whole calls give none, or always
        the same with another id."""
        place = None if delta.index is None else self._places.get(delta.index)
        if place is None or (delta.id and self._calls[place].id not in ("", delta.id)):
            place = len(self._calls)
            self._calls.append(_Call())
            if delta.index is not None:
                self._places[delta.index] = place
        call = self._calls[place]
        call.id = delta.id or call.id
        if delta.function is not None:
            call.name = call.name or delta.function.name or ""
            call.arguments.append(delta.function.arguments or "")

    def _finish(self) -> Iterator[Chunk]:
        last = self._last()
        if left := self._thoughts.end(whole=last.finish_reason == FinishReason.STOP):
            yield Chunk(left)
        yield last

    def _last(self) -> Chunk:
        if not self._reason or self._reason in _BROKEN:
            raise ModelUnavailable(f"{self._host} gave up the answer ({self._reason or 'no reason'})")
        self.done = True
        reason = _REASONS.get(self._reason, self._reason)
        if reason == FinishReason.LENGTH or not self._calls:  # a call that was cut is no call
            return Chunk(usage=self._usage, finish_reason=reason)
        calls = tuple(
            ToolCall(c.id or f"call_{uuid4().hex}", c.name, "".join(c.arguments) or "{}") for c in self._calls
        )
        return Chunk(tool_calls=calls, usage=self._usage, finish_reason=FinishReason.TOOL_CALLS)

    def _garbage(self, data: bytes) -> ModelUnavailable:
        return ModelUnavailable(f"{self._host} sent something that is no event: {data[:80]!r}")


def _usage(usage: _Usage) -> Usage:
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details is not None else None
    return Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0, cached or 0)
