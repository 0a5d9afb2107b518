"""How many tokens a text has: asked of the server, or estimated."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence

import msgspec

from bot.errors import ModelError
from inference.wire import Wire

OVERHEAD = 8
"""Tokens that a chat template adds to a message, where it cannot be measured."""
_AT_ONCE = 8
_PROBE = "x"
_EASY = re.compile(r"[A-Za-z\s]+")


def estimate(text: str) -> int:
    """A cautious guess without a tokenizer: a token for four Latin letters or blanks, one for each
    digit, mark, or CJK character, two for three letters of other alphabets, three for an emoji."""
    rest = _EASY.sub("", text)
    letters = len(text) - len(rest)
    if rest.isascii():
        return math.ceil(letters / 4) + len(rest)
    two = sum(1 for c in rest if "\x7f" < c < "\u0800")
    four = sum(1 for c in rest if c > "\uffff")
    return math.ceil(letters / 4 + (len(rest) - two - four) + two * 2 / 3 + four * 3)


class _Counted(msgspec.Struct):
    count: int


class Counter:
    """Counts through vLLM's `/tokenize`; the template's part is measured once per server.

    Where the server cannot be asked, it estimates. Never raises.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._overhead: dict[str, int] = {}
        self._calibrating = asyncio.Lock()

    async def count(self, texts: Sequence[str], model: str) -> list[int]:
        """Tokens of each text with its share of the template. The sum over the messages of a prompt
        (two or more) is at least the prompt's length, by a few tokens per message at most."""
        overhead = await self._template(model)
        counts = await asyncio.gather(*(self._text(text, model) for text in texts))
        return [overhead + (counts[i] or estimate(text)) for i, text in enumerate(texts)]

    async def _text(self, text: str, model: str) -> int | None:
        if not text:
            return None
        return await self._ask({"model": model, "prompt": text, "add_special_tokens": False})

    async def _template(self, model: str) -> int:
        async with self._calibrating:
            if model not in self._overhead:
                measured = await self._measure(model)
                if measured is None:
                    return OVERHEAD
                self._overhead[model] = measured
        return self._overhead[model]

    async def _measure(self, model: str) -> int | None:
        """The start and the generation prompt are shared between the first two messages; each
        further pair adds a user's and an assistant's frame. The larger share bounds every prompt."""
        roles = ("system", "user", "assistant", "user")
        one, two, four = await asyncio.gather(
            self._text(_PROBE, model), self._chat(roles[:2], model), self._chat(roles, model)
        )
        if one is None or two is None or four is None:
            return None
        return max(0, math.ceil((two - 2 * one) / 2), math.ceil((four - two - 2 * one) / 2))

    async def _chat(self, roles: Sequence[str], model: str) -> int | None:
        messages = [{"role": role, "content": _PROBE} for role in roles]
        return await self._ask({"model": model, "messages": messages, "add_generation_prompt": True})

    async def _ask(self, body: dict[str, object]) -> int | None:
        try:
            raw = msgspec.json.encode(body)
        except UnicodeEncodeError:  # lone surrogates have no tokens; the estimate counts them
            return None
        async with self._gate:
            try:
                status, answer = await self._wire.post(f"{self._wire.endpoint.root}/tokenize", raw)
                return msgspec.json.decode(answer, type=_Counted).count if status == 200 else None
            except (ModelError, msgspec.MsgspecError, UnicodeDecodeError):
                return None
