"""Turns where several things happen at once, or what nobody foresaw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.errors import ChannelError, ChannelUnavailable, ModelUnavailable, RetryAfter
from bot.settings import AmbiguousSend
from bot.types import (
    Capabilities,
    Chunk,
    EventKind,
    ModelRequest,
    Outgoing,
    Pace,
    Role,
    ToolCall,
    TurnState,
)
from tests.scripted import CAPS, ScriptedModel, World, last_turn


async def test_an_unknown_finish_reason_is_no_reason_to_fail() -> None:
    world = World([Chunk(text="Hm.", finish_reason="content_filter")])
    async with world.running():
        assert await world.ask("Hi") == "Hm."
        assert await last_turn(world) is TurnState.DONE


async def test_a_bug_in_a_channel_is_a_dead_letter_and_an_apology_not_a_loop() -> None:
    world = World(["Fine."], ["Next."])
    broken = [KeyError("a bug")]
    world.channel.fail = lambda call, out: broken.pop() if broken and out.final else None
    async with world.running():
        assert "went wrong" in await world.ask("Hi")
        ((_, reason),) = await world.stores.inbox.dead()
        assert "KeyError" in reason
        assert await last_turn(world) is TurnState.FAILED
        assert await world.ask("Again?") == "Next."


@pytest.mark.parametrize("edits", [True, False])
async def test_at_most_once_does_not_take_a_refused_send_for_a_lost_one(edits: bool) -> None:
    refusals: list[ChannelError] = [RetryAfter(5), RetryAfter(5)]
    caps = replace(CAPS, edits=edits, idempotent_sends=False)
    world = World(["Whole."], caps=caps, ambiguous_send=AmbiguousSend.AT_MOST_ONCE)
    world.channel.fail = lambda call, out: refusals.pop() if refusals else None
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(30)
        assert world.channel.texts() == ["Whole."]


async def test_a_stop_during_a_tool_call_leaves_no_call_without_its_result() -> None:
    world = World(["Let me look. ", ToolCall("1", "no_such_tool", "{}")], [asyncio.Event()], ["Next."])
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(1)
        await world.say("/stop")
        await world.clock.advance(2)
        await world.ask("More?")
    messages = world.model.requests[-1].messages
    called = [c.id for m in messages for c in m.tool_calls]
    assert called == [m.tool_call_id for m in messages if m.role is Role.TOOL]


async def test_a_retry_that_fails_leaves_the_old_answer_be() -> None:
    world = World(["Good answer."], *[[ModelUnavailable("down")]] * 12, model_patience=5)
    async with world.running():
        await world.ask("Hi")
        await world.say("/retry")
        await world.clock.advance(30)
        (shown,) = world.channel.texts()
        assert shown.startswith("Good answer.")
        assert "cannot be reached" in shown
        world.model.scripts = [["Next."]]
        await world.ask("More?")
    assert [m.text for m in world.model.requests[-1].messages[1:]] == ["Hi", "Good answer.", "More?"]


async def test_stop_takes_back_what_waits_too() -> None:
    world = World(["One ", asyncio.Event()], ["never"])
    async with world.running():
        await world.say("first")
        await world.say("second")
        await world.say("/stop")
        await world.clock.advance(5)
        assert len(world.model.requests) == 1
        assert all("Stopped" in text for text in world.channel.texts())
        assert all(state == "done" for state, _, _ in world.memory.inbox.values())


async def test_in_a_group_stop_takes_back_only_ones_own() -> None:
    world = World(["One ", 3.0, "done."], ["Theirs."], ["Mine."])
    async with world.running():
        await world.say("first", person="a", private=False)
        await world.say("second", person="b", private=False)
        await world.say("third", person="c", private=False)
        await world.say("/stop", person="c", private=False)
        await world.clock.advance(10)
        texts = world.channel.texts()
        assert "One done." in texts
        assert "Theirs." in texts
        assert "Mine." not in texts


@pytest.mark.parametrize("addressed", [False, True])
async def test_a_strangers_stop_is_passed_over_in_silence(addressed: bool) -> None:
    world = World(access="invite")
    async with world.running():
        await world.say("/stop", person="stranger", private=False, addressed=addressed)
        await world.clock.advance(3)
        assert world.channel.messages == {}
        assert all(state == "done" for state, _, _ in world.memory.inbox.values())


async def test_an_edit_of_a_question_that_waits_is_answered_once_in_its_new_wording() -> None:
    world = World(["First ", 3.0, "done."], ["Second."])
    async with world.running():
        await world.say("first")
        waiting = await world.say("old wording")
        await world.say("new wording", kind=EventKind.EDIT, message_id=waiting.message_id)
        await world.clock.advance(10)
        assert [r.messages[-1].text for r in world.model.requests] == ["first", "new wording"]
        assert all(state == "done" for state, _, _ in world.memory.inbox.values())


async def test_a_reply_that_waits_for_its_platform_holds_no_share() -> None:
    world = World(["Answer."], concurrency=1)
    world.channel.fail = lambda call, out: RetryAfter(600) if "What I can do" in out.text else None
    async with world.running():
        await world.say("/help", chat="flooded")
        await world.clock.advance(1)
        await world.say("Hi", chat="other", person="q")
        await world.clock.advance(5)
        assert "Answer." in world.channel.texts()


async def test_a_blocked_chats_final_does_not_hold_up_previews_elsewhere() -> None:
    caps = replace(CAPS, account_paces=(Pace(30, 1.0),))
    world = World(["A."], ["B1 ", 2.0, "B2 ", 60.0, "B3"], caps=caps)
    first: list[ChannelError] = [RetryAfter(3600)]

    def fail(call: str, out: Outgoing) -> ChannelError | None:
        return first.pop() if first and out.text.startswith("A") else None

    world.channel.fail = fail
    async with world.running():
        await world.say("a", chat="blocked")
        await world.clock.advance(1)
        await world.say("b", chat="other", person="q")
        await world.clock.advance(20)
        assert world.channel.texts() == ["B1 B2"]


class SlowCounter(ScriptedModel):
    """A server that hangs when it is asked to count, after the first time."""

    async def count(self, texts: Sequence[str]) -> list[int]:
        if self.requests:
            await asyncio.Event().wait()
        return await super().count(texts)


class Mute(SlowCounter):
    """And tells no usage."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        async for chunk in super().stream(request):
            yield replace(chunk, usage=None)


