"""Single messages: what the first send shows, and what tells one message from another. Pure."""

from __future__ import annotations

import hashlib

from bot.markup import Rendered
from bot.types import Capabilities, Delivery, Outgoing

PLACEHOLDER = "…"
OPENING = 80
"""Characters of a text that its first send shows at most, where that can be doubled."""
NOTHING = Rendered(PLACEHOLDER, PLACEHOLDER)
"""For a text of which nothing can be seen."""
_FILE = "file:"


def opening(out: Outgoing) -> Outgoing:
    """The text's first words, at most half of it."""
    line = " ".join(out.plain.split())
    words = line[: min(OPENING, len(line) // 2)].rpartition(" ")[0]
    text = f"{words} {PLACEHOLDER}" if words else PLACEHOLDER
    return Outgoing(text, text)


def digest(out: Outgoing, caps: Capabilities) -> str:
    """Stands for what people see of the message."""
    if out.attachment is not None:
        return _FILE + _hash((out.text, out.attachment))
    end = (out.final, out.finish_reason, out.citations) if caps.tells_end else ()
    return _hash((out.text, out.buttons, out.activity if caps.activity else "", end))


def is_file(row: Delivery) -> bool:
    """Whether the message that is shown is a file, which no edit changes."""
    return row.digest.startswith(_FILE)


def _hash(shown: object) -> str:
    return hashlib.blake2b(repr(shown).encode(errors="replace"), digest_size=12).hexdigest()
