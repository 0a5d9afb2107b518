"""The models that can be asked: `bot.ports.Models` and `bot.ports.ModelStates`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from bot.errors import ModelError
from bot.ports import Clock, Model
from bot.types import ModelState
from inference.chain import ChainModel
from inference.extractive import ExtractiveModel
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.sight import Vision
from inference.wire import Endpoint, Patience

_BRIEF = Patience(retries=1, longest=0.5)
"""Where another endpoint stands by, falling over beats waiting."""


class Registry:
    """`servers` in their order form the default: one alone, several as a fallback chain, none as
    the embedded model that quotes. What the servers list besides is found by name, once known
    (`refresh`, or the first request)."""

    def __init__(self, servers: Sequence[OpenAIModel], clock: Clock) -> None:
        self.servers = tuple(servers)
        self._clock = clock
        self._named: dict[str, Model] = {}
        self._default: Model = ExtractiveModel()
        if servers:
            self._default = servers[0] if len(servers) == 1 else ChainModel(servers, clock)

    async def refresh(self) -> list[tuple[str, ModelError | None]]:
        """Ask each server what it has: (host, what is wrong or None) of each, in order."""
        errors = await asyncio.gather(*(_refresh(server) for server in self.servers))
        return [(s.endpoint.host, e) for s, e in zip(self.servers, errors, strict=True)]

    async def ask(self) -> list[ModelState]:
        await self.refresh()
        return self.states()

    def states(self) -> list[ModelState]:
        if not self.servers:
            return [ModelState(self._default.name)]
        breakers = [("closed", 0.0)] * len(self.servers)
        if isinstance(self._default, ChainModel):
            breakers = self._default.breakers
        pairs = zip(self.servers, breakers, strict=True)
        return [self._state(server, breaker, wait) for server, (breaker, wait) in pairs]

    def _state(self, server: OpenAIModel, breaker: str, wait: float) -> ModelState:
        seen = server.observed
        return ModelState(
            server.name,
            server.endpoint.shown,
            tuple(server.names),
            breaker=breaker,
            open_until=self._clock.time() + wait if wait else 0.0,
            error=seen.error,
            error_at=seen.error_at,
            latency=seen.latency,
            answered_at=seen.answered_at,
            window=server.known_window,
        )

    def default(self) -> Model:
        return self._default

    def get(self, name: str) -> Model | None:
        if name == self._default.name:
            return self._default
        server = next((s for s in self.servers if name in s.names), None)
        if server is None:
            return None
        if name not in self._named:
            self._named[name] = server.named(name)
        return self._named[name]

    def names(self) -> list[str]:
        listed = [name for server in self.servers for name in server.names]
        return list(dict.fromkeys([self._default.name, *listed]))


async def _refresh(server: OpenAIModel) -> ModelError | None:
    try:
        await server.refresh()
    except ModelError as error:
        return error
    return None


def connect(
    endpoints: Sequence[Endpoint],
    http: Http,
    clock: Clock,
    *,
    window: int = 0,
    vision: Vision = "auto",
    random: Random | None = None,
) -> Registry:
    """The registry of these servers; nothing is asked of them yet."""
    last = len(endpoints) - 1
    servers = [
        OpenAIModel(
            replace(endpoint, url=endpoint.url.rstrip("/")),
            http,
            clock,
            random=random,
            window=window,
            vision=vision,
            patience=Patience() if n == last else _BRIEF,
        )
        for n, endpoint in enumerate(endpoints)
    ]
    return Registry(servers, clock)
