"""Passages beside their questions, over several turns: shown until a cut, and not after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from bot.types import Conversation, EventKind, Message, Passage, Priority, Role
from tests.scripted import ScriptedModel, World

BUDGET = 1600
TURNS = 24


def told(number: int) -> str:
    return f"The archive tells of subject{number}. " + "It was long ago, and nobody knows more. " * 8


def world_with_passages(**settings: Any) -> World:
    """Each turn's passage is some 180 tokens of the scripted model's, a question and answer some 20."""
    qa = {"qa": {"handbook": False, "limit": 1}}
    return World(plugins_disabled=(), plugins=qa, prompt_budget=BUDGET, **settings)


async def put_passages(world: World) -> None:
    for number in range(TURNS):
        passage = Passage(f"p{number}", told(number), f"subject{number}", f"subject{number}")
        await world.stores.search.put(
            "documents", passage.source, [passage], title=passage.title, digest=str(number)
        )


async def ask(world: World, *numbers: int) -> None:
    for number in numbers:
        await world.ask(f"What does the archive tell of subject{number}?")


def prompts(world: World) -> list[tuple[Message, ...]]:
    """What the model was shown for each answer; sizes, which it is not shown, left out."""
    asked = [r.messages for r in world.model.requests if r.priority is not Priority.BATCH]
    return [tuple(replace(m, tokens=0, context_tokens=0) for m in messages) for messages in asked]


def conversation_of(world: World) -> Conversation:
    (conversation,) = world.memory.conversations.values()
    return conversation


def contexts(prompt: tuple[Message, ...]) -> list[int]:
    """The turns whose passages are shown."""
    return [m.turn for m in prompt if m.context]


def check(world: World) -> list[int]:
    """Between cuts each prompt begins with all of the one before it, at a cut no passage but the
    question's is shown, and no prompt is over the budget. The turns that made a cut."""
    cuts = []
    for before, after in pairwise(prompts(world)):
        assert sum(world.model.tokens_per_text(m.content) for m in after) <= BUDGET
        assert contexts(after)[-1] == after[-1].turn
        if after[1].turn == before[1].turn:
            assert after[: len(before)] == before
        else:
            cuts.append(after[-1].turn)
            assert contexts(after) == cuts[-1:]
    return cuts


@pytest.mark.parametrize("summaries", [False, True])
async def test_passages_stay_until_a_cut_and_none_from_before_it_is_shown_again(summaries: bool) -> None:
    world = world_with_passages(summaries=summaries)
    async with world.running():
        await put_passages(world)
        await ask(world, *range(TURNS))
        cuts = check(world)
    assert len(cuts) >= 2
    last = prompts(world)[-1]
    assert contexts(last) == list(range(cuts[-1], TURNS + 1))
    assert {m.turn for m in last[1:]} > set(contexts(last))
    assert conversation_of(world).context_turn == cuts[-1]


async def test_the_window_is_as_it_was_after_a_restart() -> None:
    world = world_with_passages()
    for number in range(TURNS):
        async with world.running():
            await put_passages(world)
            await ask(world, number)
    assert len(check(world)) >= 2


async def test_what_a_text_takes_without_its_passages_is_counted_once_and_stored() -> None:
    world = world_with_passages()
    async with world.running():
        await put_passages(world)
        await ask(world, 1)
    (question, answer) = [m for rows in world.memory.messages.values() for m, _ in rows]
    count = world.model.tokens_per_text
    assert told(1).strip() in question.context
    assert question.tokens == count(question.content)
    assert question.tokens - question.context_tokens == count(question.text)
    assert answer.context_tokens == 0


async def test_passages_stored_without_their_count_are_counted_at_the_cut() -> None:
    counted: list[str] = []

    class Counting(ScriptedModel):
        async def count(self, texts: Sequence[str]) -> list[int]:
            counted.extend(texts)
            return await super().count(texts)

    world = world_with_passages(summaries=False)
    world.model = Counting(world.clock)
    async with world.running():
        await put_passages(world)
        for number in range(TURNS):
            for place, rows in world.memory.messages.items():
                world.memory.messages[place] = [(replace(m, context_tokens=0), s) for m, s in rows]
            counted.clear()
            await ask(world, number)
            if conversation_of(world).context_turn > 1:
                break
        assert check(world) == [number + 1]
    kept = {m.text for m in prompts(world)[-1][1:-1] if m.role is Role.USER}
    assert kept
    assert kept <= set(counted)


async def test_an_answer_anew_shows_its_passages_and_the_window_stays() -> None:
    world = world_with_passages()
    async with world.running():
        await put_passages(world)
        await ask(world, *range(TURNS))
        (*_, made) = check(world)
        window = conversation_of(world)
        await ask(world, 1)
        first = prompts(world)[-1]
        await world.ask("/retry")
        assert prompts(world)[-1] == first
        await ask(world, 2)
        assert prompts(world)[-1][: len(first)] == first
        edited = f"q{made - 1}"
        await world.say("And what of subject3, in the archive?", kind=EventKind.EDIT, message_id=edited)
        await world.clock.advance(3)
        assert contexts(prompts(world)[-1]) == [made - 1]
        assert "subject3" in prompts(world)[-1][-1].context
        await ask(world, 4)
        assert min(contexts(prompts(world)[-1])) == made
        assert conversation_of(world) == replace(window, settings=conversation_of(world).settings)


async def test_a_conversation_begun_anew_shows_no_earlier_passage() -> None:
    world = world_with_passages()
    async with world.running():
        await put_passages(world)
        await ask(world, 1, 2)
        await world.ask("/new")
        await ask(world, 3)
    assert [m.turn for m in prompts(world)[-1][1:]] == [3]
    assert conversation_of(world).context_turn == 3
