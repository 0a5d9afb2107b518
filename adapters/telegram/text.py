"""A message's text and its entities, whose offsets count UTF-16 code units.

See https://core.telegram.org/api/entities#entity-length. Offsets that point nowhere are clipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import MessageEntity

_AFTER_MENTION = " \t\r\n\u00a0,:;，：；、"


@dataclass(frozen=True, slots=True)
class Me:
    """The bot itself, as getMe tells."""

    id: int
    username: str
    name: str = ""


class Text:
    """A text that is cut by Telegram's offsets."""

    __slots__ = ("_cells", "length", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        plain = not text or max(text) <= "\uffff"
        self._cells = None if plain else text.encode("utf-16-le", "surrogatepass")
        self.length = len(text) if self._cells is None else len(self._cells) // 2

    def cut(self, start: int, end: int) -> str:
        start, end = max(0, start), max(0, end)
        if self._cells is None:
            return self.text[start:end]
        return self._cells[2 * start : 2 * end].decode("utf-16-le", "replace")

    def of(self, entity: MessageEntity) -> str:
        return self.cut(entity.offset, entity.offset + entity.length)


def mentions(text: Text, entities: Sequence[MessageEntity], me: Me) -> list[tuple[int, int]]:
    """Where the bot is mentioned, in order: by its name, or by a link to it."""
    return sorted((e.offset, e.offset + e.length) for e in entities if _mentions(text, e, me))


def _mentions(text: Text, entity: MessageEntity, me: Me) -> bool:
    if entity.type == MessageEntity.MENTION:
        return bool(me.username) and text.of(entity).casefold() == f"@{me.username}".casefold()
    return entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == me.id


def readable(
    text: Text, entities: Sequence[MessageEntity], *, begin: int = 0, without: Me | None = None
) -> str:
    """The text from `begin` on, with the links that it hides written as Markdown.

    Mentions of `without` are left out where they stand at the beginning or the end.
    """
    begin, end = begin, text.length
    spans = mentions(text, entities, without) if without is not None else []
    for start, stop in spans:
        if begin <= start and not text.cut(begin, start).strip(_AFTER_MENTION):
            begin = stop
    for start, stop in reversed(spans):
        if begin <= start and not text.cut(stop, end).strip():
            end = start
    whole = _with_links(text, entities, begin, end)
    if without is None:
        return whole
    return whole.lstrip(_AFTER_MENTION if begin else "").rstrip() if begin or end < text.length else whole


def _with_links(text: Text, entities: Sequence[MessageEntity], begin: int, end: int) -> str:
    out: list[str] = []
    hidden = [e for e in entities if e.type == MessageEntity.TEXT_LINK and e.url and e.length > 0]
    for link in sorted(hidden, key=lambda e: e.offset):
        if begin <= link.offset and link.offset + link.length <= end:
            out += (text.cut(begin, link.offset), _link(text.of(link), link.url or ""))
            begin = link.offset + link.length
    return "".join((*out, text.cut(begin, end)))


def _link(label: str, url: str) -> str:
    if label == url:
        return url
    label = label.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"[{label}](<{url}>)" if any(c in url for c in " ()<>") else f"[{label}]({url})"
