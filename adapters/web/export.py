"""A conversation as a file to keep: Markdown to read, JSON for a program."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

import msgspec

from adapters.web.history import Asked, Fate, own_words
from bot.types import Conversation

Format = Literal["markdown", "json"]
TYPES: Mapping[Format, tuple[str, str]] = {
    "markdown": ("text/markdown; charset=utf-8", "md"),
    "json": ("application/json", "json"),
}
FATES: Mapping[Fate, str] = {
    "waits": "taken",
    "later": "taken.later",
    "unanswered": "taken.unanswered",
}
"""The word that says what became of a question that was kept for a person."""
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff/\\:*?"<>|]+')
_encode = msgspec.json.Encoder().encode


def disposition(title: str, ending: str) -> str:
    """A header by which a browser keeps the file under a name that is safe everywhere (RFC 6266)."""
    name = _UNSAFE.sub(" ", title).strip(" .")[:80].strip() or "conversation"
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "conversation"
    return f"attachment; filename=\"{plain}.{ending}\"; filename*=UTF-8''{quote(f'{name}.{ending}', safe='')}"


async def markdown(
    conversation: Conversation, turns: AsyncIterator[Asked], words: Mapping[str, str], name: str
) -> AsyncGenerator[bytes]:
    """`words`: the page's."""
    yield f"# {_line(conversation.title) or words['untitled']}\n".encode()
    async for row in turns:
        yield _section(row, words, name).encode()


def _section(row: Asked, words: Mapping[str, str], name: str) -> str:
    at = _time(row.turn.started_at)
    files = [f"- {_line(part.name)}" for part in row.question.attachments]
    asked = "\n".join((own_words(row.question), *files)).strip()
    cited = [
        f"[{c.number}] {_line(c.title or c.source)} ({_line(c.source)})\n> "
        + "\n> ".join(c.quote.splitlines())
        for c in row.turn.citations
    ]
    said = "\n\n".join(filter(None, (row.turn.text, *cited)))
    return "".join(
        (
            f"\n## {words['you']} · {at}\n\n{asked}\n" if asked else "",
            f"\n## {name}\n\n{said}\n" if said else "",
            f"\n*{words[FATES[row.fate]]}*\n" if row.fate else "",
        )
    )


async def json_text(conversation: Conversation, turns: AsyncIterator[Asked]) -> AsyncGenerator[bytes]:
    head = {"title": conversation.title, "platform": conversation.address.platform}
    yield _encode(head)[:-1] + b',"turns":['
    comma = b""
    async for row in turns:
        turn = row.turn
        yield comma + _encode(
            {
                "asked_at": _time(turn.started_at),
                "question": own_words(row.question),
                "attachments": [part.name for part in row.question.attachments],
                "answer": turn.text,
                "fate": row.fate,
                "state": str(turn.state),
                "model": turn.model,
                "citations": [asdict(c) for c in turn.citations],
            }
        )
        comma = b","
    yield b"]}\n"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _line(text: str) -> str:
    return " ".join(text.split())
