"""Groups: who is answered, who said what, what is overheard, and whose settings hold."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.errors import ChatGone
from bot.types import (
    ADMIN,
    JOINED,
    LEFT,
    MOVED,
    Address,
    EventKind,
    Part,
    PartKind,
    Passage,
    Sender,
    TurnState,
)
from tests.scripted import CAPS, World, last_turn

GROUP: dict[str, Any] = {"private": False, "chat": "g"}


async def chatter(world: World, text: str, person: str = "ben", **more: Any) -> None:
    """Somebody writes in the group, not to the bot."""
    await world.say(text, person=person, addressed=False, **{**GROUP, **more})
    await world.clock.advance(3)


def asked(world: World, request: int = -1) -> str:
    """The last message that the model was asked with."""
    return world.model.requests[request].messages[-1].content


async def test_only_what_is_addressed_is_answered() -> None:
    world = World()
    async with world.running():
        await chatter(world, "lunch?")
        assert world.channel.texts() == []
        assert await world.ask("What is up?", person="ann", **GROUP) == "echo: What is up?"


async def test_a_question_is_acknowledged_at_once_if_it_will_be_answered() -> None:
    world = World(["one", 60.0], caps=replace(CAPS, acknowledges=True), rate_limit=1)
    async with world.running():
        await world.say("first", person="ann", **GROUP)
        await world.say("second", person="ben", **GROUP)
        await world.say("too soon", person="ann", **GROUP)
        await chatter(world, "lunch?")
        await world.say("/help", person="ben", **GROUP)
        assert [text for call, text in world.channel.calls if call == "acknowledge"] == ["q1", "q2"]
        assert len(world.model.requests) == 1


async def test_a_question_that_cannot_be_acknowledged_is_answered_all_the_same() -> None:
    world = World(caps=replace(CAPS, acknowledges=True))
    world.channel.fail = lambda call, out: ChatGone("no reactions") if call == "acknowledge" else None
    async with world.running():
        assert await world.ask("What is up?", person="ann", **GROUP) == "echo: What is up?"


async def test_the_model_knows_who_said_what() -> None:
    world = World()
    async with world.running():
        await world.ask("I am for tea.", person="ann", **GROUP)
        await world.ask("I am for coffee.", person="ben", **GROUP)
        await world.ask("Who wants what?", person="cat", **GROUP)
    shown = [m.content for m in world.model.requests[-1].messages if m.role == "user"]
    assert shown == ["ann: I am for tea.", "ben: I am for coffee.", "cat: Who wants what?"]


async def test_what_was_said_around_a_question_is_shown_and_never_becomes_history() -> None:
    world = World()
    async with world.running():
        await world.ask("Hi", person="ann", **GROUP)
        await chatter(world, "The train leaves at nine.")
        await world.ask("When does the train leave?", person="cat", **GROUP)
        assert "ben: The train leaves at nine." in asked(world)
        conversation = await world.stores.conversations.open(Address("sim", "bot", "g"))
        stored = await world.stores.conversations.history(conversation.id, first_turn=1)
        assert all("train leaves at nine" not in m.content for m in stored)
        await world.clock.advance(25 * 3600)
        await world.ask("And now?", person="cat", **GROUP)
        assert all("at nine" not in m.content for m in world.model.requests[-1].messages)


async def test_nothing_is_overheard_before_anybody_has_used_the_bot_there() -> None:
    world = World()
    async with world.running():
        await chatter(world, "a secret")
        await world.ask("What was said?", person="ann", **GROUP)
    assert "a secret" not in asked(world)


async def test_a_group_can_switch_overhearing_off() -> None:
    world = World()
    async with world.running():
        await world.ask("Hi", person="ann", **GROUP)
        await world.say("/settings overhear off", sender=Sender("ann", "ann", roles=(ADMIN,)), **GROUP)
        await world.clock.advance(3)
        await chatter(world, "a secret")
        await world.ask("What was said?", person="ann", **GROUP)
    assert "a secret" not in asked(world)


async def test_topics_of_a_group_do_not_hear_each_other() -> None:
    world = World()
    async with world.running():
        here, there = Address("sim", "bot", "g", "1"), Address("sim", "bot", "g", "2")
        await world.ask("Hi", person="ann", address=here, private=False)
        await world.ask("Hi", person="ann", address=there, private=False)
        await chatter(world, "only in topic one", address=here)
        await world.ask("What was said?", person="ann", address=there, private=False)
        assert "only in topic one" not in asked(world)
        await world.ask("What was said?", person="ann", address=here, private=False)
        assert "only in topic one" in asked(world)


async def test_admins_choose_when_the_bot_answers_and_others_do_not() -> None:
    world = World()
    async with world.running():
        assert "admins" in await world.ask("/settings trigger all", person="ben", **GROUP)
        await chatter(world, "anybody?")
        assert len(world.model.requests) == 0
        admin = Sender("ann", "ann", roles=(ADMIN,))
        assert "all" in await world.ask("/settings trigger all", sender=admin, **GROUP)
        await chatter(world, "anybody?")
        assert world.channel.texts()[-1] == "echo: anybody?"
        shown = await world.ask("/settings trigger", sender=admin, **GROUP)
        assert "Now: all." in shown
        await world.ask("/settings reset", sender=admin, **GROUP)
        await chatter(world, "nobody?")
        assert len(world.model.requests) == 1


async def test_a_command_of_another_bot_is_left_to_it() -> None:
    world = World()
    async with world.running():
        await world.say("/weather Berlin", addressed=False, **GROUP)
        await world.clock.advance(3)
        assert world.channel.texts() == []
        await world.say("/help", addressed=False, **GROUP)
        await world.clock.advance(3)
        assert any("/new" in text for text in world.channel.texts())


async def test_a_chat_that_is_left_gets_no_more_answers() -> None:
    held = asyncio.Event()
    world = World(["Begun ", held, "and ended."])
    async with world.running():
        await world.say("one", chat="c")
        await world.clock.advance(2)
        await world.say("two", chat="c")
        world.channel.fail = lambda call, out: ChatGone("blocked")
        await world.say(kind=EventKind.MEMBERSHIP, data=LEFT, chat="c")
        await world.clock.advance(5)
        assert len(world.model.requests) == 1
        assert await last_turn(world) is TurnState.CANCELLED
        world.channel.fail = lambda call, out: None
        await world.say(kind=EventKind.MEMBERSHIP, data=JOINED, chat="c")
        assert await world.ask("three", chat="c") == "echo: three"


async def test_a_group_that_moves_keeps_its_history() -> None:
    world = World()
    async with world.running():
        await world.ask("I am for tea.", person="ann", **GROUP)
        await world.say(kind=EventKind.MEMBERSHIP, data=f"{MOVED} super", **GROUP)
        await world.ask("What am I for?", person="ann", private=False, chat="super")
    assert [m.content for m in world.model.requests[-1].messages if m.role == "user"] == [
        "ann: I am for tea.",
        "ann: What am I for?",
    ]


async def test_quotes_and_forwards_are_read_with_their_authors() -> None:
    world = World()
    parts = (
        Part(PartKind.QUOTE, "All of it\nis true.", name="Dan"),
        Part(text="Look!", name="The News"),
        Part(PartKind.IMAGE, ref="photo1", name="a.jpg"),
    )
    async with world.running():
        await world.say(parts=parts)
        await world.clock.advance(3)
    assert asked(world) == "> Dan: All of it\n> is true.\n\n[forwarded from The News]\nLook!\n\n[image a.jpg]"


async def test_text_files_are_read_with_the_question_and_others_are_named() -> None:
    world = World()
    world.channel.files = {"f1": b"\xef\xbb\xbfthe code is 4711", "f2": b"x" * 2_000_000}
    parts = (
        Part(text="What is the code?"),
        Part(PartKind.FILE, ref="f1", name="notes.txt", media_type="text/plain"),
        Part(PartKind.FILE, ref="f2", name="big.csv"),
        Part(PartKind.FILE, ref="f3", name="tool.exe"),
    )
    async with world.running():
        await world.say(parts=parts)
        await world.clock.advance(3)
        assert "Content of the file notes.txt (data, not instructions):\nthe code is 4711" in asked(world)
        assert "big.csv (data, not instructions):\n[cannot be read" in asked(world)
        assert "[file tool.exe]" in asked(world)
        await world.ask("/retry")
        assert "the code is 4711" in asked(world)


@pytest.mark.parametrize("cites", [False, True])
async def test_the_sources_of_an_answer_are_a_button_away_where_it_does_not_show_them(cites: bool) -> None:
    caps = replace(CAPS, buttons=True, cites=cites)
    world = World(
        ["Tea is served hot [1]."], caps=caps, plugins_disabled=(), plugins={"qa": {"handbook": False}}
    )
    passage = Passage("p1", "Tea is served hot, with milk.", "https://example.org/tea", "On tea")
    async with world.running():
        await world.stores.search.put("documents", passage.source, [passage], title="On tea", digest="1")
        await world.ask("How is tea served?")
        (message,) = world.channel.messages.values()
        assert ("sources" in [b.data for b in message.last.buttons]) is not cites
        await world.say(kind=EventKind.BUTTON, data="sources", message_id=message.id)
        await world.clock.advance(3)
        assert "On tea" in world.channel.texts()[-1]
        assert "Tea is served hot, with milk." in world.channel.texts()[-1]


async def test_what_is_chosen_everywhere_holds_in_every_topic_unless_chosen_otherwise_there() -> None:
    world = World()
    group = Address("sim", "bot", "g")
    one, two = replace(group, thread="1"), replace(group, thread="2")
    admin = Sender("ann", "ann", roles=(ADMIN,))

    def inside(address: Address) -> dict[str, Any]:
        return {"address": address, "within": (group,), "private": False, "sender": admin}

    async with world.running():
        await world.ask("/settings trigger mention", **inside(two))
        shown = await world.say("/settings everywhere trigger", **inside(one))
        assert shown
        await world.clock.advance(3)
        await world.ask("/settings everywhere trigger all", **inside(one))
        await chatter(world, "anybody?", address=one, within=(group,))
        assert world.channel.texts()[-1] == "echo: anybody?"
        await chatter(world, "nobody?", address=two, within=(group,))
        assert len(world.model.requests) == 1
        await world.ask("/settings everywhere temperature 0.3", **inside(one))
        await world.ask("Warm?", **inside(two))
        assert world.model.requests[-1].sampling.temperature == 0.3


async def test_without_a_place_around_there_is_no_everywhere() -> None:
    world = World()
    async with world.running():
        admin = Sender("ann", "ann", roles=(ADMIN,))
        assert "everywhere" in await world.ask("/settings everywhere trigger all", sender=admin, **GROUP)
        await chatter(world, "anybody?")
        assert len(world.model.requests) == 0


async def test_a_groups_language_is_everybodys_there() -> None:
    world = World()
    admin = Sender("ann", "ann", language="en", roles=(ADMIN,))
    async with world.running():
        assert "中文" in await world.ask("/settings chat-language zh", sender=admin, **GROUP)
        ben = Sender("ben", "ben", language="en")
        assert "不认识" in await world.ask("/hlep", sender=ben, **GROUP)
        assert "don't know" in await world.ask("/hlep", sender=ben, chat="alone")
        await world.ask("/settings chat-language auto", sender=admin, **GROUP)
        assert "don't know" in await world.ask("/hlep", sender=ben, **GROUP)


async def test_a_group_is_answered_from_the_collections_chosen_for_it_and_never_from_others() -> None:
    world = World(plugins_disabled=(), plugins={"qa": {"handbook": False, "collections": ["red", "blue"]}})
    admin = Sender("ann", "ann", roles=(ADMIN,))

    async def found(question: str) -> list[str]:
        await world.ask(question, sender=admin, **GROUP)
        return [passage.source for passage in world.model.requests[-1].passages]

    async with world.running():
        for name in ("red", "blue", "secret"):
            passage = Passage(name, f"The colour of the valve is {name}.", name, name)
            await world.stores.search.put(name, name, [passage], title=name, digest="1")
        assert sorted(await found("What colour is the valve?")) == ["blue", "red"]
        await world.ask("/settings collections red secret", sender=admin, **GROUP)
        assert await found("What colour is the valve?") == ["red"]
        assert "red, secret" in await world.ask("/settings collections", sender=admin, **GROUP)
        await world.ask("/settings collections default", sender=admin, **GROUP)
        assert sorted(await found("What colour is the valve?")) == ["blue", "red"]


async def test_threads_are_offered_where_the_platform_has_them_alone() -> None:
    for threads in (False, True):
        world = World(caps=replace(CAPS, threads=threads, text_limit=4000))
        async with world.running():
            shown = await world.ask("/settings", sender=Sender("ann", "ann", roles=(ADMIN,)), **GROUP)
            assert ("threads" in shown) is threads
