"""Counting: exact where the server can, cautious where it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import SystemClock
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.tokens import OVERHEAD, estimate
from inference.wire import Endpoint
from tests.simulators.openai import Server


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The quick brown fox jumps", 6, 8),
        ("你好世界", 4, 5),
        ("12345", 3, 5),
        ("Привет, мир", 4, 9),
        ("🙂", 1, 4),
    ],
)
def test_the_estimate_is_near_what_tokenizers_say(text: str, least: int, most: int) -> None:
    assert least <= estimate(text) <= most


@given(st.text(), st.text())
def test_the_estimate_grows_with_the_text_and_never_passes_its_bytes(one: str, other: str) -> None:
    assert estimate(one) <= estimate(one + other)
    assert estimate(one) <= len(one.encode(errors="surrogatepass"))
    assert estimate(one) >= len(one) / 4


async def test_the_template_is_measured_once() -> None:
    async with Server().lifespan() as server, Http().lifespan() as http:
        model = OpenAIModel(Endpoint(server.url), http, SystemClock())
        first = await model.count(["hello", "hello"])
        asked = len(server.requests)
        assert await model.count(["hello"]) == first[:1]
        assert len(server.requests) == asked + 1


async def test_a_server_that_went_away_is_no_error() -> None:
    async with Http().lifespan() as http:
        async with Server().lifespan() as server:
            model = OpenAIModel(Endpoint(server.url), http, SystemClock())
            await model.window()
        assert await model.count(["hello there"]) == [estimate("hello there") + OVERHEAD]
        assert await model.window() == server.window
