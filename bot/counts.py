"""Counts of tokens that are missing, asked of the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.ports import Model
from bot.prompt import bare
from bot.types import Message


async def counted(model: Model, messages: Sequence[Message]) -> list[Message]:
    """The messages, each with all its counts. The model is asked once, and only for what is missing.

    What of a count goes with the context is what the text alone leaves of it. So the text's size
    without its context is the model's own count of it, never less, and stays unknown where
    the whole is not known to be more.
    """
    missing = list(dict.fromkeys(text for m in messages for text in _missing(m)))
    if not missing:
        return list(messages)
    counts = dict(zip(missing, await model.count(missing), strict=True))
    return [_with(m, counts) for m in messages]


def _missing(message: Message) -> Iterator[str]:
    if not message.tokens:
        yield _text(message)
    if message.context and not message.context_tokens:
        yield _text(bare(message))


def _with(message: Message, counts: dict[str, int]) -> Message:
    tokens = message.tokens or counts[_text(message)]
    context = message.context_tokens
    if message.context and not context:
        context = max(0, tokens - counts[_text(bare(message))])
    return replace(message, tokens=tokens, context_tokens=context)


def _text(message: Message) -> str:
    """All of a message that becomes tokens."""
    return message.content + "".join(call.name + call.arguments for call in message.tool_calls)
