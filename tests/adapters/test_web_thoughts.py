"""A model's thoughts on their way to the page: as they come, whole after a break, and not where they are
not to be seen."""

from __future__ import annotations

from typing import Any, cast

from adapters.web.blocks import Told
from adapters.web.channel import WebChannel
from bot.errors import ModelUnavailable
from bot.types import Address, Chunk, Outgoing, Thoughts
from tests.adapters.test_web_answers import ONE, WebWorld, _text
from tests.adapters.web_core import Script as Words
from tests.adapters.web_core import ask, browser_like, house, listen
from tests.fakes import FakeClock, Memory
from tests.scripted import Script

THINKS: Script = [Chunk(reasoning="Let me "), 3.0, Chunk(reasoning="see."), 1.0, "Blue, ", 4.0, "said."]


def thoughts(told: list[Told]) -> str:
    text = ""
    for one in told:
        if one.name == "thought":
            text = one.data["text"] if one.data["anew"] else text + one.data["text"]
    return text


def names(told: list[Told]) -> list[str]:
    return [one.name for one in told if one.name]


async def test_thoughts_are_told_before_the_words_and_end_with_how_long_they_took() -> None:
    world = WebWorld(THINKS)
    async with world.running():
        reading = world.reading(await world.put(ONE, "Which?"))
        await world.clock.advance(20)
        told = await reading
    assert names(told) == [
        "start", "thought", "thought", "thought", "chunk", "chunk", "citations", "done",
    ]  # fmt: skip
    assert [one.data for one in told if one.name == "thought"] == [
        {"text": "Let me ", "seconds": 0.0, "cut": False, "anew": False, "thinking": True},
        {"text": "see.", "seconds": 3.0, "cut": False, "anew": False, "thinking": True},
        {"text": "", "seconds": 4.0, "cut": False, "anew": False, "thinking": False},
    ]
    assert _text(told) == "Blue, said."


async def test_whoever_comes_in_mid_thought_later_or_after_a_restart_is_told_all_of_it() -> None:
    world = WebWorld(THINKS)
    async with world.running():
        answer = await world.put(ONE, "Which?")
        await world.clock.advance(3.5)
        early = world.reading(answer, fresh=False)
        await world.clock.advance(2)
        late = world.reading(answer, fresh=False)
        await world.clock.advance(20)
        assert [thoughts(await early), thoughts(await late)] == ["Let me see."] * 2
        world.forget()
    async with world.running():
        reading = world.reading(answer, fresh=False)
        await world.clock.advance(5)
        told = await reading
    assert names(told) == ["start", "thought", "chunk", "citations", "done"]
    assert (thoughts(told), _text(told)) == ("Let me see.", "Blue, said.")


async def test_a_silence_in_mid_thought_takes_nothing_away() -> None:
    world = WebWorld([Chunk(reasoning="Hm."), 50.0, "Blue."])
    async with world.running():
        reading = world.reading(await world.put(ONE, "Which?"))
        await world.clock.advance(60)
        told = await reading
    assert [one.data["text"] for one in told if one.name == "thought"] == ["Hm.", ""]


async def test_what_another_process_thought_is_read_with_its_answer_and_stays() -> None:
    world = WebWorld([Chunk(reasoning="Hm."), 1.0, "Blue, ", 2.0, "and ", 30.0, "green."])
    async with world.running():
        answer = await world.put(ONE, "Which?")
        await world.clock.advance(5)
        world.pages = WebChannel(world.clock)  # nothing is told here
        reading = world.reading(answer, fresh=False)
        await world.clock.advance(60)
        told = await reading
    assert [(one.data["text"], one.data["anew"]) for one in told if one.name == "thought"] == [("Hm.", False)]
    assert _text(told) == "Blue, and green."


async def test_thoughts_of_an_attempt_that_failed_give_way_to_the_next_ones() -> None:
    lost = ModelUnavailable("lost")
    world = WebWorld([Chunk(reasoning="Lost."), 1.0, lost], [Chunk(reasoning="Found."), 1.0, "Blue."])
    async with world.running():
        reading = world.reading(await world.put(ONE, "Which?"))
        await world.clock.advance(30)
        told = await reading
    assert thoughts(told) == "Found."
    assert [one.data["anew"] for one in told if one.name == "thought"] == [False, True, False]


async def test_a_page_that_shows_no_thoughts_tells_and_keeps_none() -> None:
    world = WebWorld(THINKS)
    world.pages = WebChannel(world.clock, thoughts=False)
    world.channel = cast("Any", world.pages)
    async with world.running():
        reading = world.reading(await world.put(ONE, "Which?"))
        await world.clock.advance(30)
        told = await reading
    assert "thought" not in names(told)
    assert [turn.thoughts.text for turn, _ in world.memory.turns.values()] == [""]


async def test_thoughts_count_in_what_the_page_keeps_in_memory() -> None:
    channel = WebChannel(FakeClock())
    out = Outgoing("four", "four", thoughts=Thoughts("and eight"))
    await channel.send(Address("web", "web", "visitor:chat"), out, key="k")
    assert channel.characters == 13


async def test_the_history_has_them_unless_they_are_not_to_be_seen() -> None:
    memory = Memory()
    async with house(memory, Words("Blue.", thoughts=("Let me ", "see."))) as home:
        async with browser_like(home.url) as client:
            told = await ask(client, "Which?")
            path = f"/api/v1/conversations/{told[0][1]['conversation']}/messages"
            (shown,) = (await client.get(path)).json()["messages"]
            cookies = dict(client.cookies)
    async with house(memory, thoughts=False) as home, browser_like(home.url) as client:
        client.cookies.update(cookies)
        (hidden,) = (await client.get(path)).json()["messages"]
        again = await listen(client, told[0][1]["id"])
    assert shown["thoughts"] == {"text": "Let me see.", "seconds": 12.0, "cut": False}
    assert (hidden["answer"], hidden["thoughts"]) == ("Blue.", None)
    assert [name for name, _ in again] == ["start", "chunk", "citations", "done"]
