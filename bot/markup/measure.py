"""How long and how wide text is."""

from __future__ import annotations

import unicodedata

_BLANKS = "\u115f\u1160\u2800\u3164\uffa0\ufffc"
"""Letters and symbols that show nothing: Hangul fillers, the empty Braille pattern, the place of an
object that is not there."""
_NOTHING = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Me"})


def utf16_length(text: str) -> int:
    """The number of UTF-16 code units, which is what Telegram and Discord count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def columns(text: str) -> int:
    """The width in a fixed-pitch font: wide East Asian characters take 2 columns, marks none."""
    return len(text) if text.isascii() else sum(map(_column, text))


def visible(text: str) -> bool:
    """Whether anything shows: a character that is no blank, no control or format character, and no
    mark (alone, it has nothing to stand on)."""
    return any(unicodedata.category(char) not in _NOTHING and char not in _BLANKS for char in text)


def _column(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
