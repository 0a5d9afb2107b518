"""A person's export as one JSON text, written as it is read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from bot.types import Exported

_encode = msgspec.json.Encoder().encode


async def json_text(pieces: AsyncIterator[Exported]) -> AsyncGenerator[bytes]:
    """An object with a member for each name, a row on each line. Where the pieces break off, the text
    does, too: it is no JSON then."""
    opened, close, comma = "", b"", b""
    async for piece in pieces:
        if piece.name != opened:
            start = close + b",\n " if opened else b"{\n "
            brackets = b"{}" if isinstance(piece.more, Mapping) else b"[]"
            opened, close, comma = piece.name, brackets[1:], b"\n  "
            yield start + _encode(opened) + b": " + brackets[:1]
        if piece.more:
            yield comma + b",\n  ".join(_lines(piece.more))
            comma = b",\n  "
    yield close + b"\n}\n" if opened else b"{}\n"


def _lines(more: Sequence[Any] | Mapping[str, Any]) -> list[bytes]:
    if isinstance(more, Mapping):
        return [b"%s: %s" % (_encode(key), _encode(value)) for key, value in more.items()]
    return [_encode(row) for row in more]
