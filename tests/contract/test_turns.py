"""Conversations and turns: numbered, begun once, replaced in place, finished once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import StorageGone
from bot.types import (
    Address,
    Citation,
    Conversation,
    Delivery,
    DeliveryState,
    FinishReason,
    Message,
    Part,
    PartKind,
    Role,
    Thoughts,
    ToolCall,
    Turn,
    TurnState,
    Usage,
)
from storage.text import clean
from tests.contract.conftest import Stores, an_event

HOME = Address("test", "bot", "chat")


async def begun(stores: Stores, number: int = 1, *, replaces: str = "") -> Turn:
    conversation = await stores.conversations.open(HOME)
    return await stores.turns.begin(conversation, an_event(number), person_id="ann", replaces=replaces)


async def finished(stores: Stores, turn: Turn, state: TurnState = TurnState.DONE, *texts: str) -> Turn:
    done = replace(turn, state=state, text=" ".join(texts), ended_at=9.0)
    roles = (Role.USER, Role.ASSISTANT)
    await stores.turns.finish(done, [Message(r, t) for r, t in zip(roles, texts, strict=False)])
    return done


async def texts(stores: Stores, conversation: Conversation, **bounds: int) -> list[str]:
    found = await stores.conversations.history(conversation.id, **{"first_turn": 1, **bounds})
    return [m.text for m in found]


async def test_an_address_has_one_conversation_and_threads_are_apart(stores: Stores) -> None:
    one = await stores.conversations.open(HOME)
    assert one == await stores.conversations.open(HOME) == await stores.conversations.get(one.id)
    assert one == Conversation(one.id, HOME)
    other = await stores.conversations.open(replace(HOME, thread="t"))
    assert other.id != one.id
    assert await stores.conversations.get(1 << 40) is None
    for call in (
        stores.conversations.restart(1 << 40),
        stores.conversations.update(1 << 40, title="x"),
        stores.conversations.cut(1 << 40, first_turn=2, context_turn=2, summary="", summary_tokens=0),
        stores.turns.begin(Conversation(1 << 40, HOME), an_event(), person_id="ann"),
    ):
        with pytest.raises(StorageGone):
            await call


async def test_turns_are_numbered_from_one_and_begin_again_as_they_were(stores: Stores) -> None:
    first, second = await begun(stores, 1), await begun(stores, 2)
    assert (first.number, second.number) == (1, 2)
    assert (first.state, first.attempts, first.question_id) == (TurnState.GENERATING, 1, "q1")
    assert len(first.id) >= 20
    so_far = Thoughts("hm", 2.5)
    await stores.turns.checkpoint(first.id, "so far", thoughts=so_far)
    again = await begun(stores, 1)
    expected = replace(first, text="so far", thoughts=so_far, attempts=2)
    assert again == expected == await stores.turns.get(first.id)
    assert await stores.turns.of_event(first.event_key) == again
    assert await stores.turns.get("none") is await stores.turns.of_event("none") is None
    await finished(stores, again, TurnState.DONE, "q", "a")
    assert (await begun(stores, 1)).state is TurnState.DONE


async def test_history_shows_only_turns_that_ended_well(stores: Stores) -> None:
    conversation = await stores.conversations.open(HOME)
    await finished(stores, await begun(stores, 1), TurnState.DONE, "q1", "a1")
    await finished(stores, await begun(stores, 2), TurnState.FAILED, "q2")
    await finished(stores, await begun(stores, 3), TurnState.CANCELLED, "q3", "a3")
    await finished(stores, await begun(stores, 4), TurnState.CANCELLED, "q4")
    five = await begun(stores, 5)
    assert await texts(stores, conversation) == ["q1", "a1", "q3", "a3"]
    await finished(stores, five, TurnState.DELIVERING, "q5", "a5")
    assert await texts(stores, conversation) == ["q1", "a1", "q3", "a3"]
    await finished(stores, five)
    assert await texts(stores, conversation, first_turn=2) == ["q3", "a3", "q5", "a5"]
    assert await texts(stores, conversation, first_turn=2, before_turn=5) == ["q3", "a3"]
    assert [(m.turn, m.step) for m in await stores.conversations.history(conversation.id, first_turn=5)] == [
        (5, 0),
        (5, 1),
    ]
    question = await stores.turns.question(await begun(stores, 2))
    assert question is not None
    assert question.text == "q2"


async def test_an_ended_turn_is_not_touched_but_a_failed_one_may_be_tried_again(stores: Stores) -> None:
    conversation = await stores.conversations.open(HOME)
    done = await finished(stores, await begun(stores, 1), TurnState.DONE, "q", "a")
    await finished(stores, done, TurnState.FAILED, "other")
    await stores.turns.checkpoint(done.id, "late")
    assert await stores.turns.get(done.id) == done
    failed = await finished(stores, await begun(stores, 2), TurnState.FAILED, "q2")
    await stores.turns.checkpoint(failed.id, "late")
    assert await stores.turns.get(failed.id) == failed
    await finished(stores, failed, TurnState.DELIVERING, "q2", "a2")
    await finished(stores, failed, TurnState.DONE)
    assert await texts(stores, conversation) == ["q", "a", "q2", "a2"]


async def test_a_replacing_turn_takes_number_deliveries_and_question(stores: Stores) -> None:
    conversation = await stores.conversations.open(HOME)
    old = await finished(stores, await begun(stores, 1), TurnState.DONE, "q", "old")
    await stores.turns.put_delivery(Delivery(old.id, 0, DeliveryState.SENT, "a1", "digest"))
    new = await begun(stores, 2, replaces=old.id)
    assert (new.number, new.question_id) == (1, "q1")
    assert await stores.turns.deliveries(old.id) == []
    assert await stores.turns.deliveries(new.id) == [Delivery(new.id, 0, DeliveryState.SENT, "a1", "digest")]
    assert await texts(stores, conversation) == ["q", "old"]
    for message_id in ("q1", "a1"):
        assert await stores.turns.of_message(conversation.id, message_id) == new
    assert await stores.turns.last(conversation.id) == new
    newest = await begun(stores, 3, replaces=old.id)
    assert len(await stores.turns.deliveries(newest.id)) == 1
    newest = replace(newest, thoughts=Thoughts("of the newest", 1.0))
    await finished(stores, newest, TurnState.DONE, "q", "new")
    assert await texts(stores, conversation) == ["q", "new"]
    assert [t.thoughts.text for t in await stores.turns.listing(conversation.id)] == ["of the newest"]
    assert (await begun(stores, 4, replaces="unknown")).number == 2


async def test_an_event_whose_turn_was_replaced_since_gets_the_newest_turn_of_its_number(
    stores: Stores,
) -> None:
    failed = await finished(stores, await begun(stores, 1), TurnState.FAILED, "q")
    good = await finished(stores, await begun(stores, 2, replaces=failed.id), TurnState.DONE, "q", "a")
    assert await begun(stores, 1) == good
    assert await begun(stores, 2, replaces=failed.id) == replace(good, attempts=2)


async def test_a_question_without_an_answer_stays_out_of_the_history(stores: Stores) -> None:
    conversation = await stores.conversations.open(HOME)
    call = Message(Role.ASSISTANT, tool_calls=(ToolCall("i", "look", "{}"),))
    for number, state in enumerate((TurnState.DONE, TurnState.CANCELLED)):
        for said in ([Message(Role.USER, "q")], [Message(Role.USER, "q"), call]):
            at_once = await begun(stores, 10 * number + len(said))
            await stores.turns.finish(replace(at_once, state=state), said)
            stepwise = await begun(stores, 10 * number + 5 + len(said))
            await stores.turns.finish(replace(stepwise, state=TurnState.DELIVERING), said)
            await stores.turns.finish(replace(stepwise, state=state))
    assert await texts(stores, conversation) == []


async def test_a_question_that_waits_for_a_person_is_part_of_the_history(stores: Stores) -> None:
    conversation = await stores.conversations.open(HOME)
    for number in (1, 2):
        turn = replace(await begun(stores, number), finish_reason=FinishReason.TAKEN)
        said = [Message(Role.USER, f"q{number}")]
        if number == 2:
            await stores.turns.finish(replace(turn, state=TurnState.DELIVERING), said)
            said = []
        await stores.turns.finish(replace(turn, state=TurnState.CANCELLED), said)
    assert await texts(stores, conversation) == ["q1", "q2"]
    waiting = await stores.turns.last(conversation.id)
    assert waiting is not None
    await finished(stores, await begun(stores, 3, replaces=waiting.id), TurnState.DONE, "q2", "a")
    assert await texts(stores, conversation) == ["q1", "q2", "a"]


async def test_a_turn_of_another_conversation_cannot_be_replaced_or_found(stores: Stores) -> None:
    old = await begun(stores, 1)
    await stores.turns.put_delivery(Delivery(old.id, 0, DeliveryState.SENT, "a1"))
    elsewhere = await stores.conversations.open(replace(HOME, chat="elsewhere"))
    event = an_event(2, chat="elsewhere")
    new = await stores.turns.begin(elsewhere, event, person_id="bob", replaces=old.id)
    assert await stores.turns.deliveries(new.id) == []
    assert await stores.turns.of_message(elsewhere.id, "a1") is None
    assert await stores.turns.of_message(elsewhere.id, "q1") is None
    assert await stores.turns.of_message(elsewhere.id, "") is None


async def test_an_answers_message_is_found_from_any_thread_of_its_chat_and_from_no_other(
    stores: Stores,
) -> None:
    turn = await begun(stores, 1)
    await stores.turns.put_delivery(Delivery(turn.id, 0, DeliveryState.SENT, "a1"))
    for thread in (HOME.thread, "7", ""):
        found = await stores.turns.shown_by(replace(HOME, thread=thread), "a1")
        assert found is not None
        assert found.id == turn.id
    assert await stores.turns.shown_by(replace(HOME, chat="another"), "a1") is None
    assert await stores.turns.shown_by(replace(HOME, account="another"), "a1") is None
    assert await stores.turns.shown_by(HOME, "q1") is None
    assert await stores.turns.shown_by(HOME, "") is None


async def test_beginning_anew_and_cutting_move_the_window_only_forward(stores: Stores) -> None:
    conversation = await stores.conversations.open(HOME)
    for number in (1, 2, 3):
        await finished(stores, await begun(stores, number), TurnState.DONE, f"q{number}", "a")

    async def cut_to(first: int, by: int, **summary: Any) -> Conversation:
        return await stores.conversations.cut(conversation.id, first_turn=first, context_turn=by, **summary)

    cut = await cut_to(2, 4, summary="sum", summary_tokens=7)
    assert (cut.first_turn, cut.context_turn, cut.summary, cut.summary_tokens) == (2, 4, "sum", 7)
    assert cut.start_turn == 1
    assert await cut_to(2, 5, summary="x", summary_tokens=1) == cut
    assert await cut_to(3, 3, summary="sum", summary_tokens=7) == replace(cut, first_turn=3)
    assert await stores.conversations.get(conversation.id) == replace(cut, first_turn=3)
    anew = await stores.conversations.restart(conversation.id)
    assert (anew.start_turn, anew.first_turn, anew.context_turn) == (4, 4, 4)
    assert (anew.summary, anew.summary_tokens) == ("", 0)
    assert await stores.turns.last(conversation.id) is None
    turn = await begun(stores, 4)
    assert (turn.number, await stores.turns.last(conversation.id)) == (4, turn)


async def test_a_conversation_keeps_its_settings_and_is_listed_for_who_asked(stores: Stores) -> None:
    ids = []
    for number in range(4):
        conversation = await stores.conversations.open(replace(HOME, chat=f"c{number}"))
        person = "bob" if number == 2 else "ann"
        await stores.turns.begin(conversation, an_event(number), person_id=person)
        ids.append(conversation.id)
    changed = await stores.conversations.update(ids[0], title="字", model="m", settings={"a": 1, "b": 2})
    changed = await stores.conversations.update(ids[0], persona="p", settings={"a": None})
    assert (changed.title, changed.model, changed.persona, changed.settings) == ("字", "m", "p", {"b": 2})
    listed = await stores.conversations.listing("ann", limit=2)
    assert [c.id for c in listed] == [ids[3], ids[1]]
    assert await stores.conversations.listing("ann", limit=2, before=ids[1]) == [changed]
    assert await stores.conversations.listing("nobody") == []


async def test_deliveries_are_stored_changed_and_dropped_for_events_too(stores: Stores) -> None:
    for key in ((await begun(stores)).id, "event:test/bot/1"):
        for part in (1, 0, 2):
            await stores.turns.put_delivery(Delivery(key, part, DeliveryState.SENDING))
        await stores.turns.put_delivery(Delivery(key, 1, DeliveryState.SENT, "m", "d"))
        await stores.turns.drop_deliveries(key, 2)
        assert await stores.turns.deliveries(key) == [
            Delivery(key, 0, DeliveryState.SENDING),
            Delivery(key, 1, DeliveryState.SENT, "m", "d"),
        ]


async def test_feedback_needs_a_turn_and_can_be_taken_back(stores: Stores) -> None:
    turn = await begun(stores)
    assert await stores.turns.feedback(turn.id, "ann", 1, "good")
    assert await stores.turns.feedback(turn.id, "ann", -1)
    assert await stores.turns.feedback(turn.id, "ann", 0)
    assert not await stores.turns.feedback("none", "ann", 1)


TEXTS = st.text(st.characters(exclude_categories=()))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, name=TEXTS, number=st.integers(0, 1 << 62))
async def test_messages_and_turns_come_back_as_they_were_but_cleaned(
    stores: Stores, text: str, name: str, number: int
) -> None:
    conversation = await stores.conversations.open(replace(HOME, chat=f"c{number}{name}"))
    turn = await stores.turns.begin(conversation, an_event(number, chat=f"c{name}"), person_id="ann")
    done = replace(
        turn,
        state=TurnState.DONE,
        text=text,
        model="m",
        usage=Usage(1, 2, 3),
        finish_reason="stop",
        citations=(Citation(1, "p", name, text, text),),
        thoughts=Thoughts(text, 1.5, cut=True),
        ended_at=2.5,
    )
    said = Message(
        Role.USER,
        text,
        context=name,
        name=name,
        attachments=(Part(PartKind.IMAGE, ref=name, size=3),),
        tool_calls=(ToolCall("i", name, text),),
        tool_call_id="i",
        tokens=5,
        context_tokens=3,
        turn=turn.number,
    )
    await stores.turns.finish(done, [said, Message(Role.ASSISTANT, "a")])
    stored = await stores.turns.get(turn.id)
    assert stored is not None
    if turn.attempts == 1:
        assert stored == replace(
            done,
            text=clean(text),
            citations=(Citation(1, "p", clean(name), clean(text), clean(text)),),
            thoughts=Thoughts(clean(text), 1.5, cut=True),
        )
        [back, _] = await stores.conversations.history(conversation.id, first_turn=turn.number)
        assert (back.text, back.context, back.name) == (clean(text), clean(name), clean(name))
        assert (back.tokens, back.context_tokens) == (5, 3)
        assert back.attachments == (Part(PartKind.IMAGE, ref=clean(name), size=3),)
        assert back.tool_calls == (ToolCall("i", clean(name), clean(text)),)


async def test_a_listing_is_newest_first_by_key_and_of_replaced_turns_only_the_newest(stores: Stores) -> None:
    turns = [await begun(stores, number) for number in range(1, 5)]
    anew = await begun(stores, 9, replaces=turns[1].id)
    place = turns[0].conversation_id
    listed = await stores.turns.listing(place, limit=10)
    assert [t.id for t in listed] == [turns[3].id, turns[2].id, anew.id, turns[0].id]
    assert [t.number for t in await stores.turns.listing(place, limit=2)] == [4, 3]
    assert [t.number for t in await stores.turns.listing(place, limit=2, before=3)] == [2, 1]
    assert await stores.turns.listing(place, before=1) == []
    assert await stores.turns.listing(place + 1000) == []
