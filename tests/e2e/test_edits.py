"""Edits: what is asked is what the question says when it is asked, and nothing is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.errors import ChannelError
from bot.types import LEFT, Address, EventKind, Part, PartKind, TurnState
from tests.scripted import World, last_turn

GROUP: dict[str, Any] = {"private": False, "chat": "g"}


async def edit(world: World, message_id: str, text: str = "", **more: Any) -> None:
    await world.say(text, kind=EventKind.EDIT, message_id=message_id, **more)


def questions(world: World) -> list[str]:
    """What the model was asked, request by request."""
    return [request.messages[-1].text for request in world.model.requests]


async def test_a_question_that_waits_is_asked_as_it_reads_now_and_once() -> None:
    world = World(["one", 5.0, "!"])
    async with world.running():
        await world.say("first")
        await world.say("secnod", message_id="m2")
        await world.say("third")
        await edit(world, "m2", "second")
        await edit(world, "m2", "second, please")
        await world.clock.advance(30)
        assert questions(world) == ["first", "second, please", "third"]
        assert world.channel.texts() == ["one!", "echo: second, please", "echo: third"]


async def test_an_answer_under_way_is_begun_anew_when_its_question_changes() -> None:
    world = World(["old ", 5.0, "answer"])
    async with world.running():
        await world.say("whta", message_id="m1")
        await world.clock.advance(1)
        await edit(world, "m1", "what")
        await world.clock.advance(10)
        assert questions(world) == ["whta", "what"]
        assert world.channel.texts() == ["echo: what"]


async def test_an_edit_that_changes_nothing_costs_nothing() -> None:
    """Platforms tell of edits that nobody sees: the preview of a link was loaded."""
    world = World(["slow ", 2.0, "answer"])
    async with world.running():
        await world.say("same", message_id="m1")
        await world.clock.advance(1)
        await edit(world, "m1", "same")
        await world.clock.advance(10)
        await edit(world, "m1", "same")
        await world.clock.advance(10)
        assert questions(world) == ["same"]
        assert world.channel.texts() == ["slow answer"]
        assert await last_turn(world) is TurnState.DONE


async def test_an_edit_that_is_refused_leaves_the_question_and_its_answer_be() -> None:
    world = World(["an ", 2.0, "answer"], max_input=20)
    async with world.running():
        await world.say("running", message_id="m1")
        await world.say("waiting", message_id="m2")
        await world.clock.advance(1)
        await edit(world, "m1", "x" * 21)
        await edit(world, "m2", "y" * 21)
        await world.clock.advance(20)
        assert questions(world) == ["running", "waiting"]
        assert "an answer" in world.channel.texts()
        assert "echo: waiting" in world.channel.texts()


async def test_an_edit_that_takes_the_mention_away_takes_no_answer_away() -> None:
    world = World(["an ", 2.0, "answer"])
    async with world.running():
        await world.say("running", message_id="m1", **GROUP)
        await world.say("waiting", message_id="m2", **GROUP)
        await world.clock.advance(1)
        await edit(world, "m1", "never mind", addressed=False, **GROUP)
        await edit(world, "m2", "never mind", addressed=False, **GROUP)
        await world.clock.advance(20)
        assert questions(world) == ["running", "waiting"]


async def test_an_edit_that_adds_the_mention_is_a_question() -> None:
    world = World()
    async with world.running():
        await world.say("anybody?", message_id="m1", addressed=False, **GROUP)
        await edit(world, "m1", "bot, anybody?", **GROUP)
        await world.clock.advance(3)
        assert questions(world) == ["bot, anybody?"]


async def test_in_private_an_edit_of_what_was_never_asked_asks_nothing() -> None:
    world = World()
    async with world.running():
        await world.say("/help", message_id="m1")
        await edit(world, "m1", "/help me")
        await world.clock.advance(3)
        assert questions(world) == []


async def test_the_pictures_of_an_album_stay_when_its_caption_changes() -> None:
    world = World()
    pictures = tuple(Part(PartKind.IMAGE, ref=f"p{n}") for n in range(3))
    async with world.running():
        await world.say(message_id="m1", parts=(Part(text="what?"), *pictures))
        await world.clock.advance(3)
        await edit(world, "m1", parts=(Part(text="who?"), pictures[0]))
        await world.clock.advance(3)
        assert questions(world) == [
            "what?\n\n[image]\n\n[image]\n\n[image]",
            "who?\n\n[image]\n\n[image]\n\n[image]",
        ]
        assert [p.ref for p in world.model.requests[-1].messages[-1].attachments] == ["p0", "p1", "p2"]


async def test_a_picture_that_was_replaced_is_gone() -> None:
    world = World()
    async with world.running():
        await world.say(message_id="m1", parts=(Part(text="what?"), Part(PartKind.IMAGE, ref="old")))
        await world.clock.advance(3)
        await edit(world, "m1", parts=(Part(text="what, now?"), Part(PartKind.IMAGE, ref="new")))
        await world.clock.advance(3)
        assert [p.ref for p in world.model.requests[-1].messages[-1].attachments] == ["new"]


async def test_a_stopped_lane_keeps_no_edit_for_later() -> None:
    world = World(["one", 5.0, "!"])
    async with world.running():
        await world.say("first")
        await world.say("second", message_id="m2")
        await edit(world, "m2", "changed")
        await world.say("/stop")
        await world.clock.advance(10)
        assert questions(world) == ["first"]
        await world.say("second", message_id="m2")
        await world.clock.advance(3)
        assert questions(world) == ["first", "second"]


async def test_all_threads_of_a_chat_that_was_left_are_quiet() -> None:
    world = World(["a", 50.0, "b"], ["c", 50.0, "d"])
    group = Address("sim", "bot", "g")
    async with world.running():
        for thread in ("1", "2"):
            await world.say("hi", address=replace(group, thread=thread), private=False)
        await world.clock.advance(1)
        assert len(world.model.requests) == 2
        await world.say(kind=EventKind.MEMBERSHIP, data=LEFT, address=group, private=False)
        await world.clock.advance(5)
        assert world.model.aborted == 2


async def test_what_the_platform_refuses_for_no_known_reason_ends_as_a_dead_letter() -> None:
    world = World()
    world.channel.fail = lambda call, out: ChannelError("400 something new")
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(10)
        (dead,) = await world.stores.inbox.dead()
        assert "something new" in dead[1]
        assert await last_turn_of(world) is TurnState.FAILED
        world.channel.fail = lambda call, out: None
        assert await world.ask("again") == "echo: again"


async def last_turn_of(world: World) -> TurnState:
    conversation = await world.stores.conversations.open(Address("sim", "bot", "c"))
    turn = await world.stores.turns.last(conversation.id)
    assert turn is not None
    return turn.state
