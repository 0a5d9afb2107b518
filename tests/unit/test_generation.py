"""Details of one answer in the making: retries, what counts teach, and the prefix that stays."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot.errors import ContextOverflow, ModelBusy, ModelUnavailable
from bot.types import Message, ModelRequest, Role, ToolCall, TurnState
from tests.fakes import FakeClock
from tests.scripted import Script, ScriptedModel, World, last_turn


def asked(world: World) -> list[Message]:
    """The questions in the history of the only conversation."""
    return [m for rows in world.memory.messages.values() for m, _ in rows if m.role is Role.USER]


async def test_a_busy_server_is_left_alone_for_as_long_as_it_said() -> None:
    world = World([ModelBusy("full", retry_after=20)], ["Now."])
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(19)
        assert len(world.model.requests) == 1
        await world.clock.advance(3)
        assert world.channel.texts()[-1] == "Now."


async def test_patience_counts_from_the_last_word_that_came() -> None:
    lost = ModelUnavailable("lost")
    scripts: list[Script] = [[f"{n} ", 8.0, lost] for n in range(5)]
    world = World(*scripts, ["end."], model_patience=10)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(120)
        assert world.channel.texts() == ["0 1 2 3 4 end."]


async def test_the_pauses_between_tries_grow() -> None:
    world = World(*[[ModelUnavailable("down")]] * 50, model_patience=60)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(120)
    assert 5 < len(world.model.requests) < 15


async def test_an_overflow_that_no_cut_mends_ends_with_a_word() -> None:
    world = World(*[[ContextOverflow("too long", 10)]] * 20)
    async with world.running():
        assert await world.ask("Hi")
        assert len(world.model.requests) <= 8
        world.model.scripts = [["Fine."]]
        assert await world.ask("Again") == "Fine."


TOO_LONG = ContextOverflow("This model's maximum context length is 1024 tokens.", 1024)


def questions(world: World) -> list[str]:
    """What was asked in each request."""
    return [request.messages[-1].text for request in world.model.requests]


async def test_a_question_that_cannot_become_shorter_is_never_sent_empty_but_apologised_for() -> None:
    world = World([TOO_LONG], ["An answer to nothing."])
    async with world.running():
        assert "more than the language model can read" in await world.ask("Why is the sky blue?")
        assert await last_turn(world) is TurnState.FAILED
    assert set(questions(world)) == {"Why is the sky blue?"}


@pytest.mark.parametrize("limit", [0, 16, 128, 1024])
async def test_after_overflows_some_of_a_long_question_is_still_asked(limit: int) -> None:
    world = World(*[[ContextOverflow("too long", limit)]] * 4, ["Fine."])
    async with world.running():
        await world.ask("Please tell me " + "word " * 500 + "at last.")
    assert len(questions(world)) > 1
    assert all(q.startswith("Please") and q.endswith("last.") for q in questions(world))
    sizes = [sum(len(m.text) for m in r.messages) for r in world.model.requests]
    assert sizes == sorted(set(sizes), reverse=True)


async def test_tools_go_before_a_question_is_given_up() -> None:
    world = World([TOO_LONG], ["Rayleigh."], plugins_disabled=())
    async with world.running():
        assert await world.ask("Why is the sky blue?") == "Rayleigh."
    assert [bool(r.tools) for r in world.model.requests] == [True, False]
    assert set(questions(world)) == {"Why is the sky blue?"}


async def test_tools_beside_which_no_question_has_room_are_not_offered() -> None:
    clock = FakeClock()
    world = World(model=ScriptedModel(clock, ["Rayleigh."], window=300), plugins_disabled=())
    async with world.running():
        assert await world.ask("Why is the sky blue?") == "Rayleigh."
    assert [bool(r.tools) for r in world.model.requests] == [False]
    assert questions(world) == ["Why is the sky blue?"]


async def test_the_tools_size_is_left_free_and_counted_with_no_question() -> None:
    world = World(plugins_disabled=(), prompt_budget=900, summaries=False)
    world.model.tool_tokens = 500
    async with world.running():
        for number in range(3):
            await world.ask(f"{number} " + "sky " * 40, chat=str(number))
        await world.ask("Why? " + "sky " * 600, chat="long")
    count = world.model.tokens_per_text
    assert [m.tokens for m in asked(world)[:3]] == [count(m.content) for m in asked(world)[:3]]
    assert world.model.requests[-1].tools
    assert sum(count(m.content) for m in world.model.requests[-1].messages) + 500 <= 900


async def test_the_servers_own_count_of_a_question_is_kept() -> None:
    world = World()
    world.model.tokens_per_text = lambda text: len(text)
    async with world.running():
        await world.ask("How long am I?")
    assert [m.tokens for m in asked(world)] == [len("How long am I?")]


async def test_after_tool_calls_a_lost_stream_keeps_what_the_tools_said() -> None:
    call = ToolCall("1", "unknown_tool", "{}")
    world = World(["Let me look.", call], ["It is ", ModelUnavailable("lost")], ["blue."])
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(10)
        assert world.channel.texts() == ["Let me look.\n\nIt is blue."]
    last = world.model.requests[-1]
    assert last.prefill == "It is "
    assert [m.role for m in last.messages[-3:]] == [Role.USER, Role.ASSISTANT, Role.TOOL]


async def test_the_last_round_of_tool_calls_is_asked_without_tools() -> None:
    call = ToolCall("1", "search_documents", '{"query": "x"}')
    world = World([call], [call], ["Enough."], tool_steps=2, plugins_disabled=())
    async with world.running():
        assert await world.ask("Hi") == "Enough."
    assert [bool(r.tools) for r in world.model.requests] == [True, True, False]


async def test_a_prompt_begins_with_the_one_before_until_the_window_is_cut() -> None:
    world = World(prompt_budget=1600, summaries=False)
    async with world.running():
        for number in range(30):
            await world.ask(f"{number} " + "word " * 40)
    cuts = 0
    for before, after in pairwise(world.model.requests):
        cuts += not follows(before, after)
    assert 1 <= cuts <= 6
    assert cuts == world.telemetry.total("window_cuts")


def follows(before: ModelRequest, after: ModelRequest) -> bool:
    """Whether a server that cached the one has to read only the end of the other."""
    head = [(m.role, m.content) for m in before.messages]
    return [(m.role, m.content) for m in after.messages[: len(head)]] == head


async def test_without_counts_from_the_server_the_prefix_stays_all_the_same() -> None:
    world = World(summaries=False)
    world.model = ScriptedModel(world.clock, window=100_000)
    async with world.running():
        for number in range(30):
            await world.ask(f"Question {number}?")
    assert all(follows(a, b) for a, b in pairwise(world.model.requests))
