"""Random Markdown on its whole road to Telegram: everything arrives, and nothing is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from adapters.telegram.adapter import TelegramAdapter
from adapters.telegram.deps import Limits
from bot.delivery import PLACEHOLDER
from bot.markup import parts, plain_text, utf16_length
from bot.types import Address, Markup
from tests.adapters.telegram_core import Core
from tests.e2e import long_answers, random_markdown
from tests.e2e.random_markdown import PROSE, STEPS, TABLED, Seen, deliver, missing
from tests.e2e.telegram_service import calm

LIMIT = 4096
UNHURRIED = Limits((), (), (), 0.0, 0.0)
DROPPED = re.compile("[\u2028-\u202e\u0333\u033f\u030a]")
"""What Telegram takes out of every text."""


async def delivered(text: str, steps: list[float], *, group: bool) -> list[str]:
    """The bot's messages in the end. Telegram took all of them, and what came before, at once."""
    async with calm() as tg:
        ann = tg.person("Ann")
        chat = (await tg.supergroup("friends", ann)).chat if group else ann.chat
        question = await ann.say("Tell me.", chat=chat)
        adapter = TelegramAdapter(Core().deps(tg, limits=UNHURRIED))
        address = Address("telegram", "", str(chat.id))
        try:
            await deliver(text, steps, adapter.channel, address, str(question.id), seen=Seen(tg, chat))
        finally:
            await adapter.aclose()
        assert tg.errors == []
        for call in tg.log:
            if call.method in ("editMessageText", "sendMessageDraft"):
                assert call.arguments["parse_mode"] == "HTML", call
        assert all(utf16_length(sight.text) <= LIMIT for sight in chat.sights)
        assert (chat.drafts == []) or not group
        return chat.texts


def visible(text: str) -> str:
    return random_markdown.visible(DROPPED.sub("", text))


@pytest.mark.parametrize("length", [3_000, 30_000])
async def test_a_long_answer_arrives_whole(length: int) -> None:
    text = long_answers.answer(length)
    seen = await delivered(text, [0.1, 0.4, 0.8], group=False)
    assert len(seen) <= 2 + 2 * len(text) // LIMIT
    long_answers.check(seen, text)
    assert all(line in "\n".join(seen) for line in long_answers.code_lines(text))


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
    assert not missing(seen, DROPPED.sub("", text))
