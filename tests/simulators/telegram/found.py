"""What Telegram marks in a text by itself: mentions, commands, hashtags, links, addresses, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.simulators.telegram.entity import Entity, units

_TLD = (
    "com|org|net|edu|gov|io|dev|app|ai|me|info|biz|tv|cc|co|xyz|site|online|de|fr|es|it|ru|ua|uk|us|cn|jp|eu"
)
_PATTERNS = (
    ("mention", re.compile(r"(?<![\w])@[a-zA-Z0-9_]{4,32}(?!\w)")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z0-9_]{3,32})?(?![\w/<>@])")),
    ("hashtag", re.compile(r"(?<![\w·])#(?=\w*[^\W\d_])\w{1,256}(?:@[a-zA-Z0-9_]{3,32})?(?![\w#])")),
    ("cashtag", re.compile(r"(?<![\w$])\$[A-Z][A-Z0-9]{2,7}(?!\w)")),
    ("email", re.compile(r"(?<![\w.+@-])[\w.+-]{1,64}@(?:[a-z0-9-]+\.)+[a-z]{2,10}(?![\w@])", re.I)),
    (
        "url",
        re.compile(
            r"(?<![\w@.])(?:https?|ftp)://(?:[^\s/?#<>\"@]+@)?(?:[\w-]+\.)+\w{2,}(?::\d+)?(?:[/?#][^\s<>\"«»]*)?",
            re.I,
        ),
    ),
    (
        "url",
        re.compile(
            rf"(?<![\w@./-])(?:[\w-]+\.)+(?:{_TLD})(?![\w.@-]*@)(?!\w)(?::\d+)?(?:[/?#][^\s<>\"«»]*)?", re.I
        ),
    ),
    ("phone_number", re.compile(r"(?<![\w+])\+\d{10,15}(?!\w)")),
)
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def found_entities(text: str) -> list[Entity]:
    """In order; of two that overlap, the one that begins first, then the longer one."""
    spans = sorted(_spans(text), key=lambda s: (s[1], -s[2]))
    entities, last = [], 0
    for kind, start, end in spans:
        if start >= last:
            entities.append(Entity(kind, units(text[:start]), units(text[start:end])))
            last = end
    return entities


def _spans(text: str) -> Iterator[tuple[str, int, int]]:
    if not re.search(r"[@/#$.+]", text):
        return
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            end = match.end() if kind != "url" else match.start() + len(_url(match[0]))
            yield kind, match.start(), end


def _url(found: str) -> str:
    """A link without the brackets and the punctuation that close the sentence around it."""
    depth = dict.fromkeys(_BRACKETS.values(), 0)
    for at, character in enumerate(found):
        if character in depth:
            depth[character] += 1
        elif opening := _BRACKETS.get(character):
            depth[opening] -= 1
            if depth[opening] < 0:
                found = found[:at]
                break
    return found.rstrip(".:;,('?!`")
