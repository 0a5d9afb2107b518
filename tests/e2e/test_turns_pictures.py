"""Pictures in turns: fetched once a turn, seen in the turns that follow, never kept with the history."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.errors import ContextOverflow, ModelUnavailable
from bot.locale import Catalogue
from bot.pictures import REFUSED_SECONDS
from bot.types import Chunk, EventKind, Message, Part, PartKind, Picture, Priority, Role, ToolCall
from tests.pictures import picture
from tests.scripted import Script, ScriptedModel, World

TALK = "word " * 160
UNSEEN = Catalogue.load().say("en", "turn.unseen").strip("*")


class Fetching(dict[str, bytes]):
    """Counts how often each file was asked for."""

    def __init__(self, **files: bytes) -> None:
        super().__init__(files)
        self.fetched: list[str] = []

    def get(self, ref: str, default: Any = None) -> Any:
        self.fetched.append(ref)
        return super().get(ref, default)


def seeing(*scripts: Script, window: int = 8000, **settings: Any) -> World:
    """A world whose model sees, and whose platform has two pictures."""
    world = World(**settings)
    world.model = ScriptedModel(world.clock, *scripts, window=window, sees=True)
    world.channel.files = Fetching(a=picture("red"), b=picture("blue", (40, 40)))
    return world


async def look(world: World, text: str, *refs: str, **more: Any) -> None:
    """Somebody asks with pictures, and is answered. What prepares them takes real time."""
    parts = [Part(text=text), *(Part(PartKind.IMAGE, ref=ref, media_type="image/png") for ref in refs)]
    world.model.reached.clear()
    await world.say(parts=tuple(parts), **more)
    await asyncio.wait_for(world.model.reached.wait(), 20)
    await world.clock.advance(3)


def fetched(world: World) -> list[str]:
    files = world.channel.files
    assert isinstance(files, Fetching)
    return files.fetched


def sizes(world: World, request: int = -1) -> list[list[int]]:
    """The widths of the pictures of each message of the person's."""
    messages = world.model.requests[request].messages
    return [[p.width for p in m.pictures] for m in messages if m.role is Role.USER]


async def test_a_picture_is_seen_now_and_in_the_turns_that_follow() -> None:
    world = seeing()
    async with world.running():
        await look(world, "What is this?", "a")
        await look(world, "And this?", "b")
        await look(world, "And what is at its left?")
    assert sizes(world, 0) == [[64]]
    assert sizes(world) == [[64], [40], []]
    assert world.model.requests[-1].messages[1].text == "What is this?\n\n[image]"
    assert fetched(world) == ["a", "b"]


async def test_a_prompt_with_pictures_begins_with_the_one_before() -> None:
    world = seeing()
    async with world.running():
        for number in range(4):
            await look(world, f"Question {number}", *("a" if number == 1 else ()))
    for before, after in zip(world.model.requests, world.model.requests[1:], strict=False):
        head = [(m.role, m.content, m.pictures) for m in before.messages]
        assert [(m.role, m.content, m.pictures) for m in after.messages[: len(head)]] == head


async def test_after_a_restart_they_are_fetched_again() -> None:
    world = seeing()
    async with world.running():
        await look(world, "What is this?", "a")
    async with world.running():
        await look(world, "And what is at its left?")
    assert sizes(world) == [[64], []]
    assert fetched(world) == ["a", "a"]


async def test_history_keeps_references_and_no_bytes() -> None:
    world = seeing()
    async with world.running():
        await look(world, "What is this?", "a")
    kept = [message for rows in world.memory.messages.values() for message, _ in rows]
    assert [m.attachments[0].ref for m in kept if m.attachments] == ["a"]
    assert all(m.pictures == () for m in kept)


async def test_a_blind_model_fetches_nothing_and_reads_words() -> None:
    world = seeing()
    world.model.sees = False
    async with world.running():
        await look(world, "What is this?", "a")
    assert sizes(world) == [[]]
    assert fetched(world) == []


async def test_one_that_is_gone_is_there_in_words() -> None:
    world = seeing()
    async with world.running():
        await look(world, "What is this?", "gone", "a")
    assert sizes(world) == [[64]]
    assert world.model.requests[-1].messages[1].text == "What is this?\n\n[image]\n\n[image]"


async def test_tools_and_lost_streams_fetch_nothing_again() -> None:
    call = ToolCall("1", "unknown_tool", "{}")
    world = seeing([call], [ModelUnavailable("lost")], ["Red."])
    async with world.running():
        await look(world, "What is this?", "a")
        await world.clock.advance(10)
        assert world.channel.texts() == ["Red."]
    assert [sizes(world, n) for n in range(3)] == [[[64]]] * 3
    assert fetched(world) == ["a"]


