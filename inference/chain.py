"""Several models tried in order, each behind a circuit breaker.

Falls over before the first chunk only, and only where another endpoint may do better: it cannot
be reached, is busy, was too slow, or refuses whoever asks (key, model name). A prompt that is too
long or a request that is malformed stays so elsewhere: those errors are passed on, and count as
a sign of life.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from bot.errors import EndpointRefused, ModelBusy, ModelTimeout, ModelUnavailable
from bot.ports import Clock, Model
from bot.types import Chunk, ModelRequest


class Breaker:
    """Opens after `failures` in a row; `cooldown` seconds later lets one trial through at a time."""

    def __init__(self, clock: Clock, *, failures: int = 3, cooldown: float = 30.0) -> None:
        self._clock = clock
        self._limit = failures
        self._cooldown = cooldown
        self._failed = 0
        self._opened = 0.0
        self._trial = False

    @property
    def state(self) -> str:
        """``closed`` (in use), ``open`` (left alone) or ``half-open`` (one trial at a time)."""
        if self._failed < self._limit:
            return "closed"
        return "open" if self.remaining else "half-open"

    @property
    def remaining(self) -> float:
        """Seconds until a trial is let through."""
        if self._failed < self._limit:
            return 0.0
        return max(0.0, self._opened + self._cooldown - self._clock.monotonic())

    def admits(self) -> bool:
        """Whether a request may be made now; a trial is taken with the answer."""
        state = self.state
        if state == "half-open" and not self._trial:
            self._trial = True
            return True
        return state == "closed"

    def record(self, ok: bool) -> None:
        self._trial = False
        self._failed = 0 if ok else self._failed + 1
        if self._failed >= self._limit:
            self._opened = self._clock.monotonic()

    def release(self) -> None:
        """The request was given up without telling anything."""
        self._trial = False


class ChainModel:
    """`bot.ports.Model` over others. The window is the smallest, so that every prompt fits each;
    counts are the first one's in use. A prefill goes only to models that continue one.

    `slow`: a request that its caller gives up after waiting so many seconds in vain counts as a
    failure, so that a server that hangs is left alone like one that is down.
    """

    def __init__(
        self,
        models: Sequence[Model],
        clock: Clock,
        *,
        failures: int = 3,
        cooldown: float = 30.0,
        slow: float = 10.0,
    ) -> None:
        if not models:
            raise ValueError("a chain needs a model")
        self.models = tuple(models)
        self._clock = clock
        self._slow = slow
        self._breakers = [Breaker(clock, failures=failures, cooldown=cooldown) for _ in models]

    @property
    def name(self) -> str:
        return self.models[0].name

    @property
    def continues(self) -> bool:
        return any(m.continues for m in self._in_use)

    @property
    def generates(self) -> bool:
        return any(m.generates for m in self.models)

    @property
    def sees(self) -> bool:
        """One of those that may answer does; each leaves out what it is not shown."""
        return any(m.sees for m in self._in_use)

    @property
    def _in_use(self) -> list[Model]:
        return [m for m, b in zip(self.models, self._breakers, strict=True) if b.state != "open"]

    @property
    def states(self) -> list[tuple[str, str]]:
        """(name, breaker's state) of each, in order."""
        return [(m.name, b.state) for m, b in zip(self.models, self._breakers, strict=True)]

    @property
    def breakers(self) -> list[tuple[str, float]]:
        """(state, seconds until a trial) of each one's breaker, in order."""
        return [(b.state, b.remaining) for b in self._breakers]

    async def window(self) -> int:
        return min([await model.window() for model in self.models])

    async def count(self, texts: Sequence[str]) -> list[int]:
        pairs = zip(self.models, self._breakers, strict=True)
        model = next((m for m, b in pairs if b.state == "closed"), self.models[0])
        return await model.count(texts)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk]:
        """Raises what the last model tried raised, or ModelBusy with the time until the next
        trial where all are left alone."""
        last: Exception | None = None
        for model, breaker in zip(self.models, self._breakers, strict=True):
            if (request.prefill and not model.continues) or not breaker.admits():
                continue
            trial = _Trial(breaker, self._clock, self._slow)
            try:
                async with trial, aclosing(model.stream(request)) as chunks:
                    async for chunk in chunks:
                        trial.begun()
                        yield chunk
                return
            except (ModelUnavailable, ModelTimeout, EndpointRefused) as error:
                if trial.answered:
                    raise
                last = error
        wait = min(b.remaining for b in self._breakers)
        raise last or ModelBusy("no model server is in reach; all are given a rest", wait)


class _Trial:
    """One request and what it tells the breaker."""

    def __init__(self, breaker: Breaker, clock: Clock, slow: float) -> None:
        self.answered = False
        self._breaker = breaker
        self._clock = clock
        self._slow = slow
        self._since = clock.monotonic()

    def begun(self) -> None:
        if not self.answered:
            self.answered = True
            self._breaker.record(True)

    async def __aenter__(self) -> None:
        self._since = self._clock.monotonic()

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if self.answered:
            return
        if kind is None or not issubclass(kind, Exception):  # given up by whoever asked
            waited = self._clock.monotonic() - self._since
            self._breaker.record(False) if kind and waited >= self._slow else self._breaker.release()
        else:
            self._breaker.record(not issubclass(kind, (ModelUnavailable, ModelTimeout, EndpointRefused)))
