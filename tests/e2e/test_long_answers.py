"""On the page, answers of 3,000 and 30,000 characters with lists, tables and code arrive as they are."""

from __future__ import annotations

import pytest

from adapters.web.channel import WebChannel
from bot.clock import SystemClock
from bot.delivery import Courier
from bot.pacing import Pacer
from bot.types import Address, Reply
from tests.e2e.long_answers import answer
from tests.fakes import FakeTelemetry, FakeTurns, Memory


@pytest.mark.parametrize("length", [3_000, 30_000])
async def test_a_long_answer_arrives_whole(length: int) -> None:
    text, clock = answer(length), SystemClock()
    courier, channel = (
        Courier(FakeTurns(Memory(), clock), Pacer(clock), clock, FakeTelemetry()),
        WebChannel(clock),
    )
    async with courier.begin(channel, Address("web", "web", "visitor:talk"), "turn", "question") as shown:
        await shown.finish(Reply(text))
    assert channel.find("question").now.text == text
