"""A text and what is marked in it, counted in UTF-16 units as Telegram counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

STYLES = ("bold", "italic", "underline", "strikethrough", "spoiler")
QUOTES = ("blockquote", "expandable_blockquote")
FIXED = ("code", "pre", "date_time")
FOUND = ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number")
LINKED = ("text_link", "text_mention", "custom_emoji")
TYPES = (*STYLES, *QUOTES, *FIXED, *LINKED, *FOUND)

# Of two entities with one extent, the one with the lower number is the outer one.
_RANKS = {"blockquote": 0, "expandable_blockquote": 0, "pre": 10, "code": 20, "date_time": 30}
_RANKS |= {"text_link": 49, "text_mention": 49} | dict.fromkeys(FOUND, 50)
_RANKS |= {"bold": 90, "italic": 91, "underline": 92, "strikethrough": 93, "spoiler": 94, "custom_emoji": 99}

_LINK = re.compile(r"(?:(https?)://)?([^/?#@]*@)?([^/?#:@]+)(:\d+)?([/?#].*)?", re.I | re.S)
_TG_LINK = re.compile(r"(tg|tonsite|ton):(?://)?([\w.-]+)(/?[?#].*|/.*)?", re.I | re.S)


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True, slots=True)
class Entity:
    type: str
    offset: int
    length: int
    url: str = ""
    user_id: int = 0
    language: str = ""
    custom_emoji_id: str = ""

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def order(self) -> tuple[int, int, int]:
        return self.offset, -self.length, _RANKS[self.type]


@dataclass(frozen=True, slots=True)
class Text:
    """What a person reads."""

    text: str = ""
    entities: tuple[Entity, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.text)

    def part(self, entity: Entity) -> str:
        """The text that an entity covers."""
        encoded = self.text.encode("utf-16-le")
        return encoded[2 * entity.offset : 2 * entity.end].decode("utf-16-le")

    def of(self, kind: str) -> list[str]:
        """What is marked as `kind`, in order."""
        return [self.part(e) for e in self.entities if e.type == kind]


def ordered(entities: Iterable[Entity]) -> list[Entity]:
    return sorted(entities, key=lambda e: e.order)


def entity_json(entity: Entity, user: dict[str, Any] | None = None) -> dict[str, Any]:
    """As the Bot API shows it; `user` is whom a text_mention names."""
    shown: dict[str, Any] = {"offset": entity.offset, "length": entity.length, "type": entity.type}
    for name in ("url", "language", "custom_emoji_id"):
        if value := getattr(entity, name):
            shown[name] = value
    return shown | ({"user": user} if user else {})


def link(entity_type: str, offset: int, length: int, url: str) -> Entity | None:
    """The entity for a link to `url`: a mention where it names a user, none where it leads nowhere."""
    if user_id := linked_user(url):
        return Entity("text_mention", offset, length, user_id=user_id)
    checked = checked_link(url)
    return Entity(entity_type, offset, length, url=checked) if checked else None


def linked_user(url: str) -> int:
    found = re.match(r"tg:(?://)?user/?\?(?:[^#]*&)?id=(\d+)(?:[&#]|$)", url.lower())
    return int(found[1]) if found else 0


def linked_emoji(url: str) -> str:
    found = re.match(r"tg:(?://)?emoji/?\?(?:[^#]*&)?id=(\d+)(?:[&#]|$)", url.lower())
    return found[1] if found and int(found[1]) else ""


def checked_link(url: str) -> str:
    """The address as Telegram keeps it, or empty where it takes none from this."""
    if found := _TG_LINK.fullmatch(url):
        return f"{found[1].lower()}://{found[2].lower()}{found[3] or ''}"
    if not (found := _LINK.fullmatch(url)) or "." not in found[3].strip(".") or re.search(r"\s", found[3]):
        return ""
    rest = (found[5] or "/").rstrip()
    rest = rest if rest.startswith("/") else f"/{rest}"
    rest = re.sub(r"[\x00-\x20]", lambda c: f"%{ord(c[0]):02X}", rest)
    return f"{(found[1] or 'http').lower()}://{found[2] or ''}{found[3].lower()}{found[4] or ''}{rest}"
