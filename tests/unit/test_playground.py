"""Trials of models: what is asked, what is refused, and how they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.errors import FieldsRefused, ModelTimeout, ModelUnavailable
from bot.generation import Limits
from bot.playground import LONGEST, MOST_MESSAGES, Trials
from bot.sampling import SamplingSettings
from bot.types import Message, Role, Trial
from tests.fakes import FakeClock
from tests.scripted import OneModel, ScriptedModel, Step

LIMITS = Limits(first_chunk=10, stall=5, patience=0, tool_steps=0, max_answer=30)
QUESTION = Message(Role.USER, "What is a moon?")


def trials(*script: Step) -> tuple[Trials, ScriptedModel, FakeClock]:
    clock = FakeClock()
    model = ScriptedModel(clock, script) if script else ScriptedModel(clock)
    return Trials(OneModel(model), SamplingSettings(top_p=0.5), LIMITS, clock, salt="s"), model, clock


def trial(**changes: Any) -> Trial:
    given: dict[str, Any] = {"prompt": "Be brief.", "messages": (QUESTION,)}
    return Trial(**{**given, **changes})


async def said(desk: Trials, tried: Trial) -> tuple[str, str]:
    chunks = [chunk async for chunk in desk.run(tried)]
    return "".join(chunk.text for chunk in chunks), chunks[-1].finish_reason


async def test_the_model_is_asked_what_was_written_with_the_bots_sampling_below() -> None:
    desk, model, _ = trials()
    assert await said(desk, trial(sampling={"temperature": 0})) == ("echo: What is a moon?", "stop")
    (request,) = model.requests
    assert request.messages == (Message(Role.SYSTEM, "Be brief."), QUESTION)
    assert (request.sampling.temperature, request.sampling.top_p, request.salt) == (0, 0.5, "s")
    await said(desk, trial(prompt=" "))
    assert model.requests[-1].messages == (QUESTION,)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": "gone"}, "model"),
        ({"messages": ()}, "messages"),
        ({"messages": (Message(Role.USER, " "),)}, "messages"),
        ({"messages": (QUESTION, Message(Role.ASSISTANT, "A stone."))}, "messages"),
        ({"messages": (QUESTION,) * (MOST_MESSAGES + 1)}, "messages"),
        ({"prompt": "x" * LONGEST}, "messages"),
        ({"sampling": {"temperature": 3}}, "temperature"),
        ({"sampling": {"warmth": 1}}, "warmth"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(changes: dict[str, Any], field: str) -> None:
    desk, model, _ = trials()
    with pytest.raises(FieldsRefused) as caught:
        desk.run(trial(**changes))
    assert list(caught.value.fields) == [field]
    assert model.requests == []


async def test_a_model_that_says_nothing_or_stalls_is_given_up() -> None:
    for script, seconds in (((60.0, "late"), 10), (("a", 60.0), 5)):
        desk, model, clock = trials(*script)
        reading = asyncio.create_task(said(desk, trial()))
        await clock.advance(seconds)
        with pytest.raises(ModelTimeout, match=f"for {seconds} s"):
            await reading
        assert model.aborted == 1


async def test_errors_of_the_model_pass_through() -> None:
    desk, _, _ = trials(ModelUnavailable("no connection"))
    with pytest.raises(ModelUnavailable, match="no connection"):
        await said(desk, trial())


async def test_closing_and_too_long_an_answer_abort_the_request() -> None:
    desk, model, _ = trials("one", "two")
    stream = desk.run(trial())
    assert (await anext(stream)).text == "one"
    await stream.aclose()
    assert model.aborted == 1
    desk, model, _ = trials("x" * 31, "y")
    assert await said(desk, trial()) == ("x" * 31, "length")
    assert model.aborted == 1


def test_the_limits_of_sampling_are_told() -> None:
    desk, _, _ = trials()
    temperature = next(f for f in desk.limits() if f.name == "temperature")
    assert (temperature.minimum, temperature.maximum) == (0, 2)
    assert desk.models() == ["scripted"]
