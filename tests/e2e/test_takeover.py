"""Conversations that were taken over: a person answers in the bot's place, and hands back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

from bot.errors import ChannelUnavailable
from bot.takeover import taken
from bot.types import (
    Address,
    EventKind,
    Role,
    Sender,
    TurnState,
)
from tests.e2e.taken_over import (
    ANN,
    BACK_AGAIN,
    NOW,
    conversation,
    dialogue,
    give_back,
    say,
    take,
    turns,
)
from tests.scripted import CAPS, World


async def test_a_person_answers_in_the_bots_place_and_hands_back() -> None:
    world = World(["Hello."], ["And on."])
    async with world.running():
        await world.ask("Hi")
        await take(world)
        assert world.channel.texts() == ["Hello."], "nobody has asked anything yet"
        assert await world.ask("Where is my parcel?") == NOW
        assert await world.ask("It was sent on Monday") == NOW, "told once"
        assert len(world.channel.texts()) == 2
        key = await say(world, "It comes *today*.")
        assert world.channel.texts()[-1] == "Ann (staff): It comes today."
        await say(world, "Before noon.")
        await give_back(world)
        assert world.channel.texts()[-1] == BACK_AGAIN
        assert len(world.model.requests) == 1
        assert await world.ask("Thanks") == "And on."
        answer = await world.stores.turns.of_event(key)
    assert answer is not None
    assert (answer.model, answer.state) == ("human:Ann", TurnState.DONE)
    assert dialogue(world) == [
        (Role.USER, "Hi"),
        (Role.ASSISTANT, "Hello."),
        (Role.USER, "Where is my parcel?\n\nIt was sent on Monday"),
        (Role.ASSISTANT, "It comes *today*.\n\nBefore noon."),
        (Role.USER, "Thanks"),
    ]
    assert all(state == "done" for state, _, _ in world.memory.inbox.values())


async def test_a_first_question_that_a_person_answers_is_the_title() -> None:
    world = World()
    async with world.running():
        await take(world)
        await world.ask("Where is\nmy parcel?")
        await world.ask("Hello?")
    assert [c.title for c in world.memory.conversations.values()] == ["Where is my parcel?"]


async def test_the_answer_replies_to_the_question_and_stands_with_it() -> None:
    world = World(caps=replace(CAPS, buttons=True))
    async with world.running():
        await world.ask("Hi")
        await take(world)
        question = await world.say("Well?")
        await world.clock.advance(1)
        await say(world, "Yes.")
        reply = list(world.channel.messages.values())[-1]
        answer = (await turns(world))[-1]
        assert reply.reply_to == question.message_id == answer.question_id
        assert [b.data for b in reply.last.buttons] == ["up", "down"]
        asked = await world.stores.turns.question(answer)
        assert asked is not None
        assert asked.text == "Well?"
        assert answer.person_id == (await turns(world))[0].person_id


async def test_the_prompt_before_is_the_beginning_of_the_prompt_after() -> None:
    world = World(["One."], ["Two."], ["Three."])
    async with world.running():
        await world.ask("first")
        await take(world)
        await world.ask("unanswered")
        await give_back(world)
        await take(world)
        await say(world, "Out of the blue.")
        await give_back(world)
        await world.ask("last")
    prompts = [[(m.role, m.content) for m in request.messages] for request in world.model.requests]
    for before, after in pairwise(prompts):
        assert after[: len(before)] == before
        assert [role for role, _ in after[1:]] == [Role.USER, Role.ASSISTANT] * (len(after) // 2 - 1) + [
            Role.USER
        ]


async def test_who_speaks_first_to_somebody_is_read_by_the_model_too() -> None:
    world = World(["Fine."])
    async with world.running():
        await take(world)
        await say(world, "How did it go?")
        await give_back(world)
        await world.ask("Well!")
    assert [role for role, _ in dialogue(world)] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert dialogue(world)[1:] == [(Role.ASSISTANT, "How did it go?"), (Role.USER, "Well!")]


async def test_what_is_being_written_stops_where_it_is() -> None:
    world = World(["Half of ", asyncio.Event()], ["Next."])
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(1)
        await take(world)
        assert world.channel.texts() == ["Half of\n\nStopped: a person answers here now."]
        assert (await turns(world))[-1].state is TurnState.CANCELLED
        await world.ask("And?")
        assert len(world.channel.texts()) == 1, "they know already"
        await say(world, "I am here.")
        assert world.channel.texts()[0].startswith("Half of"), "its text stays"
        await give_back(world)
        await world.ask("More?")
    assert dialogue(world)[:4] == [
        (Role.USER, "Hi"),
        (Role.ASSISTANT, "Half of "),
        (Role.USER, "And?"),
        (Role.ASSISTANT, "I am here."),
    ]


async def test_what_was_stopped_before_its_first_word_waits_and_is_answered_in_a_new_message() -> None:
    world = World([asyncio.Event()])
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(1)
        await take(world)
        assert world.channel.texts() == ["Stopped: a person answers here now."]
        await say(world, "Hello.")
        assert world.channel.texts()[1:] == ["Ann (staff): Hello."]
        (turn,) = await turns(world)
        question = await world.stores.turns.question(turn)
        assert question is not None
        assert question.text == "Hi"


async def test_what_waits_at_the_end_is_answered_by_the_model() -> None:
    world = World(["Both answered."], ["Later."])
    async with world.running():
        await take(world)
        await world.ask("One?")
        await world.ask("Two?")
        await give_back(world)
        assert world.channel.texts() == [NOW, BACK_AGAIN, "Both answered."]
        assert dialogue(world) == [(Role.USER, "One?\n\nTwo?")]
        await world.ask("Three?")
    assert [text for _, text in dialogue(world)] == ["One?\n\nTwo?", "Both answered.", "Three?"]


async def test_an_answer_to_what_waited_can_be_stopped() -> None:
    world = World(["Begun. ", asyncio.Event()])
    async with world.running():
        await take(world)
        await world.ask("One?")
        await give_back(world)
        await world.say("/stop")
        await world.clock.advance(2)
        assert world.channel.texts()[-1] == "Begun.\n\nStopped."


async def test_what_stands_behind_it_in_the_lane_waits_too() -> None:
    world = World(["Begun ", asyncio.Event()])
    async with world.running():
        for text in ("One?", "Two?", "Three?"):
            await world.say(text)
        await world.clock.advance(1)
        await take(world)
        assert len(world.model.requests) == 1
        asked = [await world.stores.turns.question(turn) for turn in await turns(world)]
        assert [m.text for m in asked if m] == ["One?", "Two?", "Three?"]
        assert len(world.channel.texts()) == 1


async def test_an_answer_that_is_whole_is_delivered_and_the_next_question_is_told() -> None:
    world = World(["Whole."])
    closed = True
    world.channel.fail = lambda call, out: ChannelUnavailable("502") if closed else None
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(3)
        await take(world)
        closed = False
        await world.clock.advance(30)
        assert world.channel.texts() == ["Whole."]
        assert await world.ask("And?") == NOW


async def test_a_retry_under_way_stops_too() -> None:
    world = World(["First."], ["Second ", asyncio.Event()])
    async with world.running():
        await world.ask("Hi")
        await world.say("/retry")
        await world.clock.advance(1)
        await take(world)
        assert world.channel.texts() == ["Second\n\nStopped: a person answers here now."]


async def test_nobody_hears_of_it_where_nobody_asked() -> None:
    world = World()
    async with world.running():
        await world.ask("Hi")
        await take(world)
        await give_back(world)
        assert world.channel.texts() == ["echo: Hi"]


async def test_a_conversation_that_its_operator_has_left_is_handed_back_by_itself() -> None:
    world = World(["Answered after all."], takeover_idle=10)
    async with world.running():
        number = await take(world)
        await world.ask("Anybody?")
        await world.clock.advance(9 * 60)
        await world.app.takeover.say(number, "One moment.", ANN)
        await world.clock.advance(9 * 60)
        await world.ask("Still there?")
        assert taken(await conversation(world)) is not None
    async with world.running():
        await world.clock.advance(2 * 60)
        assert world.channel.texts()[-2:] == [BACK_AGAIN, "Answered after all."]
        assert taken(await conversation(world)) is None
        assert await world.app.takeover.listing() == []


async def test_never_by_itself_where_that_is_set() -> None:
    world = World(takeover_idle=0)
    async with world.running():
        await take(world)
        await world.clock.advance(40_000)
        assert [c.id for c in await world.app.takeover.listing()] == [(await conversation(world)).id]


async def test_it_holds_across_a_restart() -> None:
    world = World(["Hello."])
    async with world.running():
        await world.ask("Hi")
        await take(world)
        await world.ask("Well?")
    async with world.running():
        assert await world.ask("Still?") == NOW
        await say(world, "Yes.")
        assert world.channel.texts()[-1] == "Ann (staff): Yes."
        await give_back(world)
        assert world.channel.texts()[-1] == BACK_AGAIN
    assert len(world.model.requests) == 1


async def test_what_was_being_written_at_a_crash_ends_where_it_was() -> None:
    world = World(["Part one, ", asyncio.Event()], stop_grace=1)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(4)
        number = (await conversation(world)).id
    taken_over = {"name": ANN.name, "at": world.clock.time()}
    await world.stores.conversations.update(number, settings={"takeover": taken_over})
    async with world.running():
        await world.clock.advance(3)
        assert world.channel.texts() == ["Part one,\n\nStopped: a person answers here now."]
        await world.ask("And?")
        assert len(world.channel.texts()) == 1
    assert len(world.model.requests) == 1


async def test_commands_work_and_a_retry_waits_for_the_assistant() -> None:
    world = World(["Anew."])
    async with world.running():
        await take(world)
        await world.ask("Hi")
        assert "/whoami" in await world.ask("/help")
        assert await world.ask("/retry") == NOW
        assert "nothing to stop" in await world.ask("/stop")
        await say(world, "Hello.")
        await give_back(world)
        await world.say("/retry")
        await world.clock.advance(3)
        assert "Anew." in world.channel.texts()
        assert (await turns(world))[-1].text == "Anew."
    assert dialogue(world) == [(Role.USER, "Hi")]


async def test_after_a_fresh_start_the_operator_is_still_there() -> None:
    world = World(["Hello."])
    async with world.running():
        await take(world)
        await world.ask("Old?")
        assert "fresh start" in await world.ask("/new")
        await say(world, "Welcome.")
        assert len(await turns(world)) == 2, "what was asked before the fresh start is not answered by this"
        await give_back(world)
        await world.ask("New?")
    assert [text for _, text in dialogue(world)][1:] == ["Welcome.", "New?"]


async def test_an_edit_of_what_waits_takes_its_place_and_one_of_an_old_question_waits_too() -> None:
    world = World(["Old answer."])
    async with world.running():
        old = await world.say("Old?")
        await world.clock.advance(3)
        await take(world)
        new = await world.say("New?")
        await world.clock.advance(1)
        await world.say("Newer?", kind=EventKind.EDIT, message_id=new.message_id)
        await world.say("Newer?", kind=EventKind.EDIT, message_id=new.message_id)
        await world.clock.advance(1)
        assert len(await turns(world)) == 2
        await world.say("Old, changed?", kind=EventKind.EDIT, message_id=old.message_id)
        await world.clock.advance(1)
        asked = [await world.stores.turns.question(turn) for turn in await turns(world)]
        assert [m.text for m in asked if m] == ["Old?", "Newer?", "Old, changed?"]
        assert world.channel.texts() == ["Old answer.", NOW]
    assert len(world.model.requests) == 1


async def test_an_answer_of_a_person_is_rated_like_any_other() -> None:
    world = World()
    async with world.running():
        await take(world)
        await world.ask("Hi")
        await say(world, "Hello.")
        message = list(world.channel.messages)[-1]
        await world.say(kind=EventKind.REACTION, data="👍", message_id=message)
        await world.clock.advance(1)
        ((rated, _),) = world.memory.feedback
        assert rated == (await turns(world))[-1].id


async def test_a_long_answer_comes_in_parts_below_its_name() -> None:
    world = World()
    async with world.running():
        await take(world)
        await world.ask("Hi")
        text = "\n\n".join(f"Paragraph {n} " + "word " * 30 for n in range(12))
        await say(world, text)
        await world.clock.advance(10)
        shown = world.channel.texts()[1:]
        assert len(shown) > 2
        assert shown[0].startswith("Ann (staff):\n\nParagraph 0")
        assert " ".join(shown).split() == ["Ann", "(staff):", *text.split()]


async def test_people_read_it_in_their_language() -> None:
    world = World()
    async with world.running():
        await take(world)
        await world.ask("在吗？", sender=Sender("p", name="p", language="zh-hans"))
        await say(world, "在。")
        await give_back(world)
        assert world.channel.texts() == [
            "现在由工作人员 Ann 在这里回答。在交还之前，助手不会发言。",
            "Ann（工作人员）： 在。",
            "现在又由助手在这里回答。",
        ]


async def test_in_a_group_everybody_waits_and_all_names_are_kept() -> None:
    world = World(["To both."])
    async with world.running():
        await take(world, "g")
        await world.ask("One?", chat="g", person="bob", private=False)
        await world.ask("Two?", chat="g", person="eve", private=False)
        assert world.channel.texts() == [NOW]
        assert await world.ask("Elsewhere?", chat="other", person="bob", private=False) == "To both."
        await say(world, "Listen.", "g")
        reply = list(world.channel.messages.values())[-1]
        assert reply.address.chat == "g"
        await give_back(world, "g")
        await world.ask("Three?", chat="g", person="bob", private=False)
    assert [text for _, text in dialogue(world)] == ["bob: One?\n\neve: Two?", "Listen.", "bob: Three?"]


async def test_a_thread_is_taken_over_without_its_channel_and_the_other_way_round() -> None:
    world = World()
    channel, thread = Address("sim", "bot", "g"), Address("sim", "bot", "g", "7")
    async with world.running():
        inside: dict[str, Any] = {"address": thread, "within": (channel,), "private": False}
        await world.ask("Hi", **inside)
        await take(world, "g")
        assert await world.ask("In the thread", **inside) == "echo: In the thread"
        await give_back(world, "g")
        await world.app.takeover.take((await world.stores.conversations.open(thread)).id, ANN)
        assert await world.ask("Again", **inside) == NOW
        assert await world.ask("Here", chat="g", private=False) == "echo: Here"
