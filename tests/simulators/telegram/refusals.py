"""How the Bot API says no."""

from __future__ import annotations

from typing import Any

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)


class Refusal(Exception):
    """A call that has no effect, with what the server answers instead of a result."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters

    def json(self) -> dict[str, Any]:
        answer = {"ok": False, "error_code": self.code, "description": self.description}
        return answer | ({"parameters": self.parameters} if self.parameters else {})


class Broken(Exception):
    """A text whose markup cannot be parsed."""


def bad(what: str, **parameters: int) -> Refusal:
    """400, in the server's spelling: its messages begin small, its codes do not."""
    if what[:1].isupper() and not what[1:2].isupper() and what[1:2] != "_":
        what = what[0].lower() + what[1:]
    return Refusal(400, f"Bad Request: {what}", **parameters)


def forbidden(what: str) -> Refusal:
    return Refusal(403, f"Forbidden: {what}")


def flooded(seconds: int) -> Refusal:
    return Refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def lacking(what: str) -> Refusal:
    """Not the Bot API's words: the simulator's own limits, told to whoever wrote the test."""
    return Refusal(501, f"The Telegram simulator lacks {what}")
