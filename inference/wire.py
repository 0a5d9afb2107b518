"""The wire to one OpenAI-compatible server: what it has, streams of chunks, retries."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from random import Random

import msgspec

from bot.errors import EndpointRefused, ModelBusy, ModelUnavailable
from bot.ports import Clock
from bot.types import Chunk
from inference.failures import failure
from inference.http import Http, host_of, place_of
from inference.sse import Assembler

ASK_TIMEOUT = 10.0
"""Seconds for the small questions (models, tokens); answers have no limit here."""
_FIRST_DELAY = 0.25
_JITTER = 0.5


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is. `url` is the API's root with its version (``http://127.0.0.1:8000/v1``);
    an empty `model` is the server's first."""

    url: str
    key: str = field(default="", repr=False)
    model: str = ""

    @property
    def host(self) -> str:
        return host_of(self.url)

    @property
    def shown(self) -> str:
        """The URL without a name, password or query in it."""
        scheme, _, rest = self.url.partition("?")[0].rpartition("://")
        place, slash, path = rest.partition("/")
        return f"{scheme}://{place.rpartition('@')[2]}{slash}{path}"

    @property
    def root(self) -> str:
        """Where vLLM's own paths are (`/tokenize`)."""
        return self.url.rstrip("/").removesuffix("/v1")

    @property
    def authorization(self) -> dict[str, str]:
        """Nothing where the URL has credentials: a request can carry one kind, and they win."""
        if not self.key or "@" in place_of(self.url):
            return {}
        return {"authorization": f"Bearer {self.key}"}


class ModelCard(msgspec.Struct, frozen=True):
    """One line of `/v1/models`; `max_model_len` is vLLM's (and some others')."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None


class ModelList(msgspec.Struct, frozen=True):
    data: list[ModelCard]

    @property
    def vllm(self) -> bool:
        return any(card.owned_by == "vllm" for card in self.data)

    def card(self, name: str) -> ModelCard | None:
        return next((card for card in self.data if card.id == name), None)


def read_models(body: bytes) -> ModelList | None:
    """None if this is no list of models as OpenAI shapes it."""
    try:
        return msgspec.json.decode(body, type=ModelList)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a failed start is tried anew, and the longest wait before one try."""

    retries: int = 4
    longest: float = 20.0


class Wire:
    """Raises the ModelError family, nothing else."""

    def __init__(
        self, endpoint: Endpoint, http: Http, clock: Clock, *, patience: Patience, random: Random
    ) -> None:
        self.endpoint = endpoint
        self._http = http
        self._clock = clock
        self._patience = patience
        self._random = random

    async def models(self) -> ModelList:
        """What the server has; `transformers serve` has an empty list, and one model."""
        url = f"{self.endpoint.url.rstrip('/')}/models"
        status, _, body = await self._http.fetch(
            "GET", url, headers=self.endpoint.authorization, within=ASK_TIMEOUT
        )
        if status != 200:
            raise failure(self.endpoint.host, status, body)
        found = read_models(body)
        if found is None:
            raise EndpointRefused(f"{self.endpoint.host} lists no models: is TERTULIA_MODEL_URL right?")
        return found

    async def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        """One small question: (status, body)."""
        sent = {"content-type": "application/json", **self.endpoint.authorization}
        status, _, answer = await self._http.fetch("POST", url, headers=sent, body=body, within=ASK_TIMEOUT)
        return status, answer

    async def stream(
        self, path: str, body: Sequence[bytes], headers: Mapping[str, str]
    ) -> AsyncGenerator[Chunk]:
        """The answer's chunks. Until the first one a server that is unreachable, busy or broken is
        asked again after a growing, jittered wait (or the one it asks for); after it never.
        Closing the iterator drops the connection."""
        attempt = 0
        while True:
            started = False
            try:
                async with aclosing(self._once(path, body, headers)) as chunks:
                    async for chunk in chunks:
                        started = True
                        yield chunk
                return
            except ModelUnavailable as error:
                delay = self._delay(attempt, error)
                if started or attempt >= self._patience.retries or delay > self._patience.longest:
                    raise
            attempt += 1
            await self._clock.sleep(delay)

    async def _once(
        self, path: str, body: Sequence[bytes], headers: Mapping[str, str]
    ) -> AsyncGenerator[Chunk]:
        url = f"{self.endpoint.url.rstrip('/')}{path}"
        sent = {**headers, **self.endpoint.authorization}
        async with self._http.stream(url, headers=sent, body=body) as answer:
            if answer.status != 200:
                said, now = await answer.read(), self._clock.time()
                raise failure(self.endpoint.host, answer.status, said, answer.headers, now=now)
            assembler = Assembler(self.endpoint.host)
            while data := await answer.content.readany():
                for chunk in assembler.feed(data):
                    yield chunk
            for chunk in assembler.close():
                yield chunk

    def _delay(self, attempt: int, error: ModelUnavailable) -> float:
        asked = error.retry_after if isinstance(error, ModelBusy) else 0.0
        backoff = _FIRST_DELAY * 2.0**attempt
        return max(asked, backoff * _JITTER) + self._random.random() * backoff * _JITTER
