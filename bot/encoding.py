"""The text in a file's bytes, whatever wrote them. Pure."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMMON = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\u2010-\u2026\xb7]")
"""What texts in GB18030 are made of, beside ASCII."""
_LEAST_COMMON = 0.9
_SAMPLE = 65_536
_MANY_ZEROS = 0.3


def decoded(content: bytes) -> tuple[str, bool]:
    """The text, and whether it is sure that it reads so: by its byte order mark, else as UTF-16, UTF-8 or
    GB18030 (as Chinese Windows writes), else, unsure, as Windows-1252. Never fails."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content.decode(name, errors="replace"), True
    for name in (_wide(content), "utf-8", "gb18030"):
        try:
            text = content.decode(name) if name else ""
        except UnicodeDecodeError:
            continue
        if name and (name != "gb18030" or _chinese(text)):
            return text, True
    return content.decode("cp1252", errors="replace"), False


def _wide(content: bytes) -> str:
    """UTF-16 by where its zeros are; "" if it is none."""
    head = content[:_SAMPLE]
    most = _MANY_ZEROS * len(head) / 2
    if len(content) % 2 or not head:
        return ""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > most > even:
        return "utf-16-le"
    return "utf-16-be" if even > most > odd else ""


def _chinese(text: str) -> bool:
    foreign = [char for char in text[:_SAMPLE] if not char.isascii()]
    common = sum(_COMMON.match(char) is not None for char in foreign)
    return common >= _LEAST_COMMON * len(foreign)
