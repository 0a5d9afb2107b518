"""What the core counts for the charts: tokens by model, events by platform, errors by kind."""

from __future__ import annotations

from bot.errors import ModelRefused
from bot.statistics import COUNTED, TIMED
from bot.types import Chunk, Usage
from tests.scripted import World


async def test_a_turn_is_counted_with_its_platform_tokens_and_end() -> None:
    world = World(["Hi.", Chunk(usage=Usage(cached=8))])
    async with world.running():
        await world.ask("Hello")
    total, model = world.telemetry.total, world.model.name
    assert total("tokens", kind="prompt", model=model) > 8
    assert total("tokens", kind="completion", model=model) == 5
    assert total("tokens", kind="cached", model=model) == 8
    assert total("events", platform=world.channel.platform, kind="message") == 1
    assert total("turns", state="done") == 1
    assert total("errors") == 0
    for name, found in world.telemetry.counts:
        assert {key for key, _ in found} == set(COUNTED[name])
    assert set(world.telemetry.durations) < TIMED


async def test_a_model_that_fails_is_counted_by_the_kind_of_its_failure() -> None:
    world = World([ModelRefused("no")])
    async with world.running():
        await world.ask("Hello")
    assert world.telemetry.total("errors") == world.telemetry.total("errors", kind="ModelRefused") == 1
    assert world.telemetry.total("tokens") == 0
