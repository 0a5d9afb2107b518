"""What a file is, by its content alone, and what its name may look like. Pure."""

from __future__ import annotations

import re
import unicodedata

IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""The only types that a browser may show in a page of ours: none of them can hold a script."""
UNKNOWN = "application/octet-stream"
MOST_NAME = 120
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def media_type(content: bytes) -> str:
    """The type by content; whatever is UTF-8 is `text/plain`, HTML and SVG too."""
    for beginning, found in _BEGINNINGS:
        if content.startswith(beginning):
            return found
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return UNKNOWN
    return UNKNOWN if _BINARY.search(content) else "text/plain"


def readable_name(name: str) -> str:
    """One line that shows what it is: no path, no control or direction marks, the end kept."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(
        c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    )
    shown = " ".join(kept.split()).strip(". ") or "file"
    if len(shown) <= MOST_NAME:
        return shown
    stem, dot, ending = shown.rpartition(".")
    short = dot + ending if stem and len(ending) <= 10 else ""
    return shown[: MOST_NAME - len(short) - 1] + "…" + short
