"""Summaries written ahead: when they are asked for, and when they take effect."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from bot.errors import ModelUnavailable
from bot.prompt import SUMMARY_HEAD
from bot.summaries import KEY
from bot.types import Chunk, ModelRequest, Priority, Role
from tests.scripted import Script, ScriptedModel, World

FILL = "word " * 160
"""About 200 tokens of the scripted model's."""


def world_of(*scripts: Script, **settings: Any) -> World:
    """A window that some ten of such questions fill."""
    return World(*scripts, prompt_budget=2400, **settings)


def summaries(world: World) -> list[ModelRequest]:
    return [r for r in world.model.requests if r.priority is Priority.BATCH]


def heads(world: World) -> list[str]:
    """The system message of each turn's request."""
    return [r.messages[0].text for r in world.model.requests if r.priority is not Priority.BATCH]


async def fill(world: World, turns: int) -> None:
    for number in range(turns):
        await world.ask(f"{number} {FILL}")


async def test_a_summary_is_written_ahead_and_takes_effect_with_the_cut() -> None:
    world = world_of()
    async with world.running():
        while not summaries(world):
            await fill(world, 1)
            assert len(world.model.requests) < 30
        assert not any(SUMMARY_HEAD in head for head in heads(world))
        await fill(world, 8)
    (head, *_) = [h for h in heads(world) if SUMMARY_HEAD in h]
    assert head.partition(SUMMARY_HEAD)[2].strip()


async def test_the_request_continues_the_prefix_that_the_server_has_cached() -> None:
    world = world_of()
    async with world.running():
        while not summaries(world):
            await fill(world, 1)
    asked = summaries(world)[0].messages
    turn = world.model.requests[world.model.requests.index(summaries(world)[0]) - 1].messages
    assert asked[:-1] == turn[: len(asked) - 1]
    assert asked[-1].role is Role.USER


async def test_a_prepared_summary_survives_a_restart() -> None:
    world = world_of()
    async with world.running():
        while not summaries(world):
            await fill(world, 1)
        await world.clock.advance(1)
    async with world.running():
        await fill(world, 8)
    assert any(SUMMARY_HEAD in head for head in heads(world))


class Unwilling(ScriptedModel):
    """Answers, but writes no summary."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        if request.priority is Priority.BATCH:
            self.refused += 1
            raise ModelUnavailable("down")
        async for chunk in super().stream(request):
            yield chunk

    refused = 0


async def test_a_model_failure_leaves_no_summary_and_no_trace() -> None:
    world = world_of()
    world.model = model = Unwilling(world.clock)
    async with world.running():
        await fill(world, 14)
    assert model.refused > 0
    assert not any(SUMMARY_HEAD in head for head in heads(world))
    assert all(KEY not in c.settings for c in world.memory.conversations.values())
    assert not any("went wrong" in text for text in world.channel.texts())


async def test_none_is_asked_for_when_they_are_switched_off() -> None:
    world = world_of(summaries=False)
    async with world.running():
        await fill(world, 14)
    assert summaries(world) == []
