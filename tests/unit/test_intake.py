"""Platforms are left and entered again while the service runs, and say how they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.common.health import State, reported
from bot.errors import SettingsError
from bot.intake import Intakes, Put
from bot.types import Capabilities, Event, PlatformState
from tests.fakes import FakeClock
from tests.fakes_core import make_event
from tests.scripted import MemoryChannel


class Platform:
    """An adapter; `refusal` is raised at its entry."""

    def __init__(self, name: str, *, reconnects: bool = True) -> None:
        self.channel = MemoryChannel(Capabilities(), platform=name)
        self.log: list[str] = []
        self.refusal = ""
        self.reconnects = reconnects
        self.put: Put

    def report(self) -> PlatformState:
        return PlatformState(self.channel.platform, "@bot", "polling", reconnects=self.reconnects)

    @asynccontextmanager
    async def lifespan(self, put: Put) -> AsyncIterator[None]:
        if self.refusal:
            raise SettingsError(self.refusal)
        self.put, task = put, asyncio.current_task()
        self.log.append("in")
        yield
        assert asyncio.current_task() is task
        self.log.append("out")


class Silent(Platform):
    """Cannot say how it is."""

    report = None  # type: ignore[assignment]


async def taken(event: Event) -> bool:
    return True


async def test_each_platform_says_how_it_is_and_what_came() -> None:
    clock, one, two = FakeClock(), Platform("one"), Silent("two")
    intakes = Intakes(clock)
    async with intakes.lifespan([one, two], taken):
        assert intakes.states() == [
            PlatformState("one", "@bot", "polling"),
            PlatformState("two"),
        ]
        await clock.advance(5)
        assert await one.put(make_event("hello"))
        state = intakes.states()[0]
        assert (state.received, state.last_received) == (1, clock.time())
    assert (one.log, two.log) == (["in", "out"], ["in", "out"])
    assert intakes.states() == []


async def test_a_platform_is_left_and_entered_again_in_one_task_each_time() -> None:
    one, web, intakes = Platform("one"), Platform("web", reconnects=False), Intakes(FakeClock())
    async with intakes.lifespan([one, web], taken):
        await intakes.reconnect("one")
        assert one.log == ["in", "out", "in"]
        with pytest.raises(SettingsError, match="web cannot be left"):
            await intakes.reconnect("web")
        with pytest.raises(KeyError):
            await intakes.reconnect("nowhere")
    assert one.log == ["in", "out", "in", "out"]


async def test_what_refuses_says_why_and_can_be_tried_again() -> None:
    clock, one = FakeClock(), Platform("one")
    intakes = Intakes(clock)
    async with intakes.lifespan([one], taken):
        one.refusal = "the token is refused"
        for _ in range(2):
            with pytest.raises(SettingsError, match="refused"):
                await intakes.reconnect("one")
        assert intakes.states()[0].error == "the token is refused"
        assert intakes.states()[0].since == clock.time()
        one.refusal = ""
        await intakes.reconnect("one")
        assert intakes.states()[0].error == ""
    assert one.log == ["in", "out", "in", "out"]


async def test_a_platform_that_refuses_at_the_start_ends_it_and_the_others_are_left() -> None:
    one, two = Platform("one"), Platform("two")
    two.refusal = "the token is refused"
    with pytest.raises(SettingsError, match="refused"):
        async with Intakes(FakeClock()).lifespan([one, two], taken):
            pass
    assert one.log == ["in", "out"]


def test_the_state_of_an_adapter_in_the_cores_words() -> None:
    assert reported("discord", "gateway", State("ann", "down", 5.0)) == PlatformState(
        "discord", "@ann", "gateway", "down", 5.0
    )
    assert reported("discord", "gateway", State()).account == ""
