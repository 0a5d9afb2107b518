"""Long random Markdown, and its whole road through the core to a simulated chat; for any platform."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import Protocol

from hypothesis import strategies as st

from bot.clock import SystemClock
from bot.delivery import PLACEHOLDER, Courier
from bot.markup import parts, plain_text
from bot.pacing import Pacer
from bot.ports import Channel
from bot.types import Address, Reply
from tests.fakes import FakeTelemetry, FakeTurns, Memory
from tests.unit.markup_checks import marks_removed
from tests.unit.markup_texts import WORDS, documents, tables, texts

LONGEST = 20_000
BLANK = "\u2800\u3164\ufffc"
"""Symbols and letters without a shape."""

ODD = st.one_of(
    WORDS,
    st.sampled_from(
        [
            *("\u200f\u202eabc\u202c", "a\u2028b", "A\u030a", "\u3164", "\u2800", "\ufeff", "\ud800", "\t"),
            *("```", "````", "</pre>", "</code></b>", "&lt;&#60;", "&nbsp;", "<!-- -->", "<tg-spoiler>", '"'),
            *("@tertulia_bot", "#tag", "/start", "$USD", "me@e.example", "+1 (555) 555-0100", "1.2.3.4"),
            *("שלום **עולם** 123", "١٢٣", "👨🏽‍🚀", "한국어", "\u0e01\u0e49\u0e33", "x" * 300, "字" * 300),
            "https://e.example/a_(b)?q=<x>&y='z'#é",
        ]
    ),
)
URLS = st.sampled_from(
    [
        *("https://e.example", "https://e.example/ü?a=b&c=\"d'", "http://[::1]:80/", "tg://user?id=1"),
        *("mailto:me@e.example", "https://", "http://localhost/x", "https://e.example/%00%zz", "ftp://e.x"),
        *("https://e.example/" + "long/" * 600, "https://user:pass@e.example:8443/a b", "relative/path#x"),
    ]
)
LINKS = st.tuples(ODD, URLS).map(lambda pair: f"[{pair[0]}](<{pair[1]}>)")
FENCES = st.tuples(st.sampled_from(["", "py", "c++ <b>", "中文", "`x"]), st.lists(ODD, max_size=12)).map(
    lambda pair: f"````{pair[0]}\n" + "\n  ".join(pair[1]) + "\n\n\n````"
)
STYLED = st.integers(50, 400).map(lambda n: " ".join(f"**b{i}** *i{i}* `c{i}`" for i in range(n)))
BLOCKS = st.one_of(texts(ODD), FENCES, STYLED, st.lists(LINKS, min_size=1, max_size=9).map(" ".join))


def repeated(blocks: list[str], times: int) -> str:
    """The blocks over and over, as long as answers get."""
    return "\n\n".join(islice(cycle(blocks), times))[:LONGEST]


PROSE = st.builds(repeated, st.lists(BLOCKS, min_size=1, max_size=6), st.integers(1, 80))
TABLED = st.builds(
    repeated, st.lists(st.one_of(tables(ODD), documents(ODD)), min_size=1, max_size=4), st.integers(1, 30)
)
STEPS = st.lists(st.floats(0, 1), max_size=5).map(sorted)


class Platform(Protocol):
    """A simulator."""

    async def until(self, predicate: Callable[[], bool], within: float = ...) -> bool: ...


class Chat(Protocol):
    """`sights` are what people have seen in it, one by one."""

    @property
    def sights(self) -> Sequence[object]: ...


async def deliver(
    text: str, steps: list[float], channel: Channel, address: Address, question: str, *, seen: Seen
) -> None:
    """One answer grows by these steps, each seen where it shows anything new, and is whole in the end."""
    clock = SystemClock()
    courier = Courier(FakeTurns(Memory(), clock), Pacer(clock), clock, FakeTelemetry())
    before: list[str] = []
    async with courier.begin(channel, address, "turn", question) as shown:
        for step in steps:
            begun = text[: int(len(text) * step)]
            now = written(begun, channel, address)
            count = seen.count
            shown.show(begun)
            if now and now != before:
                before = now
                await seen.more_than(count)
        await shown.finish(Reply(text))


class Seen:
    """What people see of a chat."""

    def __init__(self, platform: Platform, chat: Chat) -> None:
        self._platform = platform
        self._chat = chat

    @property
    def count(self) -> int:
        return len(self._chat.sights)

    async def more_than(self, count: int) -> None:
        await self._platform.until(lambda: self.count > count)


def written(text: str, channel: Channel, address: Address) -> list[str]:
    """The parts of a text as they are written to this chat."""
    can = channel.capabilities(address)
    return [part.text for part in parts(text, can.markup, can.text_limit)]


def visible(text: str) -> str:
    """What a person can see of it, without the marks before blocks and that for nothing at all."""
    shown = marks_removed(text).replace(PLACEHOLDER, "")
    return "".join(c for c in shown if unicodedata.category(c)[0] not in "CZ" and c not in BLANK)


def missing(seen: Sequence[str], text: str) -> set[str]:
    """Characters of a text with tables that were seen less often than it has them."""
    shown, wanted = Counter("".join(seen)), Counter(visible(plain_text(text)))
    return {c for c in wanted if wanted[c] > shown[c] and c not in "-+:|>•"}
