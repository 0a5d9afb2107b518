"""`bot.ports.Model` over the wire: vLLM, and any other OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from random import Random
from typing import Any

from bot.errors import ModelError, ModelRefused
from bot.ports import Clock
from bot.types import Chunk, ModelRequest
from inference import body as bodies
from inference.failures import EndpointRefused, lacks_template
from inference.http import Http
from inference.tokens import OVERHEAD, Counter, estimate
from inference.wire import Endpoint, ModelList, Patience, Wire

DEFAULT_WINDOW = 8192


class OpenAIModel:
    """One model of one server.

    What the server has (names, window, whether it is vLLM) is asked once, when it is first needed:
    `window`, `count` and `stream` all do. Until then `continues` is False and `name` may be the
    host's. `window` 0 takes the server's word, or 8192 where it says none.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        http: Http,
        clock: Clock,
        *,
        random: Random | None = None,
        window: int = 0,
        patience: Patience | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._http, self._clock, self._random, self._patience = http, clock, random, patience
        self._wire = Wire(endpoint, http, clock, patience=patience or Patience(), random=random or Random())
        self._counter = Counter(self._wire)
        self._window = window
        self._list: ModelList | None = None
        self._dialect = bodies.Dialect()

    @property
    def name(self) -> str:
        if self.endpoint.model or self._list is None:
            return self.endpoint.model or self.endpoint.host
        return self._list.data[0].id

    @property
    def names(self) -> list[str]:
        """All models of the server, as far as they are known by now."""
        listed = [card.id for card in self._list.data] if self._list else []
        return list(dict.fromkeys([self.endpoint.model, *listed] if self.endpoint.model else listed))

    @property
    def continues(self) -> bool:
        return self._list is not None and self._list.vllm

    @property
    def generates(self) -> bool:
        return True

    def named(self, name: str) -> OpenAIModel:
        """Another model of the same server."""
        endpoint = replace(self.endpoint, model=name)
        other = OpenAIModel(
            endpoint,
            self._http,
            self._clock,
            random=self._random,
            window=self._window,
            patience=self._patience,
        )
        other._list = self._list
        return other

    async def refresh(self) -> None:
        """Ask the server anew what it has. Raises ModelError."""
        self._list = await self._wire.models()

    async def window(self) -> int:
        if self._window:
            return self._window
        try:
            known = await self._known()
        except ModelError:  # the request itself will say what is wrong
            return DEFAULT_WINDOW
        card = known.card(self.name)
        return (card and card.max_model_len) or DEFAULT_WINDOW

    async def count(self, texts: Sequence[str]) -> list[int]:
        try:
            known = await self._known()
        except ModelError:
            known = None
        if known is None or not known.vllm:
            return [estimate(text) + OVERHEAD for text in texts]
        return await self._counter.count(texts, self.name)

    def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk]:
        return self.ask(request)

    async def ask(
        self, request: ModelRequest, extra: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Chunk]:
        """`stream`, with fields of the body that `ModelRequest` does not have (`tool_choice`).

        A refusal that teaches how this server wants to be asked is followed by one more try.
        """
        relisted = False
        await self._identify(request)
        while True:
            name, started = self.name, False
            try:
                async with aclosing(self._attempt(request, extra)) as chunks:
                    async for chunk in chunks:
                        started = True
                        yield chunk
                return
            except EndpointRefused as error:
                if started or relisted or error.status != 404:
                    raise
                relisted = True
                await self._relist(name, error)
            except ModelError as error:
                if started or not self._learn(error):
                    raise

    def _attempt(self, request: ModelRequest, extra: Mapping[str, Any] | None) -> AsyncGenerator[Chunk]:
        vllm = self.continues
        if self._dialect.template:
            path = "/chat/completions"
            body = bodies.chat_body(request, self.name, dialect=self._dialect, vllm=vllm, extra=extra)
        else:
            path = "/completions"
            body = bodies.completion_body(request, self.name, dialect=self._dialect, vllm=vllm)
        chunks = self._wire.stream(path, bodies.encode(body), bodies.headers(request))
        owed = request.prefill[len(request.prefill.rstrip()) :] if vllm else ""
        if not self._dialect.template and not request.prefill:
            owed = " "
        return _without(owed, chunks) if owed else chunks

    async def _known(self) -> ModelList:
        if self._list is None:
            await self.refresh()
        assert self._list is not None
        return self._list

    async def _identify(self, request: ModelRequest) -> None:
        """Some servers have no list; with a model's name they can be asked all the same."""
        try:
            await self._known()
        except ModelError:
            if not (request.model or self.endpoint.model):
                raise

    async def _relist(self, name: str, error: EndpointRefused) -> None:
        """The server may have been restarted with another model: look again, and give up unless
        its first is another one now."""
        await self.refresh()
        if name != self.name:
            return
        known = ", ".join(card.id for card in self._list.data[:10]) if self._list else ""
        raise EndpointRefused(f"{error} It has: {known}.", error.status) from error

    def _learn(self, error: ModelError) -> bool:
        if self._dialect.template and lacks_template(error):
            self._dialect = replace(self._dialect, template=False)
            return True
        return isinstance(error, ModelRefused) and self._dialect.learn(str(error))


async def _without(owed: str, chunks: AsyncGenerator[Chunk]) -> AsyncGenerator[Chunk]:
    """Chat templates drop blanks at a message's end, so a continued answer may begin with those
    that the prefill ended with: what is there already is not said twice."""
    async with aclosing(chunks) as source:
        async for chunk in source:
            if owed and chunk.text:
                same = 0
                while same < min(len(owed), len(chunk.text)) and owed[same] == chunk.text[same]:
                    same += 1
                owed = owed[same:] if same == len(chunk.text) else ""
                chunk = replace(chunk, text=chunk.text[same:])
                if not (chunk.text or chunk.reasoning):
                    continue
            yield chunk
