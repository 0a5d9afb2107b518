"""A person's own conversations, as their pages list them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.types.history import Conversation


@dataclass(frozen=True, slots=True)
class OwnConversation:
    """`last_event` is the key of the event that the newest turn answers, `answering` whether that
    turn is under way. `found` is what was said in the turn that a search found; "" if it found the
    title, or nothing was looked for."""

    conversation: Conversation
    active_at: float
    last_event: str = ""
    answering: bool = False
    found: str = ""


@dataclass(frozen=True, slots=True)
class OwnFound:
    """What a search found. `older` is where the next goes on, whether this one found any or not; None
    if all was looked through. It is (active_at, id, turn): before this turn of that conversation, and
    then before the conversation; 0: before the conversation."""

    conversations: tuple[OwnConversation, ...] = ()
    older: tuple[float, int, int] | None = None