async def test_another_answer_and_an_edit_see_the_picture_too() -> None:
    world = seeing(["Red."], ["Rather red."], ["Still red."])
    async with world.running():
        await look(world, "What is this?", "a", message_id="q")
        await look(world, "", kind=EventKind.COMMAND, data="/retry")
        await look(world, "Which colour?", "a", kind=EventKind.EDIT, message_id="q")
        assert world.channel.texts() == ["Still red."]
    assert [sizes(world, n) for n in range(3)] == [[[64]]] * 3


async def test_what_overflows_is_asked_with_fewer_pictures() -> None:
    world = seeing(["One."], [ContextOverflow("too long", 4000)], ["Two."])
    async with world.running():
        await look(world, "What is this?", "a")
        await look(world, "And this?", "b")
        assert world.channel.texts() == ["One.", "Two."]
        await look(world, "And now?")
    assert sizes(world, 1) == [[64], [40]]
    assert sizes(world, 2) == [[], [40]]
    assert sizes(world) == [[], [40], []], "what was too much is not tried again at once"


async def test_a_question_that_overflows_again_and_again_is_asked_in_words() -> None:
    refused = [[ContextOverflow("too long", 4000)] for _ in range(2)]
    world = seeing(*refused, ["In words."], window=4000)
    async with world.running():
        await look(world, "What is this?", "a", "b")
        assert world.channel.texts() == [f"In words.\n\n{UNSEEN}"]
    assert sizes(world, 1) == [[40]]
    assert sizes(world) == [[]]
    assert world.model.requests[-1].messages[-1].text == "What is this?\n\n[image]\n\n[image]"


async def test_pictures_that_are_too_large_for_the_server_take_no_words_with_them() -> None:
    world = seeing(["One."], ["Two."], [ContextOverflow("413")], ["In words."])
    async with world.running():
        await look(world, TALK)
        await look(world, TALK)
        await look(world, "What is this?", "a")
    assert [m.text for m in world.model.requests[-1].messages] == [
        m.text for m in world.model.requests[-2].messages
    ]
    assert [sizes(world, n)[-1] for n in (2, 3)] == [[64], []]


async def test_what_the_server_did_not_take_is_told_once_and_tried_again_later() -> None:
    world = seeing(["One."], [Chunk("Two.", unseen=True)], ["Three."], ["Four."])
    async with world.running():
        await look(world, "What is this?", "a")
        await look(world, "And this?", "b")
        assert world.channel.texts() == ["One.", f"Two.\n\n{UNSEEN}"]
        await look(world, "And at its left?")
        assert world.channel.texts()[2:] == ["Three."]
        assert sizes(world) == [[64], [], []], "the one that was taken before still is"
        await world.clock.advance(REFUSED_SECONDS)
        await look(world, "And now?")
    assert sizes(world) == [[64], [40], [], []]


async def test_after_a_refusal_tools_are_answered_without_the_pictures() -> None:
    call = ToolCall("1", "unknown_tool", "{}")
    world = seeing([Chunk(unseen=True), call], ["In words."])
    async with world.running():
        await look(world, "What is this?", "a")
        await world.clock.advance(3)
        assert world.channel.texts() == [f"In words.\n\n{UNSEEN}"]
    assert [sizes(world, n) for n in range(2)] == [[[64]], [[]]]


async def test_earlier_pictures_that_a_server_refuses_now_are_left_out_untold() -> None:
    world = seeing(["One."], [Chunk("Two.", unseen=True)], ["Three."])
    async with world.running():
        for number in range(3):
            await look(world, f"Question {number}", *("a" if number == 0 else ()))
        assert world.channel.texts() == ["One.", "Two.", "Three."]
    assert sizes(world) == [[], [], []]


async def test_the_words_of_a_question_with_a_picture_are_counted_without_it() -> None:
    world = seeing()
    async with world.running():
        await look(world, "What is this?", "a")
    kept = [message for rows in world.memory.messages.values() for message, _ in rows]
    (count,) = await world.model.count(["What is this?\n\n[image]"])
    assert [m.tokens for m in kept if m.role is Role.USER] == [count]


async def test_summaries_are_written_without_pictures() -> None:
    world = seeing(prompt_budget=3200)
    async with world.running():
        await look(world, f"What is this? {TALK}", "a")
        while not any(r.priority is Priority.BATCH for r in world.model.requests):
            await look(world, TALK)
            assert len(world.model.requests) < 30
    summary = next(r for r in world.model.requests if r.priority is Priority.BATCH)
    assert any("[image]" in m.text for m in summary.messages)
    assert not any(m.pictures for m in summary.messages)


def test_a_picture_shows_no_bytes_in_logs() -> None:
    shown = repr(Message(Role.USER, pictures=(Picture(b"secret", 1, 1),)))
    assert "secret" not in shown
