"""Random Markdown on its whole road to Discord: everything arrives, and nothing is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.deps import Limits
from bot.delivery import PLACEHOLDER
from bot.markup import parts, plain_text, utf16_length
from bot.types import Markup
from tests.adapters.discord_core import Core, at, simulated
from tests.e2e import long_answers
from tests.e2e.random_markdown import PROSE, STEPS, TABLED, Seen, deliver, missing, visible
from tests.unit.discord_reader import read
from tests.unit.markup_checks import check_discord

LIMIT = 2000
FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
BRACKETS = str.maketrans("", "", "[]")
"""Of a link's text with brackets that do not pair, Discord takes another bracket for the link's first."""
UNHURRIED = Limits((), (), 0.0)


async def delivered(text: str, steps: list[float], *, group: bool) -> list[str]:
    """The bot's messages in the end, as they are written. Discord took all of them, and what came
    before, at once."""
    async with simulated() as dc:
        ann = dc.person("Ann")
        channel = (await dc.guild("friends", ann)).general if group else ann.channel
        question = await ann.say("Tell me.", channel=channel)
        adapter = DiscordAdapter(Core().deps(dc, limits=UNHURRIED))
        seen = Seen(dc, channel)
        try:
            await deliver(text, steps, adapter.channel, at(channel.id, dc), str(question.id), seen=seen)
        finally:
            await adapter.aclose()
        assert dc.errors == []
        assert all(call.status < 300 for call in dc.log)
        assert all(utf16_length(sight.text) <= LIMIT for sight in channel.sights)
        for message in channel.answers:
            check_discord(message.content)
        return [message.content for message in channel.answers]


def words(text: str) -> str:
    return visible(text).translate(BRACKETS)


@pytest.mark.parametrize("length", [3_000, 30_000])
async def test_a_long_answer_arrives_whole(length: int) -> None:
    text = long_answers.answer(length)
    seen = await delivered(text, [0.1, 0.4, 0.8], group=False)
    assert len(seen) <= 2 + 2 * len(text) // LIMIT
    long_answers.check(seen, text)
    fenced = [match for content in seen for match in FENCED.finditer(content)]
    code = "".join(f["text"] for f in fenced if f["language"] == "python")
    assert code.replace("\u200b", "").splitlines() == long_answers.code_lines(text)


@pytest.mark.parametrize("group", [False, True], ids=["private", "guild"])
@given(text=PROSE, steps=STEPS)
@settings(max_examples=25)
async def test_what_arrives_is_the_visible_text(group: bool, text: str, steps: list[float]) -> None:
    seen = await delivered(text, steps, group=group)
    assert words("\n".join(map(read, seen))) == words(plain_text(text))


@pytest.mark.parametrize("group", [False, True], ids=["private", "guild"])
@given(text=TABLED, steps=STEPS)
@settings(max_examples=12)
async def test_tables_arrive_as_they_are_drawn(group: bool, text: str, steps: list[float]) -> None:
    seen = [read(content) for content in await delivered(text, steps, group=group)]
    drawn = [part.plain for part in parts(text, Markup.DISCORD, LIMIT)]
    assert [words(s) for s in seen] == [words(d) for d in drawn or [PLACEHOLDER]]
    assert not missing(seen, text)
