"""What people ask of the bot other than by messages: buttons they press, inline queries they type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.simulators.telegram.chats import Chat, Message, User


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person was shown for pressing a button."""

    text: str = ""
    alert: bool = False
    url: str = ""


@dataclass(eq=False, slots=True)
class Press:
    """A button pressed; `answer` is None while the button still spins."""

    id: str
    by: User
    message: Message
    data: str
    at: float
    answer: Answer | None = None

    def json(self, message: dict[str, Any]) -> dict[str, Any]:
        shown = {"id": self.id, "from": self.by.json(), "chat_instance": str(self.message.chat.id * 7919)}
        return shown | {"message": message, "data": self.data}


@dataclass(eq=False, slots=True)
class Connection:
    """A person's leave for the bot to act in their name; `chats` are theirs with others."""

    id: str
    user: User
    date: int
    rights: set[str]
    enabled: bool = True
    chats: dict[int, Chat] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "user": self.user.json(),
            "user_chat_id": self.user.id,
            "date": self.date,
            "is_enabled": self.enabled,
            "rights": dict.fromkeys(sorted(self.rights), True),
        }


@dataclass(frozen=True, slots=True)
class Results:
    """What the bot offered for an inline query."""

    results: list[dict[str, Any]]
    next_offset: str
    cache_time: int
    personal: bool
    button: dict[str, Any] | None


@dataclass(eq=False, slots=True)
class InlineQuery:
    """`answer` is None until the bot has answered."""

    id: str
    by: User
    query: str
    offset: str
    chat: Chat | None
    at: float
    answer: Results | None = field(default=None)

    def json(self) -> dict[str, Any]:
        shown = {"id": self.id, "from": self.by.json(), "query": self.query, "offset": self.offset}
        if self.chat is None:
            return shown
        private = self.chat.type == "private"
        return shown | {"chat_type": "sender" if private else self.chat.type}
