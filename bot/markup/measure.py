"""How long and how wide text is."""

from __future__ import annotations

import unicodedata


def utf16_length(text: str) -> int:
    """The number of UTF-16 code units, which is what Telegram and Discord count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def columns(text: str) -> int:
    """The width in a fixed-pitch font: wide East Asian characters take 2 columns, marks none."""
    return len(text) if text.isascii() else sum(map(_column, text))


def _column(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
