"""Small ways to ask a model, shared by the tests of real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from bot.ports import Model
from bot.types import Message, ModelRequest, Role, Sampling, Usage

GREEDY = Sampling(temperature=0.0, max_tokens=48)
QUESTION = "How do I connect Telegram? 怎么连接 Telegram？"
BLOCK = 128
"""Tokens in a block of vLLM's cache on a CPU: a prefix is found in whole blocks."""


@dataclass(frozen=True)
class Answer:
    text: str
    usage: Usage
    finish_reason: str
    pieces: int


def ask(text: str = QUESTION, sampling: Sampling = GREEDY, **changes: Any) -> ModelRequest:
    """A request of one question."""
    return replace(ModelRequest((Message(Role.USER, text),), sampling), **changes)


async def answer(model: Model, request: ModelRequest) -> Answer:
    """The whole stream. The last usage and finish reason count."""
    pieces, usage, reason = [], Usage(), ""
    async with aclosing(model.stream(request)) as stream:
        async for chunk in stream:
            pieces += [chunk.text] if chunk.text else []
            usage = chunk.usage or usage
            reason = chunk.finish_reason or reason
    return Answer("".join(pieces), usage, reason, len(pieces))


async def beginning(model: Model, request: ModelRequest, pieces: int) -> str:
    """The first `pieces` pieces of text; the rest is aborted."""
    text = ""
    async with aclosing(model.stream(request)) as stream:
        async for chunk in stream:
            text += chunk.text
            pieces -= bool(chunk.text)
            if pieces <= 0:
                return text
    raise AssertionError(f"the answer ended after {text!r}")


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
    """Ask a server outside this process again and again until `holds` is true."""
    for _ in range(int(seconds / 0.05)):
        if await holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds:g} s")
