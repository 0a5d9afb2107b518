"""An outgoing message as Discord's fields: text, buttons, citations. Pure.

https://discord.com/developers/docs/resources/message: 2,000 characters, markup counted; five rows of
five buttons.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from bot.markup import utf16_length
from bot.markup.discord import Discord
from bot.types import Button, Citation, Markup, Outgoing

TEXT_LIMIT, DATA_LIMIT, LABEL_LIMIT, MOST_BUTTONS, URL_LIMIT = 2000, 100, 80, 25, 512
NO_PREVIEW, ASIDE = 1 << 2, 1 << 6
"""Flags of a message: links show nothing of their pages; only one person sees it."""
NOBODY: dict[str, Any] = {"parse": [], "replied_user": False}
"""Whom a text may call: whatever it says, nobody."""
PLACEHOLDER = "…"
"""For a text of which nothing can be seen."""
_ROW = 5
_BUTTON, _LINK = 2, 5
_TITLE = 120
_KEEP = re.compile(r"(```.*?```|``.*?``|`[^`\n]*`|\[[^\]\n]*\]\(<?[^)\n]*>?\)|<https?://[^>\s]*>)", re.DOTALL)
_MARKER = re.compile(r"(?<!\\)\[(\d{1,3})\](?!\()")
_URL = re.compile(r"(?<![<\w])https?://[^\s<>\"]+")


def body_of(out: Outgoing) -> dict[str, Any]:
    """What a message is made of, or changed to."""
    content = _content(out)
    return {
        "content": content,
        "components": rows(out.buttons),
        "allowed_mentions": NOBODY,
        "flags": 0 if previews_link(content) else NO_PREVIEW,
    }


def calling(body: dict[str, Any], user: str) -> dict[str, Any]:
    """The same to one person, who is called; without their name where it has no room."""
    content = f"<@{user}> {body['content']}"
    if utf16_length(content) > TEXT_LIMIT:
        return body
    return {**body, "content": content, "allowed_mentions": {**NOBODY, "users": [user]}}


def keyed(body: dict[str, Any], key: str) -> dict[str, Any]:
    """The same with what tells, minutes later, that it was sent for this key (a nonce), and what tells
    it for good: the id of its first row of buttons, if it has any. It shows in no app."""
    first, *others = body["components"] or ({},)
    marked = [{**first, "id": mark_of(key)}, *others] if first else []
    return {**body, "components": marked, "nonce": nonce_of(key), "enforce_nonce": True}


def mark_of(key: str) -> int:
    """A positive number of 31 bits, far from those that Discord gives by itself."""
    digest = hashlib.blake2b(key.encode(errors="replace"), digest_size=4).digest()
    return int.from_bytes(digest) >> 2 | 1 << 30


def nonce_of(key: str) -> str:
    """At most 25 characters, the same for a key."""
    return hashlib.blake2b(key.encode(errors="replace"), digest_size=12).hexdigest()


def previews_link(content: str) -> bool:
    """Whether a link may show its page: only if it is the one there is."""
    return len(set(_URL.findall(_KEEP.sub("", content)))) == 1


def rows(buttons: Sequence[Button]) -> list[dict[str, Any]]:
    """Rows of at most five. What Discord would refuse (longer data than 100) is left out."""
    keys = [key for button in buttons for key in _key(button)][:MOST_BUTTONS]
    return [{"type": 1, "components": keys[i : i + _ROW]} for i in range(0, len(keys), _ROW)]


def _key(button: Button) -> Iterator[dict[str, Any]]:
    label = button.label[:LABEL_LIMIT] or PLACEHOLDER
    if button.url:
        if len(button.url) <= URL_LIMIT:
            yield {"type": 2, "style": _LINK, "label": label, "url": button.url}
    elif 0 < len(button.data) <= DATA_LIMIT:
        yield {"type": 2, "style": _BUTTON, "label": label, "custom_id": button.data}


def _content(out: Outgoing) -> str:
    """Without text, what the assistant is doing. Discord takes no empty message."""
    marked = out.markup is Markup.DISCORD
    if not out.text.strip():
        activity = Discord().text(" ".join(out.activity.split()))
        return f"*{activity}*"[:TEXT_LIMIT] if activity else PLACEHOLDER
    if not (out.final and out.citations):
        return out.text
    text = _linked(out) if marked else out.text
    lines = list(_sources(out, marked, TEXT_LIMIT - utf16_length(text) - 1))
    return "\n".join([text, *lines])


# citations


def _linked(out: Outgoing) -> str:
    """The markers as links, as many as have room; the text is as before, and whole."""
    room = TEXT_LIMIT - utf16_length(out.text)
    links = {c.number: f"[[{c.number}]](<{url}>)" for c in out.citations if (url := _address(c.source))}

    def link(marker: re.Match[str]) -> str:
        nonlocal room
        shown = links.get(int(marker[1]), marker[0])
        cost = utf16_length(shown) - len(marker[0])
        if cost > room:
            return marker[0]
        room -= cost
        return shown

    pieces = _KEEP.split(out.text)
    return "".join(piece if i % 2 else _MARKER.sub(link, piece) for i, piece in enumerate(pieces))


def _sources(out: Outgoing, marked: bool, room: int) -> Iterator[str]:
    """A small line for each source that has room."""
    for citation in out.citations:
        line = _source(citation, marked)
        if utf16_length(line) < room:
            room -= utf16_length(line) + 1
            yield line


def _source(citation: Citation, marked: bool) -> str:
    title, source = (" ".join(text.split()) for text in (citation.title, citation.source))
    if not marked:
        return f"[{citation.number}] {' — '.join(dict.fromkeys(filter(None, (title, source))))}"
    style, address = Discord(), _address(source)
    name = style.text((title or source)[:_TITLE])
    if address:
        return f"-# [{citation.number}] [{name.replace('[', '(').replace(']', ')')}](<{address}>)"
    named = " — ".join(dict.fromkeys(filter(None, (name, style.text(source[:_TITLE])))))
    return f"-# [{citation.number}] {named}"


def _address(source: str) -> str:
    """The source as a link's target; "" if it is no address on the web."""
    if not source.startswith(("https://", "http://")) or re.search(r"[\s<>]", source):
        return ""
    return source
