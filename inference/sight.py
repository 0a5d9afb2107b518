"""How many pictures a server takes: by the setting, or as its refusals teach."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Literal

from bot.errors import ModelError
from bot.ports import Clock
from bot.types import Message, ModelRequest
from inference.failures import pictures_taken

Vision = Literal["auto", "on", "off"]
BLIND_SECONDS = 3600.0
"""What was learnt holds so long: the server may be started anew with what it lacked."""


class Sight:
    """Of one server. `auto`: it takes pictures until it refuses some for being pictures, or too many;
    `on`: until it refuses too many. What one model refused says nothing of another."""

    def __init__(self, clock: Clock, vision: Vision) -> None:
        self._clock = clock
        self._vision = vision
        self._learnt: dict[str, tuple[int, float]] = {}

    def most(self, model: str) -> int:
        """Pictures that a request for this model may have."""
        if self._vision == "off":
            return 0
        most, until = self._learnt.get(model, (sys.maxsize, 0.0))
        return most if self._clock.monotonic() < until else sys.maxsize

    def learn(self, model: str, error: ModelError) -> str:
        """What the operator should know of what this refusal taught; empty if nothing."""
        most = pictures_taken(error)
        if most is None or self._vision == "off" or (self._vision == "on" and not most):
            return ""
        self._learnt[model] = most, self._clock.monotonic() + BLIND_SECONDS
        if most:
            return f"it takes at most {most} picture(s) in a request; the newest are sent"
        return "it takes no pictures; it reads only their names (TERTULIA_MODEL_VISION=off spares the try)"


def has_pictures(request: ModelRequest) -> bool:
    return any(message.pictures for message in request.messages)


def with_newest(request: ModelRequest, most: int) -> ModelRequest:
    """The request with its newest `most` pictures."""
    left, messages = most, list[Message]()
    for message in reversed(request.messages):
        kept = message.pictures[max(0, len(message.pictures) - left) :]
        left -= len(kept)
        messages.append(message if kept == message.pictures else replace(message, pictures=kept))
    return replace(request, messages=tuple(reversed(messages)))
