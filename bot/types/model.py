"""What a model is asked, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.types.history import Message, Passage, ToolCall, Usage
from bot.types.sampling import Sampling


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CANCELLED = "cancelled"
    ERROR = "error"
    TAKEN = "taken"
    """The question waits for a person who answers in the bot's place."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a model's stream. `usage` and `finish_reason` come with the last ones. `unseen` comes with
    the first: the server refused the request's pictures, and answers it without them."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    """Whole calls, already merged from their deltas; they come once, before the finish."""
    usage: Usage | None = None
    finish_reason: str = ""
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What the model is told of a tool. `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]


class Priority(StrEnum):
    INTERACTIVE = "interactive"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """All that a model is asked.

    `session` keeps a conversation on the server that has its prefix cached. `salt` parts the
    prefix caches of tenants. `prefill` is the answer's beginning: the model goes on from there
    (only where `Model.continues`), and the stream brings only what comes after it.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    tools: tuple[ToolSpec, ...] = ()
    session: str = ""
    request_id: str = ""
    priority: Priority = Priority.INTERACTIVE
    salt: str = ""
    prefill: str = ""
    model: str = ""
    """Empty: the endpoint's own."""
    passages: tuple[Passage, ...] = ()
    """What was retrieved for the question; models that only quote answer from these."""
    language: str = ""
    """The person's language, for models that speak without a prompt."""
