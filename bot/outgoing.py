"""Single messages: which ones a reply is, what a first send shows, what tells one from another. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from bot.enclosures import Enclose, named
from bot.markup import Rendered, parts
from bot.types import NO_THOUGHTS, Capabilities, Delivery, Outgoing, Reply

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
    end: tuple[object, ...] = ()
    if caps.tells_end:
        end = (out.final, out.finish_reason, out.citations)
    if out.thoughts != NO_THOUGHTS:
        end = (*end, out.thoughts)
    return _hash((out.text, out.buttons, out.activity if caps.activity else "", end))


def messages(reply: Reply, caps: Capabilities, enclose: Enclose | None) -> list[Outgoing]:
    """Those that are the reply: its text in parts, then its attachments. Thoughts go with the first of the
    text, its end with the last."""
    attached = [Outgoing("", "", attachment=a) for a in reply.attachments if caps.attachments]
    text = reply.text
    if reply.attachments and not attached:
        text = "\n\n".join([text, *(named(part) for part in reply.attachments)])
    rendered = parts(text, caps.markup, caps.text_limit)
    if enclose is not None:
        rendered, files = enclose.of(reply, rendered, caps.text_limit)
        attached += files
    shown = rendered or ([] if attached else [NOTHING])
    outs = [Outgoing(part.text, part.plain, markup=caps.markup) for part in shown]
    if outs:
        outs[-1] = replace(
            outs[-1],
            buttons=reply.buttons if caps.buttons else (),
            citations=reply.citations,
            finish_reason=reply.finish_reason,
            final=True,
        )
        outs[0] = replace(outs[0], thoughts=reply.thoughts if caps.thoughts else NO_THOUGHTS)
    return [replace(out, aside=reply.aside) for out in outs + attached]


def is_file(row: Delivery) -> bool:
    """Whether the message that is shown is a file, which no edit changes."""
    return row.digest.startswith(_FILE)


def _hash(shown: object) -> str:
    return hashlib.blake2b(repr(shown).encode(errors="replace"), digest_size=12).hexdigest()
