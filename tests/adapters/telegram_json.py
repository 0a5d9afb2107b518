"""Updates in the JSON that Telegram sends, and the events that they become."""

from __future__ import annotations

from typing import Any

from adapters.telegram.text import Me
from adapters.telegram.translate import Translator, read
from bot.types import Event

ME = Me(7, "tertulia_bot", "Tertulia")
BOT = {"id": 7, "is_bot": True, "first_name": "Tertulia", "username": "tertulia_bot"}
ANA = {"id": 42, "is_bot": False, "first_name": "Ana", "last_name": "Díaz", "language_code": "es"}
BEN = {"id": 43, "is_bot": False, "first_name": "Ben"}
PRIVATE = {"id": 42, "type": "private", "first_name": "Ana"}
GROUP = {"id": -100123, "type": "supergroup", "title": "Friends"}
CHANNEL = {"id": -100900, "type": "channel", "title": "News"}
NOW = 1_800_000_000.0
FILE = {"file_id": "file-1", "file_unique_id": "u1", "file_size": 5000}


def message(text: str | None = None, chat: dict[str, Any] = PRIVATE, **fields: Any) -> dict[str, Any]:
    said = {"message_id": 11, "date": 1_700_000_000, "chat": chat, "from": ANA, **fields}
    return said if text is None else {**said, "text": text}


def events(kind: str, payload: dict[str, Any]) -> list[Event]:
    update = read({"update_id": 1, kind: payload})
    assert update is not None
    return Translator(ME).events(update, NOW)


def event(payload: dict[str, Any], kind: str = "message") -> Event:
    (only,) = events(kind, payload)
    return only


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}
