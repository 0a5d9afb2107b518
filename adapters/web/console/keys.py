"""Where a list goes on, as one word of an address: text, numbers, or several of them."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

T = TypeVar("T")


def packed(*key: float | str) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def unpacked(word: str, type: type[T]) -> T | None:
    """What was packed, as a tuple of this type; None if this is no such word, or holds a number
    that no database takes."""
    try:
        found = msgspec.json.decode(urlsafe_b64decode(word + "=" * (-len(word) % 4)), type=type)
    except (ValueError, msgspec.MsgspecError):
        return None
    numbers = [part for part in found if isinstance(part, int)] if isinstance(found, tuple) else []
    return found if all(abs(number) < 2**63 for number in numbers) else None
