"""The model contract over everything that implements it, on the fake server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.clock import SystemClock
from bot.ports import Model
from inference.chain import ChainModel
from inference.extractive import ExtractiveModel
from inference.http import Http
from inference.langchain import LangChainModel
from inference.openai_api import OpenAIModel
from inference.vllm import ChatVLLM
from inference.wire import Endpoint, Patience
from tests.contract.model_suite import GeneratingContract, ModelContract
from tests.simulators.openai import Server

DOWN = Endpoint("http://127.0.0.1:9/v1", model="down")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(window=512).lifespan() as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http().lifespan() as http:
        yield http


class TestWire(ModelContract, GeneratingContract):
    @pytest.fixture
    def model(self, server: Server, http: Http) -> Model:
        return OpenAIModel(Endpoint(server.url), http, SystemClock())


class TestSeeingOverWire(ModelContract, GeneratingContract):
    @pytest.fixture
    async def model(self, http: Http) -> AsyncIterator[Model]:
        async with Server(window=512, pictures=4).lifespan() as seeing:
            yield OpenAIModel(Endpoint(seeing.url), http, SystemClock())


class TestStrangerOverWire(ModelContract):
    """A server that is no vLLM: counts are estimated, nothing is continued."""

    @pytest.fixture
    async def model(self, http: Http) -> AsyncIterator[Model]:
        async with Server(vllm=False).lifespan() as stranger:
            yield OpenAIModel(Endpoint(stranger.url), http, SystemClock())


class TestChain(ModelContract, GeneratingContract):
    """The first endpoint is down all the time."""

    @pytest.fixture
    def model(self, server: Server, http: Http) -> Model:
        down = OpenAIModel(DOWN, http, SystemClock(), patience=Patience(retries=0), window=512)
        return ChainModel([down, OpenAIModel(Endpoint(server.url), http, SystemClock())], SystemClock())


class TestLangChain(ModelContract, GeneratingContract):
    @pytest.fixture
    async def model(self, server: Server) -> AsyncIterator[Model]:
        chat = ChatVLLM(url=server.url)
        yield LangChainModel(chat, window=512)
        await chat.aclose()


class TestExtractive(ModelContract):
    @pytest.fixture
    def model(self) -> Model:
        return ExtractiveModel()
