"""Random Markdown on its whole road to Telegram: everything arrives, and nothing is refused."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.adapter import TelegramAdapter
from adapters.telegram.deps import Limits
from bot.clock import SystemClock
from bot.delivery import PLACEHOLDER, Courier
from bot.markup import parts, plain_text, utf16_length
from bot.pacing import Pacer
from bot.types import Address, Markup, Reply
from tests.adapters.telegram_core import Core
from tests.e2e.telegram_service import calm
from tests.fakes import FakeTelemetry, FakeTurns, Memory
from tests.simulators.telegram import Chat, Telegram
from tests.unit.markup_checks import marks_removed
from tests.unit.markup_texts import WORDS, documents, tables, texts

LIMIT = 4096
UNHURRIED = Limits((), (), (), 0.0, 0.0)
LONGEST = 20_000
DROPPED = re.compile("[\u2028-\u202e\u0333\u033f\u030a]")
"""What Telegram takes out of every text."""
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


class Delivery:
    """One answer on its way to one chat, over the real channel and the library."""

    def __init__(self, tg: Telegram, chat: Chat, question: int) -> None:
        self._tg = tg
        self._chat = chat
        self._question = str(question)
        self._written: list[str] = []
        self._adapter = TelegramAdapter(Core().deps(tg, limits=UNHURRIED))
        clock = SystemClock()
        self._courier = Courier(FakeTurns(Memory(), clock), Pacer(clock), clock, FakeTelemetry())

    async def run(self, text: str, steps: list[float]) -> None:
        address = Address("telegram", "", str(self._chat.id))
        channel = self._adapter.channel
        try:
            async with self._courier.begin(channel, address, "turn", self._question) as shown:
                for step in steps:
                    begun = text[: int(len(text) * step)]
                    shown.show(begun)
                    await self._seen(html(begun))
                await shown.finish(Reply(text))
        finally:
            await self._adapter.aclose()

    async def _seen(self, written: list[str]) -> None:
        """Wait until people see something of it, where there is anything new to see."""
        if written and written != self._written:
            self._written, sights = written, len(self._chat.sights)
            await self._tg.until(lambda: len(self._chat.sights) > sights)


def html(text: str) -> list[str]:
    return [part.text for part in parts(text, Markup.TELEGRAM_HTML, LIMIT)]


async def delivered(text: str, steps: list[float], *, group: bool) -> list[str]:
    """The bot's messages in the end. Telegram took all of them, and what came before, at once."""
    async with calm() as tg:
        ann = tg.person("Ann")
        chat = (await tg.supergroup("friends", ann)).chat if group else ann.chat
        question = await ann.say("Tell me.", chat=chat)
        await Delivery(tg, chat, question.id).run(text, steps)
        assert tg.errors == []
        for call in tg.log:
            if call.method in ("editMessageText", "sendMessageDraft"):
                assert call.arguments["parse_mode"] == "HTML", call
        assert all(utf16_length(sight.text) <= LIMIT for sight in chat.sights)
        assert (chat.drafts == []) or not group
        return chat.texts


def visible(text: str) -> str:
    """What a person can see of it, without the marks before blocks and that for nothing at all."""
    shown = marks_removed(DROPPED.sub("", text)).replace(PLACEHOLDER, "")
    return "".join(c for c in shown if unicodedata.category(c)[0] not in "CZ" and c not in BLANK)


@pytest.mark.parametrize("group", [False, True], ids=["private", "group"])
@given(text=PROSE, steps=STEPS)
@settings(max_examples=25)
async def test_what_arrives_is_the_visible_text(group: bool, text: str, steps: list[float]) -> None:
    seen = await delivered(text, steps, group=group)
    assert visible("\n".join(seen)) == visible(plain_text(text))


@pytest.mark.parametrize("group", [False, True], ids=["private", "group"])
@given(text=TABLED, steps=STEPS)
@settings(max_examples=12)
async def test_tables_arrive_as_they_are_drawn(group: bool, text: str, steps: list[float]) -> None:
    seen = await delivered(text, steps, group=group)
    drawn = [part.plain for part in parts(text, Markup.TELEGRAM_HTML, LIMIT)]
    assert [visible(s) for s in seen] == [visible(d) for d in drawn or [PLACEHOLDER]]
    shown, wanted = Counter("".join(seen)), Counter(visible(plain_text(text)))
    assert not {c for c in wanted if wanted[c] > shown[c] and c not in "-+:|>•"}
