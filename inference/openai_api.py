"""`bot.ports.Model` over the wire: vLLM, and any other OpenAI-compatible server."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from random import Random
from typing import Any

from bot.errors import EndpointRefused, ModelError, ModelRefused, ModelUnavailable
from bot.ports import Clock
from bot.types import Chunk, ModelRequest
from inference import body as bodies
from inference.dialect import Dialect, room_for_answer
from inference.http import Http
from inference.markers import defused
from inference.observed import Observed
from inference.sight import Sight, Vision, has_pictures, with_newest
from inference.tokens import OVERHEAD, Counter, estimate
from inference.wire import Endpoint, ModelList, Patience, Wire

log = logging.getLogger(__name__)
DEFAULT_WINDOW = 8192


class OpenAIModel:
    """One model of one server.

    What the server has (names, window, whether it is vLLM) is asked once, when it is first needed:
    `window`, `count` and `stream` all do. Until then `continues` is True (a prefill that turns out
    to be too much to ask is ModelUnavailable, and `continues` False from then on) and `name` may be
    the host's. `window` 0 takes the server's word, or 8192 where it says none. A request that is refused
    for its pictures, or with pictures for whatever reason, is made once more without: whoever asked gets
    an answer.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        http: Http,
        clock: Clock,
        *,
        random: Random | None = None,
        window: int = 0,
        vision: Vision = "auto",
        patience: Patience | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._http, self._clock, self._random, self._patience = http, clock, random, patience
        self._wire = Wire(endpoint, http, clock, patience=patience or Patience(), random=random or Random())
        self._counter = Counter(self._wire)
        self._window = window
        self._vision = vision
        self._sight = Sight(clock, vision)
        self._list: ModelList | None = None
        self._dialect = Dialect()
        self.observed = Observed(clock)

    @property
    def name(self) -> str:
        return self._sent or self.endpoint.host

    @property
    def names(self) -> list[str]:
        """All models of the server, as far as they are known by now, and the one that is set."""
        set_one = [self.endpoint.model] if self.endpoint.model else []
        return list(dict.fromkeys([*set_one, *self.listed]))

    @property
    def listed(self) -> list[str]:
        """What the server said that it has, when it was asked last."""
        return [card.id for card in self._list.data] if self._list else []

    def has(self, name: str) -> bool:
        """Whether a request for this model finds one, by the server's list; "" is its first.
        Without a list nothing speaks against it. Ollama takes a name without its tag `latest`."""
        listed = self.listed
        return not listed or not name or name in listed or f"{name}:latest" in listed

    @property
    def continues(self) -> bool:
        return self._list is None or self._list.vllm

    @property
    def generates(self) -> bool:
        return True

    @property
    def sees(self) -> bool:
        return self._dialect.template and self._sight.most(self.name) > 0

    def named(self, name: str) -> OpenAIModel:
        """Another model of the same server."""
        endpoint = replace(self.endpoint, model=name)
        other = OpenAIModel(
            endpoint,
            self._http,
            self._clock,
            random=self._random,
            window=self._window,
            vision=self._vision,
            patience=self._patience,
        )
        other._list, other.observed = self._list, self.observed
        return other

    async def refresh(self) -> None:
        """Ask the server anew what it has. Raises ModelError."""
        with self.observed.asking():
            self._list = await self._wire.models()
            self.observed.well()

    async def window(self) -> int:
        try:
            await self._known()
        except ModelError as error:  # the request itself will say what is wrong
            log.debug("the window of %s is not known: %s", self.name, error)
        return self._window or self._served(self.name) or DEFAULT_WINDOW

    async def count(self, texts: Sequence[str]) -> list[int]:
        try:
            known = await self._known()
        except ModelError:
            known = None
        sent = [defused(text) for text in texts]
        if known is None or not known.vllm:
            return [estimate(text) + OVERHEAD for text in sent]
        return await self._counter.count(sent, self.name)

    def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk]:
        return self.ask(request)

    async def ask(
        self, request: ModelRequest, extra: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Chunk]:
        """`stream`, with fields of the body that `ModelRequest` does not have (`tool_choice`).

        A refusal that teaches how this server wants to be asked is followed by another try.
        """
        with self.observed.asking() as since:
            answered = False
            async with aclosing(self._persistently(request, extra)) as chunks:
                async for chunk in chunks:
                    if not answered:
                        answered = True
                        self.observed.answered(since)
                    yield chunk

    async def _persistently(
        self, request: ModelRequest, extra: Mapping[str, Any] | None
    ) -> AsyncGenerator[Chunk]:
        relisted = unseen = False
        await self._identify(request)
        if request.prefill and not self._vllm:
            raise ModelUnavailable(f"{self.endpoint.host} cannot continue an answer; it can be asked anew")
        while True:
            name, started = self.name, False
            request = with_newest(request, self._sight.most(name)) if has_pictures(request) else request
            try:
                async with aclosing(self._attempt(request, extra)) as chunks:
                    async for chunk in chunks:
                        yield chunk if started else replace(chunk, unseen=unseen)
                        started = True
                return
            except EndpointRefused as error:
                if started or relisted or error.status != 404:
                    raise
                relisted = True
                await self._relist(name, error)
            except ModelError as error:
                if started or (again := self._adapted(request, error)) is None:
                    raise
                unseen = unseen or (has_pictures(request) and not has_pictures(again))
                request = again

    def _attempt(self, request: ModelRequest, extra: Mapping[str, Any] | None) -> AsyncGenerator[Chunk]:
        vllm = self._vllm
        request = self._within(request)
        if self._dialect.template:
            path = "/chat/completions"
            body = bodies.chat_body(request, self._sent, dialect=self._dialect, vllm=vllm, extra=extra)
        else:
            path = "/completions"
            priority = (extra or {}).get("priority")
            body = bodies.completion_body(
                request, self._sent, dialect=self._dialect, vllm=vllm, priority=priority
            )
        chunks = self._wire.stream(path, bodies.encode(body), bodies.headers(request))
        owed = request.prefill[len(request.prefill.rstrip()) :] if vllm else ""
        if not self._dialect.template and not request.prefill:
            owed = " "
        return _without(owed, chunks) if owed else chunks

    @property
    def _sent(self) -> str:
        """The name to ask for; empty where the server has one model without a name."""
        return self.endpoint.model or next(iter(self.listed), "")

    @property
    def _vllm(self) -> bool:
        return self._list is not None and self._list.vllm

    @property
    def known_window(self) -> int:
        """What `window` gives, as far as it is known without asking; else 0."""
        return self._window or self._served(self.name)

    def _served(self, name: str) -> int:
        """The window by the server's own word; 0 where it gave none."""
        card = self._list.card(name) if self._list else None
        return (card and card.max_model_len) or 0

    def _within(self, request: ModelRequest) -> ModelRequest:
        """vLLM refuses a limit on the answer that is above its window, however short the prompt."""
        limits = (request.sampling.max_tokens, self._window, self._served(request.model or self.name))
        most = min((n for n in limits if n), default=0)
        return _limited(request, most) if most and request.sampling.max_tokens else request

    async def _known(self) -> ModelList:
        if self._list is None:
            await self.refresh()
        assert self._list is not None
        return self._list

    async def _identify(self, request: ModelRequest) -> None:
        """Some servers have no list; with a model's name they can be asked all the same."""
        try:
            await self._known()
        except ModelRefused:
            if not (request.model or self.endpoint.model):
                raise
            self._list = ModelList([])
        except ModelError:
            if request.prefill or not (request.model or self.endpoint.model):
                raise

    async def _relist(self, name: str, error: EndpointRefused) -> None:
        """The server may have been restarted with another model: look again, and give up unless
        its first is another one now."""
        await self.refresh()
        if name != self.name:
            return
        known = ", ".join(self.listed[:10])
        raise EndpointRefused(f"{error} It has: {known}.", error.status) from error

    def _adapted(self, request: ModelRequest, error: ModelError) -> ModelRequest | None:
        """The request as the server may take it after this refusal; None where nothing is known
        to help."""
        if room := room_for_answer(error, request):
            return _limited(request, room)
        advice = self._dialect.learn(error)
        if advice:
            log.warning("%s: %s", self.endpoint.host, advice)
            return request
        return self._without_pictures(request, error)

    def _without_pictures(self, request: ModelRequest, error: ModelError) -> ModelRequest | None:
        """Some servers (Ollama, llama.cpp) fail with 500 over a picture that they cannot use, as often as
        they are asked: it would take every answer from its conversation."""
        failed = isinstance(error, ModelUnavailable) and error.status == 500
        if not (failed or isinstance(error, ModelRefused)) or not has_pictures(request):
            return None
        advice = self._sight.learn(self.name, error)
        log.warning("%s: %s", self.endpoint.host, advice or f"asked without its pictures after: {error}")
        known = self._sight.most(self.name)
        fewer = with_newest(request, known) if advice else request
        return with_newest(request, 0) if fewer == request else fewer


def _limited(request: ModelRequest, most: int) -> ModelRequest:
    return replace(request, sampling=replace(request.sampling, max_tokens=most))


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
