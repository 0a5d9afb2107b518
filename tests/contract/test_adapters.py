"""Telegram, Discord, the page and the test platform keep one contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.contract.adapter_platforms import DiscordStage, SimStage, TelegramStage, WebStage
from tests.contract.adapter_stage import Remote, Roomy, Stage
from tests.contract.adapter_suite import ChannelContract, IntakeContract, LifespanContract
from tests.contract.adapter_suite_remote import RemoteContract, RoomContract

ROOMY: dict[str, Callable[[], AbstractAsyncContextManager[Roomy]]] = {
    "telegram": TelegramStage.set_up,
    "discord": DiscordStage.set_up,
}
REMOTE: dict[str, Callable[[], AbstractAsyncContextManager[Remote]]] = {**ROOMY, "platform": SimStage.set_up}
ALL: dict[str, Callable[[], AbstractAsyncContextManager[Stage]]] = {**REMOTE, "web": WebStage.set_up}


@pytest.mark.parametrize("stage", ALL, indirect=True)
class TestAll(IntakeContract, ChannelContract, LifespanContract):
    @pytest.fixture
    async def stage(self, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
        async with ALL[request.param]() as made:
            yield made


@pytest.mark.parametrize("stage", REMOTE, indirect=True)
class TestRemote(RemoteContract):
    @pytest.fixture
    async def stage(self, request: pytest.FixtureRequest) -> AsyncIterator[Remote]:
        async with REMOTE[request.param]() as made:
            yield made


@pytest.mark.parametrize("stage", ROOMY, indirect=True)
class TestRooms(RoomContract):
    @pytest.fixture
    async def stage(self, request: pytest.FixtureRequest) -> AsyncIterator[Roomy]:
        async with ROOMY[request.param]() as made:
            yield made
