"""An outgoing message as Telegram's fields: text, keyboard, citations. Pure.

https://core.telegram.org/bots/api#html-style; text is at most 4,096 UTF-16 units with 100 entities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape, unescape

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import ParseMode

from bot.markup import utf16_length
from bot.markup.telegram import entities
from bot.types import Button, Citation, Markup, Outgoing

TEXT_LIMIT, CAPTION_LIMIT, ENTITY_LIMIT, DATA_LIMIT = 4096, 1024, 100, 64
BYTES_LIMIT = 1 << 15
"""Of a text with its markup, in UTF-8."""
_ROW, _LONG_LABEL = 3, 16
_TAG = re.compile(r"(<[^>]*>)")
_MARKER = re.compile(r"\[(\d{1,3})\]")
_ANCHOR = re.compile(r'<a href="([^"]*)"')
_URL = re.compile(r"https?://[^\s<>\"]+")
_KEEP = ("a", "code", "pre")
"""Within these a marker is no marker."""


def text_of(out: Outgoing) -> tuple[str, str | None]:
    """The text and its parse mode (None for plain). Without text, what the assistant is doing."""
    html = out.markup is Markup.TELEGRAM_HTML
    if not out.text and out.activity:
        return f"<i>{escape(out.activity, quote=False)}</i>", ParseMode.HTML
    text = out.text
    if out.final and out.citations:
        text = _cited(out) if html else text + _plain_sources(out)
    return text, ParseMode.HTML if html else None


def caption_of(out: Outgoing) -> tuple[str | None, str | None]:
    """The same under a file, where only 1,024 units have room: a longer one is cut, and plain."""
    if utf16_length(out.plain) <= CAPTION_LIMIT:
        return (out.text or None), ParseMode.HTML if out.markup is Markup.TELEGRAM_HTML else None
    cut = out.plain.encode("utf-16-le", "surrogatepass")[: 2 * (CAPTION_LIMIT - 1)]
    return cut.decode("utf-16-le", "ignore") + "…", None


def previews_link(out: Outgoing) -> bool:
    """Whether the link in the text may show its page: only if it is the one there is."""
    hidden = map(unescape, _ANCHOR.findall(out.text)) if out.markup is Markup.TELEGRAM_HTML else ()
    return len({*hidden, *_URL.findall(out.plain)}) == 1


def keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    """Rows of at most three, or one each where a label is long. Telegram refuses longer data than
    64 bytes: such a button is left out."""
    row = 1 if any(len(button.label) > _LONG_LABEL for button in buttons) else _ROW
    keys = [key for button in buttons for key in _key(button)]
    return InlineKeyboardMarkup([keys[i : i + row] for i in range(0, len(keys), row)]) if keys else None


def _key(button: Button) -> Iterator[InlineKeyboardButton]:
    if button.url:
        yield InlineKeyboardButton(button.label, url=button.url)
    elif 0 < len(button.data.encode()) <= DATA_LIMIT:
        yield InlineKeyboardButton(button.label, callback_data=button.data)


# citations


def _cited(out: Outgoing) -> str:
    """The markers as links, and the sources in a quote that opens; as much of it as has room. The
    text itself is as long as before, and whole."""
    room = ENTITY_LIMIT - entities(out.text) - 1
    links = {c.number: c.source for c in out.citations if _is_link(c.source)}
    text, added = _linked(out.text, links, room)
    lines = list(_sources(out, TEXT_LIMIT - utf16_length(out.plain) - 1, room - added))
    if lines:
        text += f"\n<blockquote expandable>{escape(chr(10).join(lines), quote=False)}</blockquote>"
    return text if len(text.encode()) <= BYTES_LIMIT else out.text


def _linked(text: str, links: dict[int, str], room: int) -> tuple[str, int]:
    out: list[str] = []
    depth = added = 0

    def link(match: re.Match[str]) -> str:
        nonlocal added
        source = links.get(int(match[1]))
        if source is None or added >= room:
            return match[0]
        added += 1
        return f'<a href="{escape(source)}">{match[0]}</a>'

    for piece in _TAG.split(text):
        name = piece[1:-1].lstrip("/").split(" ")[0] if piece.startswith("<") else ""
        if name in _KEEP:
            depth += -1 if piece.startswith("</") else 1
        out.append(piece if name or depth else _MARKER.sub(link, piece))
    return "".join(out), added


def _sources(out: Outgoing, room: int, entities_left: int) -> Iterator[str]:
    """A line for each source that has room. One that is an address becomes a link by itself."""
    for citation in out.citations:
        line = _source(citation)
        cost = utf16_length(line) + 1
        if cost > room or (entities_left <= 0 and _is_link(citation.source)):
            continue
        room -= cost
        entities_left -= _is_link(citation.source)
        yield line


def _plain_sources(out: Outgoing) -> str:
    lines = list(_sources(out, TEXT_LIMIT - utf16_length(out.text) - 1, ENTITY_LIMIT))
    return "\n\n" + "\n".join(lines) if lines else ""


def _source(citation: Citation) -> str:
    named = dict.fromkeys(" ".join(text.split()) for text in (citation.title, citation.source))
    return f"[{citation.number}] {' — '.join(filter(None, named))}"


def _is_link(source: str) -> bool:
    return source.startswith(("https://", "http://"))
