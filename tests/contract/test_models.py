"""The model contract over everything that implements it, on the fake server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.clock import SystemClock
from bot.ports import Model
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.wire import Endpoint
from tests.contract.model_suite import GeneratingContract, ModelContract
from tests.simulators.openai import Server


class TestWire(ModelContract, GeneratingContract):
    @pytest.fixture
    async def model(self) -> AsyncIterator[Model]:
        async with Server(window=512).lifespan() as server, Http().lifespan() as http:
            yield OpenAIModel(Endpoint(server.url), http, SystemClock())
