"""Conversations, their messages and turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.types.events import Address, Part


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to call a tool. `arguments` is the model's JSON text, not yet validated."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a model is shown it (`bot.imaging`): its file in base64 (RFC 4648, section 4), as all
    servers take it, encoded once. It is held in memory only. Sizes in pixels."""

    base64: bytes = field(repr=False)
    width: int
    height: int
    media_type: str = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation's history, as the model reads it.

    `context` is what was shown to the model with a question and changes every turn (passages,
    date, profile): it is rendered after `text`, and stays rendered until the window is next cut,
    so that the cached prefix holds. `tokens` counts text and context together, `context_tokens`
    is what of it goes with the context; 0 means not counted yet. `turn` is the ordinal of the
    turn in its conversation (from 1), `step` the place in the turn.
    """

    role: Role
    text: str = ""
    context: str = ""
    name: str = ""
    attachments: tuple[Part, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    tokens: int = 0
    context_tokens: int = 0
    turn: int = 0
    step: int = 0
    pictures: tuple[Picture, ...] = ()
    """Those attachments that the model is shown with this request. They are in no count, and are never
    stored."""

    @property
    def content(self) -> str:
        """The text that the model reads; a question's `name` says whose it is."""
        text = f"{self.name}: {self.text}" if self.name and self.role is Role.USER else self.text
        return f"{text}\n\n{self.context}" if self.context else text


@dataclass(frozen=True, slots=True)
class Remark:
    """Something said in a group, not to the bot."""

    name: str
    text: str
    said_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """A history at an address. Turns before `first_turn` are outside the model's window.

    `start_turn` is where the person last began anew (`/new`); `first_turn >= start_turn` is
    where the window was last cut, and `summary` tells what stood between the two. Contexts of
    turns before `context_turn`, the turn that made the cut, are no longer rendered.
    """

    id: int
    address: Address
    start_turn: int = 1
    first_turn: int = 1
    context_turn: int = 1
    summary: str = ""
    summary_tokens: int = 0
    model: str = ""
    persona: str = ""
    title: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def taken_by(self) -> str:
        """What the operator was called who took it over (`bot.takeover`); "": it is the assistant's."""
        held = self.settings.get("takeover")
        name = held.get("name") if isinstance(held, dict) else None
        return name if isinstance(name, str) else ""


class TurnState(StrEnum):
    GENERATING = "generating"
    DELIVERING = "delivering"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (TurnState.DONE, TurnState.CANCELLED, TurnState.FAILED)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the model server counts them."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt, self.completion + other.completion, self.cached + other.cached
        )


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, found by search. `id` is unique and stable while the document is."""

    id: str
    text: str
    source: str
    """Where it comes from: a URL, or a file's name with its section."""
    title: str = ""
    score: float = 0.0
    collection: str = ""
    audience: tuple[str, ...] = ()
    """The roles that may read its collection (`bot.audience`); none: everybody."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document as search knows it. `name` is unique in its collection and is what people see;
    `origin` is where it was read, "" where that is not known; `digest` stands for its content.
    `passages` is how many it has, where that was asked for."""

    name: str
    title: str
    digest: str
    origin: str = ""
    passages: int = 0


@dataclass(frozen=True, slots=True)
class Citation:
    """`[number]` in the answer's text stands for this passage."""

    number: int
    passage_id: str
    source: str
    title: str
    quote: str
    audience: tuple[str, ...] = ()
    """As the passage's."""


@dataclass(frozen=True, slots=True)
class Thoughts:
    """What a model thought for one answer: plain text, for whoever asked, where the chat shows it
    (`Capabilities.thoughts`). No model is shown it again. `seconds` is how long it thought; `cut`:
    it went on, and no more was kept."""

    text: str = ""
    seconds: float = 0.0
    cut: bool = False


NO_THOUGHTS = Thoughts()


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer: the unit of saving, cancelling, logging and billing."""

    id: str
    conversation_id: int
    event_key: str
    number: int
    """The ordinal in the conversation, from 1."""
    state: TurnState = TurnState.GENERATING
    person_id: str = ""
    text: str = ""
    """The checkpoint while it generates, the whole answer once it is delivered."""
    question_id: str = ""
    """The platform's id of the question's message."""
    attempts: int = 1
    """How often the turn was begun: more than 1 after a crash or a restart."""
    model: str = ""
    usage: Usage = Usage()
    finish_reason: str = ""
    citations: tuple[Citation, ...] = ()
    thoughts: Thoughts = NO_THOUGHTS
    """Of this answer; those of a checkpoint once it generates text."""
    error: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
