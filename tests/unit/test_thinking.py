"""A model's thoughts: put together, bounded, and never told twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.errors import ModelUnavailable
from bot.thinking import LONGEST, Thinking
from bot.types import NO_THOUGHTS, Chunk, EventKind, Outgoing, Sender, Thoughts, ToolCall, Turn
from tests.e2e.taken_over import give_back, take
from tests.fakes import FakeClock
from tests.scripted import CAPS, MemoryChannel, Script, ScriptedModel, World

SHOWS = replace(CAPS, thoughts=True)


def thought(text: str) -> Chunk:
    return Chunk(reasoning=text)


async def turns_of(world: World) -> list[Turn]:
    (conversation,) = world.memory.conversations.values()
    return (await world.stores.turns.listing(conversation.id))[::-1]


def shown(world: World) -> Outgoing:
    return next(reversed(world.channel.messages.values())).last


async def test_seconds_count_from_the_first_thought_to_the_first_word() -> None:
    clock = FakeClock()
    thinking = Thinking(clock)
    await clock.advance(5)
    thinking.think("One")
    await clock.advance(2)
    thinking.think(", two.")
    assert thinking.now == Thoughts("One, two.", 2.0)
    await clock.advance(1)
    thinking.speak()
    await clock.advance(60)
    thinking.speak()
    assert thinking.now == Thoughts("One, two.", 3.0)


async def test_blank_lines_alone_are_no_thoughts() -> None:
    thinking = Thinking(FakeClock())
    thinking.think("\n\n")
    assert thinking.now == NO_THOUGHTS
    thinking.think("\nWell.")
    assert thinking.now.text == "Well."


async def test_very_long_thoughts_are_cut_and_go_on_being_timed() -> None:
    clock = FakeClock()
    thinking = Thinking(clock)
    thinking.think("a" * LONGEST)
    assert not thinking.now.cut
    await clock.advance(4)
    thinking.think("b")
    assert thinking.now == Thoughts("a" * LONGEST, 4.0, cut=True)


async def test_a_step_begun_again_forgets_what_was_thought_for_it_alone() -> None:
    thinking = Thinking(FakeClock())
    thinking.think("First step.")
    thinking.settle()
    thinking.think("Second, lost.")
    thinking.again()
    thinking.think("Second.")
    assert thinking.now.text == "First step.\n\nSecond."


async def test_thoughts_that_became_the_answer_are_not_told_twice() -> None:
    for text, answer in (("All of it. ", "All of it."), ("a" * (LONGEST + 1), "a" * (LONGEST + 1))):
        thinking = Thinking(FakeClock())
        thinking.think(text)
        thinking.end(answer)
        assert thinking.now == NO_THOUGHTS
    thinking = Thinking(FakeClock())
    thinking.think("Yes.")
    thinking.end("Yes. And more.")
    assert thinking.now.text == "Yes."


async def test_thoughts_are_shown_as_they_come_and_stay_with_the_answer_but_in_no_prompt() -> None:
    world = World([thought("Let me "), 2.0, thought("see."), 1.0, "Blue."], ["And green."], caps=SHOWS)
    async with world.running():
        await world.say("Which colour?")
        await world.clock.advance(1)
        assert (shown(world).text, shown(world).thoughts) == ("", Thoughts("Let me "))
        await world.clock.advance(1.5)
        assert shown(world).thoughts == Thoughts("Let me see.", 2.0)
        assert (await turns_of(world))[0].thoughts == NO_THOUGHTS, "no write for thoughts alone"
        await world.clock.advance(3)
        last = shown(world)
        assert (last.text, last.thoughts, last.final) == ("Blue.", Thoughts("Let me see.", 3.0), True)
        assert (await turns_of(world))[0].thoughts == Thoughts("Let me see.", 3.0)
        await world.ask("And?")
    assert len(world.channel.messages) == 2
    assert [m.text for m in world.model.requests[1].messages[1:]] == ["Which colour?", "Blue.", "And?"]
    assert "Let me" not in str(world.memory.messages)


async def test_where_no_thoughts_are_shown_none_are_kept_and_no_call_is_made_for_them() -> None:
    world = World([*[step for n in range(20) for step in (thought(f"{n} "), 0.5)], "Blue."])
    async with world.running():
        await world.say("Which colour?")
        await world.clock.advance(9)
        assert world.channel.calls == []
        await world.clock.advance(5)
        assert world.channel.texts() == ["Blue."]
        assert shown(world).thoughts == (await turns_of(world))[0].thoughts == NO_THOUGHTS


async def test_an_attempt_that_failed_leaves_no_thoughts_in_those_of_the_next() -> None:
    lost = ModelUnavailable("lost")
    second: Script = [thought("Anew."), 1.0, "Blue."]
    world = World([thought("Lost."), "Bl", lost], second, caps=SHOWS, model_patience=60)
    async with world.running():
        assert await world.ask("Which colour?") == "Blue."
        assert (await turns_of(world))[0].thoughts == Thoughts("Anew.", 1.0)


async def test_the_thoughts_of_a_failed_attempt_go_when_a_model_answers_that_does_not_think() -> None:
    world = World([thought("Lost."), ModelUnavailable("lost")], ["Bl", 5.0, "ue."], caps=SHOWS)
    async with world.running():
        await world.say("Which colour?")
        await world.clock.advance(0.3)
        assert shown(world).thoughts.text == "Lost."
        await world.clock.advance(2)
        assert (shown(world).text, shown(world).thoughts) == ("Bl", NO_THOUGHTS)


async def test_the_thoughts_of_each_step_stand_one_after_the_other() -> None:
    call = ToolCall("c1", "unknown", "{}")
    world = World([thought("Look."), 1.0, call], [thought("Found."), 2.0, "Blue."], caps=SHOWS)
    async with world.running():
        assert await world.ask("Which colour?") == "Blue."
        await world.clock.advance(3)
        assert (await turns_of(world))[0].thoughts == Thoughts("Look.\n\nFound.", 3.0)


async def test_a_last_step_whose_thoughts_became_the_answer_leaves_those_of_the_steps_before() -> None:
    call = ToolCall("c1", "unknown", "{}")
    whole = "All of it."
    world = World([thought("Look."), 1.0, "First.", call], [thought(whole), 1.0, whole], caps=SHOWS)
    async with world.running():
        assert await world.ask("Which colour?") == f"First.\n\n{whole}"
        (turn,) = await turns_of(world)
    assert turn.thoughts == Thoughts("Look.", 1.0)


async def test_a_stop_and_a_failure_in_mid_thought_keep_what_was_thought() -> None:
    failing: Script = [thought("Hm."), ModelUnavailable("down")]
    world = World([thought("Long. "), 60.0, "Never."], failing, caps=SHOWS, model_patience=0)
    async with world.running():
        await world.say("One?")
        await world.clock.advance(1)
        await world.say("/stop")
        await world.clock.advance(3)
        await world.ask("Two?")
        stopped, failed = await turns_of(world)
    assert (stopped.state, stopped.thoughts.text) == ("cancelled", "Long. ")
    assert (failed.state, failed.thoughts.text) == ("failed", "Hm.")


async def test_an_answer_anew_has_its_own_thoughts_and_one_that_fails_leaves_the_old() -> None:
    world = World(
        [thought("First."), "One."],
        [thought("Second."), "Two."],
        [thought("Third."), ModelUnavailable("down")],
        caps=SHOWS,
        model_patience=0,
    )
    async with world.running():
        await world.ask("Which?")
        await world.ask("/retry")
        (turn,) = await turns_of(world)
        assert (turn.text, turn.thoughts.text) == ("Two.", "Second.")
        await world.ask("/retry")
        (turn,) = await turns_of(world)
        assert turn.text.startswith("Two.")
        assert turn.thoughts.text == "Second."
        assert shown(world).thoughts == turn.thoughts


async def test_a_restart_in_mid_answer_keeps_the_thoughts_that_led_to_the_checkpoint() -> None:
    cut: Script = [thought("So."), 1.0, "Part one, ", 3.0, "and ", asyncio.Event()]
    goes_on: Script = ["part two."]
    anew: Script = [thought("Anew."), "All."]
    for continues, after, expected in ((True, goes_on, "So."), (False, anew, "Anew.")):
        world = World(caps=SHOWS, stop_grace=1)
        world.model = ScriptedModel(world.clock, cut, after, continues=continues)
        async with world.running():
            await world.say("Hi")
            await world.clock.advance(6)
        async with world.running():
            await world.clock.advance(5)
            (turn,) = await turns_of(world)
            assert turn.thoughts.text == expected


async def test_where_they_are_not_kept_any_more_a_checkpoint_loses_them() -> None:
    cut: Script = [thought("So."), "Part one, ", 3.0, "and ", asyncio.Event()]
    world = World(cut, ["part two."], caps=SHOWS, stop_grace=1)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(6)
    assert [turn.thoughts.text for turn, _ in world.memory.turns.values()] == ["So."]
    world.channel = MemoryChannel(CAPS)
    async with world.running():
        await world.clock.advance(5)
        (turn,) = await turns_of(world)
    assert (turn.text, turn.thoughts) == ("Part one, and part two.", NO_THOUGHTS)


async def test_the_apology_for_a_fault_of_our_own_has_the_thoughts_that_are_kept() -> None:
    broken: Script = [thought("So."), "Part one, ", 3.0, "and ", 3.0, ZeroDivisionError()]
    world = World(*[broken] * 9, caps=SHOWS)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(120)
        (turn,) = await turns_of(world)
    assert (turn.state, turn.thoughts.text) == ("failed", "So.")
    assert shown(world).thoughts == turn.thoughts


async def test_a_question_that_a_person_took_over_in_mid_thought_keeps_none_of_it() -> None:
    world = World([thought("Lost. "), 60.0, "Never."], [thought("Anew."), "Blue."], caps=SHOWS)
    async with world.running():
        await world.say("Which?")
        await world.clock.advance(1)
        await take(world)
        (turn,) = await turns_of(world)
        assert (turn.finish_reason, turn.thoughts) == ("taken", NO_THOUGHTS)
        assert [m.last.thoughts for m in world.channel.messages.values()] == [NO_THOUGHTS]
        await give_back(world)
        await world.clock.advance(3)
        (turn,) = await turns_of(world)
    assert (turn.text, turn.thoughts.text) == ("Blue.", "Anew.")


async def test_a_failed_question_that_is_tried_again_under_a_person_keeps_no_thoughts_either() -> None:
    world = World([thought("So."), "Part one, ", 3.0, "and ", 3.0, ZeroDivisionError()], caps=SHOWS)
    async with world.running():
        asked = await world.say("Which?")
        await world.clock.advance(10)
        (turn,) = await turns_of(world)
        assert turn.thoughts.text == "So."
        await take(world)
        assert await world.stores.inbox.revive(asked.key)
        await world.clock.advance(3)
        (turn,) = await turns_of(world)
    assert (turn.finish_reason, turn.text, turn.thoughts) == ("taken", "", NO_THOUGHTS)


async def test_an_edit_is_answered_with_thoughts_of_its_own() -> None:
    world = World([thought("Of the first."), "One."], ["Two."], caps=SHOWS)
    async with world.running():
        asked = await world.say("Which?")
        await world.clock.advance(3)
        await world.say(
            "Which, really?", kind=EventKind.EDIT, message_id=asked.message_id, sender=Sender("p", "p")
        )
        await world.clock.advance(3)
        (turn,) = await turns_of(world)
    assert (turn.text, turn.thoughts) == ("Two.", NO_THOUGHTS)
    assert shown(world).thoughts == NO_THOUGHTS
