"""Counts are asked for once, all together, and never tell less than there is."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.counts import counted
from bot.prompt import bare, tokens_of
from bot.types import Message, Role, ToolCall
from tests.fakes import FakeClock
from tests.scripted import ScriptedModel


class Counting(ScriptedModel):
    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.asked: list[Sequence[str]] = []

    async def count(self, texts: Sequence[str]) -> list[int]:
        self.asked.append(texts)
        return await super().count(texts)


messages = st.builds(
    Message,
    st.just(Role.USER),
    st.text(max_size=60),
    context=st.text(max_size=60),
    tokens=st.integers(0, 60),
)


@given(st.lists(messages, max_size=8))
async def test_no_size_without_a_context_is_less_than_the_models_own_count(given: list[Message]) -> None:
    model = Counting()
    known = await counted(model, given)
    assert len(model.asked) <= 1
    for before, after in zip(given, known, strict=True):
        assert after.tokens == (before.tokens or model.tokens_per_text(before.content))
        assert after.context_tokens < after.tokens
        if before.context:
            assert tokens_of(bare(after)) >= model.tokens_per_text(before.text)
        else:
            assert after.context_tokens == 0


async def test_what_is_known_is_not_asked_for() -> None:
    model = Counting()
    known = [
        Message(Role.USER, "q", context="c", tokens=9, context_tokens=4),
        Message(Role.ASSISTANT, "a", tokens=3),
    ]
    assert await counted(model, known) == known
    assert model.asked == []


async def test_a_tool_call_counts_with_its_name_and_arguments() -> None:
    model = Counting()
    (known,) = await counted(
        model, [Message(Role.ASSISTANT, "Wait.", tool_calls=(ToolCall("1", "look", "{}"),))]
    )
    assert model.asked == [["Wait.look{}"]]
    assert known.tokens > 0
