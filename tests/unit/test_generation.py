"""Details of one answer in the making: retries, what counts teach, and the prefix that stays."""

from __future__ import annotations

from itertools import pairwise

from bot.errors import ContextOverflow, ModelBusy, ModelUnavailable
from bot.types import Message, ModelRequest, Role, ToolCall
from tests.scripted import Script, ScriptedModel, World


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
