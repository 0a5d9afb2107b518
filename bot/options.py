"""What can be chosen for a chat or a place around it: one list, for `/settings` and the console."""

from __future__ import annotations

from typing import Any

from bot.groups import COLLECTIONS, choices
from bot.sampling import SamplingSettings
from bot.types import Capabilities

DEFAULT = ("default", "auto")
"""What leaves a choice to the place around, or to the bot."""
CHAT_LANGUAGE = "chat-language"
PERSONA, MODEL = "persona", "model"


def options(caps: Capabilities, private: bool) -> tuple[str, ...]:
    """The names of all that can be chosen in a chat of these capabilities."""
    groups = () if private else (CHAT_LANGUAGE, COLLECTIONS)
    return (*choices(caps, private), *groups, PERSONA, MODEL, *SamplingSettings.model_fields)


def is_default(text: str) -> bool:
    """Whether it leaves the choice to others."""
    return not text or text.lower() in DEFAULT


def collection_names(text: str) -> list[str]:
    """The collections that the text names, between spaces or commas."""
    return [] if is_default(text) else text.replace(",", " ").split()


def sampling_value(name: str, text: str) -> Any:
    """What is stored of it. Raises pydantic's ValidationError."""
    checked = SamplingSettings.model_validate({name: text.split() if name == "stop" else text})
    return checked.model_dump(mode="json")[name]
