"""Fallback chain, circuit breaker, registry and discovery."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from bot.clock import SystemClock
from bot.errors import (
    ContextOverflow,
    EndpointRefused,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelUnavailable,
)
from bot.types import Chunk, Message, ModelRequest, Role
from inference.chain import Breaker, ChainModel
from inference.discovery import discover
from inference.http import Http
from inference.registry import connect
from inference.wire import Endpoint
from tests.simulators.openai import Behaviour, Server

REQUEST = ModelRequest((Message(Role.USER, "hi"),))


class Hands(SystemClock):
    """A clock that is moved by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Scripted:
    """A model that fails as told, before or after its first chunk."""

    generates = True
    sees = False

    def __init__(
        self, name: str, error: ModelError | None = None, *, late: bool = False, continues: bool = False
    ) -> None:
        self.name, self.error, self.late, self.continues = name, error, late, continues
        self.asked = 0
        self.hang: asyncio.Event | None = None

    async def window(self) -> int:
        return 100 if self.name == "a" else 50

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self.name)] * len(texts)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk]:
        self.asked += 1
        if self.hang is not None:
            await self.hang.wait()
        if self.error is not None and not self.late:
            raise self.error
        yield Chunk(self.name)
        if self.error is not None:
            raise self.error
        yield Chunk(finish_reason="stop")


async def said(chain: ChainModel, request: ModelRequest = REQUEST) -> str:
    return "".join([c.text async for c in chain.stream(request)])


@pytest.mark.parametrize("error", [ModelUnavailable("down"), ModelBusy("full"), EndpointRefused("key", 401)])
async def test_it_falls_over_where_another_may_do_better(error: ModelError) -> None:
    assert await said(ChainModel([Scripted("a", error), Scripted("b")], Hands())) == "b"


@pytest.mark.parametrize("error", [ContextOverflow("long", 9), ModelRefused("malformed")])
async def test_it_does_not_where_the_request_itself_is_wrong(error: ModelError) -> None:
    chain = ChainModel([Scripted("a", error), b := Scripted("b")], Hands(), failures=1)
    with pytest.raises(type(error)):
        await said(chain)
    assert b.asked == 0
    assert chain.states[0] == ("a", "closed")


async def test_after_the_first_chunk_it_never_falls_over() -> None:
    chain = ChainModel([Scripted("a", ModelUnavailable("cut"), late=True), b := Scripted("b")], Hands())
    with pytest.raises(ModelUnavailable):
        await said(chain)
    assert b.asked == 0


async def test_a_failing_endpoint_is_left_alone_then_tried_once() -> None:
    clock = Hands()
    first = Scripted("a", ModelUnavailable("down"))
    chain = ChainModel([first, Scripted("b")], clock, failures=2, cooldown=30)
    for _ in range(4):
        assert await said(chain) == "b"
    assert (first.asked, chain.states[0]) == (2, ("a", "open"))
    clock.now = 31
    assert chain.states[0] == ("a", "half-open")
    assert await said(chain) == "b"
    assert (first.asked, chain.states[0]) == (3, ("a", "open"))
    clock.now, first.error = 62, None
    assert await said(chain) == "a"
    assert chain.states[0] == ("a", "closed")


async def test_where_all_are_left_alone_it_says_until_when() -> None:
    chain = ChainModel([Scripted("a", ModelUnavailable("down"))], Hands(), failures=1, cooldown=30)
    with pytest.raises(ModelUnavailable, match="down"):
        await said(chain)
    with pytest.raises(ModelBusy) as caught:
        await said(chain)
    assert caught.value.retry_after == 30


def test_half_open_lets_one_trial_through_at_a_time() -> None:
    clock = Hands()
    breaker = Breaker(clock, failures=1, cooldown=10)
    breaker.record(False)
    clock.now = 11
    assert [breaker.admits(), breaker.admits()] == [True, False]
    breaker.release()
    assert breaker.admits()


@pytest.mark.parametrize(("waited", "state"), [(20.0, "open"), (1.0, "closed")])
async def test_a_server_that_hangs_counts_as_failing_and_an_impatient_person_does_not(
    waited: float, state: str
) -> None:
    clock, first = Hands(), Scripted("a")
    first.hang = asyncio.Event()
    chain = ChainModel([first], clock, failures=1, slow=10)
    task = asyncio.create_task(said(chain))
    await asyncio.sleep(0)
    clock.now = waited
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert chain.states == [("a", state)]


async def test_a_prefill_goes_to_a_model_that_continues() -> None:
    chain = ChainModel([Scripted("a"), Scripted("b", continues=True)], Hands())
    assert chain.continues
    assert await said(chain, ModelRequest(REQUEST.messages, prefill="x")) == "b"


async def test_the_window_fits_every_model() -> None:
    chain = ChainModel([Scripted("a"), Scripted("b")], Hands())
    assert await chain.window() == 50
    assert chain.generates
    assert await chain.count(["x"]) == [1]


async def test_closing_early_is_no_failure() -> None:
    chain = ChainModel([Scripted("a")], Hands(), failures=1)
    async with aclosing(chain.stream(REQUEST)) as chunks:
        await anext(chunks)
    assert chain.states == [("a", "closed")]


async def test_the_registry_knows_every_listed_model() -> None:
    async with Server(model="big").lifespan() as server, Http().lifespan() as http:
        server.models = ["big", "small"]
        registry = connect([Endpoint(server.url), Endpoint("http://127.0.0.1:9/v1")], http, SystemClock())
        problems = await registry.refresh()
        assert problems[0][1] is None
        assert isinstance(problems[1][1], ModelUnavailable)
        assert registry.names() == ["big", "small"]
        assert registry.get("big") is registry.default()
        assert registry.get("other") is None
        small = registry.get("small")
        assert small is not None
        assert "".join([c.text async for c in small.stream(REQUEST)]) == "hi"
        assert server.chats[-1].body["model"] == "small"


async def test_without_servers_the_default_quotes() -> None:
    registry = connect([], Http(), SystemClock())
    assert registry.names() == ["extractive"]
    assert not registry.default().generates


async def test_a_local_server_is_found_and_only_if_it_can_chat() -> None:
    closed = "http://127.0.0.1:9/v1"
    async with (
        Server(model="nomic-embed-text").lifespan() as embeds,
        Server(model="llama3.2").lifespan() as chats,
        Server(Behaviour(), key="k").lifespan() as locked,
        Http().lifespan() as http,
    ):
        found = await discover(http, [closed, embeds.url, locked.url, chats.url])
        assert found == Endpoint(chats.url, model="llama3.2")
        assert await discover(http, [closed, embeds.url, locked.url]) is None
        assert await discover(http, [embeds.url.replace("/v1", "/elsewhere")]) is None