async def test_a_server_that_hangs_at_counting_delays_an_answer_by_seconds_at_most() -> None:
    world = World()
    world.model = Mute(world.clock, ["Answer."])
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(4)
        assert await last_turn(world) is TurnState.DONE


async def test_tool_results_are_counted_not_guessed_before_history_is_cut() -> None:
    result = "价" * 400
    world = World(*[["a" * 40]] * 6, [ToolCall("1", "no_such_tool", result)], ["Found."], summaries=False)
    world.model = ScriptedModel(world.clock, *world.model.scripts, window=2048)
    world.model.tokens_per_text = lambda text: len(text) // 2 + 4
    async with world.running():
        for number in range(6):
            await world.ask(f"question {number} " + "w" * 120)
        await world.ask("last")
    assert len(world.model.requests[-1].messages) == 1 + 12 + 3


async def test_the_model_that_quotes_is_not_given_the_whole_history() -> None:
    class Quoting(ScriptedModel):
        @property
        def generates(self) -> bool:
            return False

    world = World()
    world.model = Quoting(world.clock)
    async with world.running():
        for number in range(10):
            await world.ask(f"question {number}")
    assert len(world.model.requests[-1].messages) <= 1 + 2 + 1


async def test_passages_that_were_left_out_are_not_stored_as_shown() -> None:
    world = World(["Fine."], caps=Capabilities(edits=True, idempotent_sends=True, text_limit=500))
    async with world.running():
        await world.ask("Hi")
        conversation = next(iter(world.memory.conversations.values()))
        (question, _) = await world.stores.conversations.history(conversation.id, first_turn=1)
        assert question.context == ""
        assert question.tokens > 0


async def test_stop_is_not_done_before_what_it_stops_has_ended() -> None:
    world = World(["Begun. ", asyncio.Event()])
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(1)
        world.channel.fail = lambda call, out: ChannelUnavailable("away")
        stop = await world.say("/stop")
        await world.clock.advance(5)
        assert world.memory.inbox[stop.key][0] == "waiting"
        world.channel.fail = lambda call, out: None
        await world.clock.advance(60)
        assert world.memory.inbox[stop.key][0] == "done"
        assert world.channel.texts() == ["Begun.\n\nStopped."]


async def test_an_edit_that_a_crash_left_half_delivered_is_delivered_after_it() -> None:
    world = World(["Old."], ["New answer."])
    async with world.running():
        event = await world.say("Old?")
        await world.clock.advance(3)
        world.channel.fail = lambda call, out: ChannelUnavailable("away")
        edit = {"kind": EventKind.EDIT, "message_id": event.message_id}
        changed = await world.say("New?", **edit)
        await world.clock.advance(5)
    turn = await world.stores.turns.of_event(changed.key)
    assert turn is not None
    assert turn.state is TurnState.DELIVERING
    world.channel.fail = lambda call, out: None
    async with world.running():
        await world.clock.advance(60)
        assert world.channel.texts() == ["New answer."]
        assert await last_turn(world) is TurnState.DONE


async def test_an_edit_that_comes_as_its_question_begins_is_answered() -> None:
    world = World(["New ", 1.0, "answer."])
    async with world.running():
        edit = {"kind": EventKind.EDIT, "message_id": "asked"}
        await asyncio.gather(world.say("Old?", message_id="asked"), world.say("New?", **edit))
        await world.clock.advance(30)
        assert world.channel.texts() == ["New answer."]
        assert [request.messages[-1].text for request in world.model.requests] == ["New?"]
        assert await last_turn(world) is TurnState.DONE
        assert {state for state, _, _ in world.memory.inbox.values()} == {"done"}


@pytest.mark.parametrize(
    "refusals",
    [[], [RetryAfter(2)], [RetryAfter(2), RetryAfter(2)], [RetryAfter(2), ChannelUnavailable("502")]],
    ids=["at once", "after a wait", "after two", "after a wait and an outage"],
)
async def test_a_repeated_send_may_show_an_older_text_and_is_then_edited(
    refusals: list[ChannelError],
) -> None:
    """The platform took the first send, its answer was lost: the key finds the old message, whatever was
    refused in between."""
    world = World(["One. ", 1.0, "Two."])
    send, sent = world.channel.send, list[str]()

    async def deaf(*args: Any, **kwargs: Any) -> str:
        if sent and refusals:
            raise refusals.pop(0)
        sent.append(await send(*args, **kwargs))
        if len(sent) == 1:
            raise ChannelUnavailable("no answer")
        return sent[-1]

    world.channel.send = deaf  # type: ignore[method-assign]
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(30)
        assert world.channel.texts() == ["One. Two."]
