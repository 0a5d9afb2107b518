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
