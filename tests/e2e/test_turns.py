"""Turns over fakes: what people see, what is stored, what happens when things go wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.errors import (
    ChannelError,
    ChannelUnavailable,
    ChatGone,
    ContextOverflow,
    MarkupRefused,
    MessageGone,
    ModelRefused,
    ModelUnavailable,
    RetryAfter,
)
from bot.types import Chunk, EventKind, Markup, Outgoing, Role, ToolCall, TurnState
from tests.scripted import CAPS, ScriptedModel, World, last_turn


async def test_a_question_is_answered_and_remembered() -> None:
    world = World(["Hel", "lo."], ["Again."])
    async with world.running():
        assert await world.ask("Hi") == "Hello."
        assert await world.ask("And?") == "Again."
    roles = [(m.role, m.text) for m in world.model.requests[1].messages[1:]]
    assert roles == [(Role.USER, "Hi"), (Role.ASSISTANT, "Hello."), (Role.USER, "And?")]
    assert all(state == "done" for state, _, _ in world.memory.inbox.values())


async def test_the_same_event_twice_is_answered_once() -> None:
    world = World(["One."])
    async with world.running():
        event = await world.say("Hi")
        await world.clock.advance(3)
        assert await world.stores.inbox.put(event) is False
        await world.clock.advance(3)
        assert world.channel.texts() == ["One."]


async def test_the_answer_is_shown_as_it_grows_in_one_message() -> None:
    world = World(["First. ", 1.0, "Second. ", 1.0, "Third."])
    async with world.running():
        await world.ask("Hi")
        (message,) = world.channel.messages.values()
        shown = [out.text for out in message.outs]
        assert shown[0].startswith("First.")
        assert "First. Second." in shown
        assert shown[-1] == "First. Second. Third."
        assert message.last.final


async def test_stop_ends_the_answer_and_keeps_what_there_is() -> None:
    world = World(["Begun. ", asyncio.Event(), "never"], ["Next."])
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(1)
        assert [c.title for c in world.memory.conversations.values()] == ["Hi"], "before it is answered"
        await world.say("/stop")
        await world.clock.advance(2)
        assert world.channel.texts()[0].startswith("Begun.")
        assert "Stopped" in world.channel.texts()[0]
        assert await last_turn(world) is TurnState.CANCELLED
        assert world.model.aborted == 1
        await world.ask("More?")
    assert "Stopped" not in "".join(m.text for m in world.model.requests[1].messages)


async def test_stop_with_nothing_under_way_says_so() -> None:
    world = World()
    async with world.running():
        await world.ask("Hi")
        assert "nothing to stop" in await world.ask("/stop")


async def test_a_stranger_cannot_stop_anothers_answer_in_a_group() -> None:
    world = World(["Begun. ", 5.0, "Done."])
    async with world.running():
        await world.say("Hi", person="asker", private=False)
        await world.clock.advance(1)
        await world.say("/stop", person="other", private=False)
        await world.clock.advance(6)
        assert "Begun. Done." in world.channel.texts()


async def test_a_deleted_question_is_not_answered_further() -> None:
    world = World(["Begun. ", asyncio.Event()], ["Second."])
    async with world.running():
        first = await world.say("Hi")
        second = await world.say("Waiting")
        await world.say(kind=EventKind.DELETE, message_id=second.message_id)
        await world.say(kind=EventKind.DELETE, message_id=first.message_id)
        await world.clock.advance(3)
        assert world.model.aborted == 1
        assert len(world.model.requests) == 1
        assert all(state == "done" for state, _, _ in world.memory.inbox.values())


async def test_retry_answers_anew_in_the_same_message() -> None:
    world = World(["Bad answer."], ["Better."], ["Next."])
    async with world.running():
        await world.ask("Hi")
        await world.say("/retry")
        await world.clock.advance(3)
        assert world.channel.texts() == ["Better."]
        await world.ask("More?")
    assert [m.text for m in world.model.requests[2].messages[1:]] == ["Hi", "Better.", "More?"]


async def test_an_edited_question_is_answered_anew_in_place() -> None:
    world = World(["About cats."], ["Later."], ["About dogs."])
    async with world.running():
        event = await world.say("Tell me about cats")
        await world.clock.advance(3)
        await world.ask("And?")
        await world.say("Tell me about dogs", kind=EventKind.EDIT, message_id=event.message_id)
        await world.clock.advance(3)
        assert world.channel.texts() == ["About dogs.", "Later."]
        await world.ask("Third?")
    texts = [m.text for m in world.model.requests[3].messages[1:]]
    assert texts == ["Tell me about dogs", "About dogs.", "And?", "Later.", "Third?"]


async def test_an_edit_under_way_stops_the_old_answer() -> None:
    world = World(["Old begun. ", asyncio.Event()], ["New."])
    async with world.running():
        event = await world.say("Old?")
        await world.clock.advance(1)
        await world.say("New?", kind=EventKind.EDIT, message_id=event.message_id)
        await world.clock.advance(3)
        assert world.channel.texts() == ["New."]


async def test_feedback_is_stored_with_the_turn() -> None:
    world = World(["Fine."])
    async with world.running():
        await world.ask("Hi")
        (message,) = world.channel.messages
        await world.say(kind=EventKind.REACTION, data="👍", message_id=message)
        await world.clock.advance(1)
        assert list(world.memory.feedback.values())
        await world.say(kind=EventKind.BUTTON, data="down", message_id=message)
        await world.clock.advance(1)
        (value,) = world.memory.feedback.values()
        assert "-1" in repr(value)
        counted = {label: sample.total for (_, label, _), sample in world.memory.samples.items()}
        assert counted == {"up": 0.0, "down": 1.0}


async def test_a_model_that_comes_back_completes_the_answer_in_the_same_message() -> None:
    lost = ModelUnavailable("connection lost")
    world = World(["The first half, ", lost], [lost], ["the second half."])
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(30)
        assert world.channel.texts() == ["The first half, the second half."]
    assert world.model.requests[2].prefill == "The first half, "


async def test_a_model_that_cannot_continue_answers_anew_in_the_same_message() -> None:
    world = World(model=None)
    world.model = ScriptedModel(
        world.clock, ["Half an ans", ModelUnavailable("lost")], ["A whole answer."], continues=False
    )
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(30)
        assert world.channel.texts() == ["A whole answer."]
    assert world.model.requests[1].prefill == ""


async def test_when_patience_ends_the_person_is_told_and_the_event_is_kept() -> None:
    world = World(*[[ModelUnavailable("down")]] * 40, model_patience=30)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(60)
        assert "cannot be reached" in world.channel.texts()[-1]
        ((event, reason),) = await world.stores.inbox.dead()
        assert "down" in reason
        world.model.scripts = [["Back."]]
        assert await world.stores.inbox.revive(event.key)
        await world.clock.advance(5)
        assert world.channel.texts() == ["Back."]


async def test_a_refused_request_is_not_asked_again() -> None:
    world = World([ModelRefused("bad request")])
    async with world.running():
        assert "did not accept" in await world.ask("Hi")
    assert len(world.model.requests) == 1


async def test_a_bug_is_an_apology_not_a_silence() -> None:
    world = World([ValueError("a bug")], ["Fine."])
    async with world.running():
        assert "went wrong" in await world.ask("Hi")
        assert await world.ask("Again") == "Fine."


@pytest.mark.parametrize("nothing", [[], [""], ["  \n"]])
async def test_a_model_that_streams_nothing_is_a_failure_that_says_so(nothing: list[str]) -> None:
    world = World(nothing)
    async with world.running():
        assert "went wrong" in await world.ask("Hi")
        assert await last_turn(world) is TurnState.FAILED


async def test_an_endless_answer_is_cut_at_the_limit() -> None:
    world = World(["word "] * 5000, max_answer=1000)
    world.channel.caps = replace(CAPS, text_limit=5000)
    async with world.running():
        answer = await world.ask("Hi")
        assert 900 < len(answer) < 1200
        assert world.model.aborted == 1


async def test_a_turn_that_takes_too_long_keeps_its_text_and_says_so() -> None:
    world = World(["A start. ", asyncio.Event()], turn_timeout=10)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(15)
        assert world.channel.texts()[0].startswith("A start.")
        assert "too long" in world.channel.texts()[0]


async def test_no_first_chunk_within_the_deadline_is_tried_again() -> None:
    world = World([asyncio.Event()], ["There."], first_chunk_timeout=5)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(10)
        assert world.channel.texts() == ["There."]
        assert world.model.aborted == 1


async def test_a_stream_that_stalls_is_taken_up_again_where_it_stopped() -> None:
    world = World(["One, ", 50.0, "two, ", asyncio.Event()], ["three."], stall_timeout=60)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(105)
        assert len(world.model.requests) == 1
        await world.clock.advance(10)
        assert world.channel.texts() == ["One, two, three."]
        assert world.model.aborted == 1


async def test_a_continuation_has_only_the_tokens_that_are_left() -> None:
    lost = ModelUnavailable("lost")
    world = World(["12345678", lost], ["9"], sampling={"max_tokens": 100})
    async with world.running():
        await world.ask("Hi")
    first, second = world.model.requests
    assert (first.sampling.max_tokens, second.sampling.max_tokens) == (100, 100 - (8 // 4 + 4))


async def test_an_overflow_cuts_the_prompt_and_asks_again() -> None:
    world = World(["a" * 400], ["b" * 400], [ContextOverflow("too long", 0)], ["Fits."])
    async with world.running():
        for text in ("one " * 100, "two " * 100):
            await world.ask(text)
        assert await world.ask("three") == "Fits."
    before, after = world.model.requests[2:]
    assert sum(len(m.content) for m in after.messages) < sum(len(m.content) for m in before.messages)
    assert after.messages[-1].text == "three"


async def test_calls_of_tools_for_ever_end_with_a_clear_message() -> None:
    call = ToolCall("1", "unknown_tool", "{}")
    world = World(*[[call]] * 20, tool_steps=3)
    async with world.running():
        assert "went wrong" in await world.ask("Hi")
    assert len(world.model.requests) == 4
    assert world.model.requests[1].messages[-1].role is Role.TOOL


async def test_a_long_answer_comes_in_parts_and_none_is_too_long() -> None:
    words = [f"word{i} " for i in range(300)]
    world = World(words)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(30)
        parts = world.channel.texts()
        assert len(parts) > 3
        assert all(len(p) <= 500 for p in parts)
        assert " ".join(parts).split() == "".join(words).split()
        assert [m.last.final for m in world.channel.messages.values()] == [False] * (len(parts) - 1) + [True]


async def test_flood_control_and_outages_lose_nothing() -> None:
    answers: list[ChannelError | None] = [RetryAfter(7), None, ChannelUnavailable("502"), None, RetryAfter(3)]
    world = World(["One. ", 0.5, "Two. ", 0.5, "Three."])
    world.channel.fail = lambda call, out: answers.pop(0) if answers else None
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(60)
        assert world.channel.texts() == ["One. Two. Three."]


async def test_refused_markup_goes_out_plain() -> None:
    world = World(["**Bold** text."])
    world.channel.fail = lambda call, out: MarkupRefused("can't parse") if out.text != out.plain else None
    world.channel.caps = replace(CAPS, markup=Markup.TELEGRAM_HTML)
    async with world.running():
        assert await world.ask("Hi") == "Bold text."


async def test_a_chat_that_is_gone_ends_the_turn_quietly() -> None:
    world = World(["Hello."], ["Hello."])
    world.channel.fail = lambda call, out: ChatGone("blocked by the person")
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(30)
        assert world.channel.messages == {}
        assert all(state == "done" for state, _, _ in world.memory.inbox.values())


async def test_a_message_that_somebody_deleted_is_sent_anew() -> None:
    world = World(["One. ", 2.0, "Two."])

    def fail(call: str, out: Outgoing) -> ChannelError | None:
        return MessageGone("gone") if call == "edit" and "Two" in out.text and not resent else None

    resent = False
    world.channel.fail = fail
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(1)
        await world.clock.advance(5)
        resent = True
        await world.clock.advance(30)
        assert world.channel.texts()[-1] == "One. Two."


async def test_without_edits_nothing_is_sent_before_the_answer_is_whole() -> None:
    world = World([1.0, "One. ", 2.0, "Two."], caps=replace(CAPS, edits=False, typing=True))
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(2)
        assert world.channel.messages == {}
        assert world.channel.typings >= 1
        await world.clock.advance(5)
        assert world.channel.texts() == ["One. Two."]


async def test_what_runs_at_a_stop_goes_on_after_the_restart_in_the_same_message() -> None:
    world = World(["Part one, ", asyncio.Event()], ["part two."], stop_grace=1)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(1)
        assert world.channel.texts() == ["Part one, "] or world.channel.texts() == ["Part one,"]
    async with world.running():
        await world.clock.advance(5)
        assert world.channel.texts() == ["Part one, part two."]
    assert world.model.requests[1].prefill == "Part one, "
    assert len(world.channel.messages) == 1


async def test_order_is_kept_while_busy() -> None:
    world = World(["1", 2.0, "!"], ["2"], ["3"])
    async with world.running():
        for text in "abc":
            await world.say(text)
        await world.clock.advance(20)
        assert world.channel.texts() == ["1!", "2", "3"]


async def test_text_that_no_database_can_hold_is_answered_all_the_same() -> None:
    world = World(["Got it."])
    async with world.running():
        assert await world.ask("a\x00b \ud800 \u202e\u200b end") == "Got it."


async def test_reasoning_is_not_shown_and_not_remembered() -> None:
    world = World([Chunk(reasoning="hm, "), "Answer."], ["Next."])
    async with world.running():
        assert await world.ask("Hi") == "Answer."
        await world.ask("More?")
    assert all("hm" not in m.content for m in world.model.requests[1].messages)
