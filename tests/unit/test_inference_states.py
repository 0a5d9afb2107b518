"""Operators see how each model server does: its last error, its latency, and until when it is left alone."""

from __future__ import annotations

import pytest

from bot.clock import SystemClock
from bot.errors import ModelError
from bot.types import Message, ModelRequest, ModelState, Role
from inference.http import Http
from inference.registry import connect
from inference.wire import Endpoint
from tests.simulators.openai import Server

REQUEST = ModelRequest((Message(Role.USER, "hi"),))
DOWN = Endpoint("http://ann:secret@127.0.0.1:9/v1?key=secret", key="secret", model="down")


async def test_a_server_that_answers_tells_its_names_and_its_latency() -> None:
    async with Server(model="big").lifespan() as server, Http().lifespan() as http:
        registry = connect([Endpoint(server.url)], http, SystemClock())
        [before] = registry.states()
        assert (before.answered_at, before.latency, before.error) == (0, 0, "")
        [asked] = await registry.ask()
        assert (asked.name, asked.url, asked.breaker, asked.latency) == ("big", server.url, "closed", 0)
        assert "big" in asked.names
        assert asked.answered_at
        named = registry.get("big")
        assert named is not None
        async for _ in named.stream(REQUEST):
            pass
        [after] = registry.states()
        assert after.latency > 0
        assert after.answered_at >= asked.answered_at


async def test_a_server_that_fails_tells_how_and_until_when_it_is_left_alone() -> None:
    async with Server(model="big").lifespan() as server, Http().lifespan() as http:
        registry = connect([DOWN, Endpoint(server.url)], http, SystemClock())
        for _ in range(3):
            async for _ in registry.default().stream(REQUEST):
                pass
        down, up = registry.states()
        assert (down.breaker, up.breaker) == ("open", "closed")
        assert down.open_until > down.error_at > 0
        assert down.error
        assert down.url == "http://127.0.0.1:9/v1"
        assert "secret" not in repr(registry.states())
        assert (up.error, up.latency > 0) == ("", True)


async def test_an_error_is_forgotten_once_the_server_answers() -> None:
    async with Http().lifespan() as http:
        async with Server(model="big").lifespan() as server:
            registry = connect([Endpoint(server.url)], http, SystemClock())
            registry.servers[0].observed.error = "it was down"
            await registry.ask()
            assert registry.states()[0].error == ""
        with pytest.raises(ModelError):
            async for _ in registry.default().stream(REQUEST):
                pass
        assert registry.states()[0].error


async def test_without_servers_there_is_the_embedded_model() -> None:
    registry = connect([], Http(), SystemClock())
    assert await registry.ask() == [ModelState("extractive")]
