"""The one way into a plugin's code: within a deadline, behind a breaker.

The only place that catches whatever a plugin raises. It is logged with the plugin's name and
counted by the plugin's breaker: after `TRIP` failures in a row the plugin is left alone for
`COOL` seconds, then tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from bot.clock import Ended, Scope
from bot.errors import PluginError, PluginTimeout, ToolError
from bot.plugins.api import Plugin
from bot.ports import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")
P = ParamSpec("P")
TRIP = 3
COOL = 60.0
COMMAND_TIMEOUT = 60.0
"""Seconds for a command, an export, a deletion, and for a lifespan's beginning and end."""


@contextmanager
def guarding(what: str, *answers: type[Exception]) -> Iterator[None]:
    """The one way into a plugin's code: whatever it raises there is a PluginError that begins so, but
    for what is an answer."""
    try:
        yield
    except answers:
        raise
    except Exception as error:
        raise PluginError(f"{what}: {error}") from error


@dataclass(slots=True)
class Guarded:
    """A plugin behind its breaker."""

    plugin: Plugin
    clock: Clock
    failures: int = 0
    open_until: float = 0.0
    dead: bool = False
    last: str = ""
    """How it failed last."""

    @property
    def name(self) -> str:
        return self.plugin.name or type(self.plugin).__module__

    @property
    def closed(self) -> bool:
        """Whether the breaker lets a call through."""
        return not self.dead and (self.failures < TRIP or self.clock.monotonic() >= self.open_until)

    async def attempt(
        self,
        instead: T,
        what: str,
        seconds: float | None,
        kinds: tuple[type, ...],
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like `call`, but a failure gives `instead`."""
        try:
            return await self.call(what, seconds, kinds, function, *args, **kwargs)
        except PluginError:
            return instead

    async def call(
        self,
        what: str,
        seconds: float | None,
        kinds: tuple[type, ...],
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The function's result, one of `kinds`. Raises PluginError for whatever the plugin raised
        or gave instead, logged here; a ToolError passes: it is an answer, not a failure."""
        try:
            async with Scope(self.clock, seconds):
                with guarding(what, ToolError):
                    result = await function(*args, **kwargs)
        except ToolError:
            self.failures = 0
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise self._failed(what, "a task of its own was cancelled") from error
        except Ended as error:
            raise PluginTimeout(str(self._failed(what, f"not done within {seconds:g} s"))) from error
        except PluginError as error:
            cause = error.__cause__
            log.error("plugin %s, in %s:", self.name, what, exc_info=cause)
            raise self._failed(what, f"{type(cause).__name__}: {cause}") from cause
        if not _fits(result, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise self._failed(what, f"it gave {type(result).__name__} where {wanted} belongs")
        self.failures = 0
        return result

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        manager = await self.attempt(None, "its start", COMMAND_TIMEOUT, (object,), self._enter)
        if manager is None:
            self.dead = True
            yield
            return
        try:
            yield
        finally:
            leave = manager.__aexit__
            await self.attempt(None, "its stop", COMMAND_TIMEOUT, (object,), leave, None, None, None)

    async def _enter(self) -> AbstractAsyncContextManager[None]:
        manager = self.plugin.lifespan()
        await manager.__aenter__()
        return manager

    def _failed(self, what: str, why: str) -> PluginError:
        self.failures += 1
        if self.failures >= TRIP:
            self.open_until = self.clock.monotonic() + COOL
        self.last = f"plugin {self.name} failed in {what}: {why}"
        log.error("%s", self.last)
        return PluginError(self.last)


def _fits(result: object, kinds: tuple[type, ...]) -> bool:
    """Whether it is of a kind, and holds what the core reads first."""
    whole = isinstance(getattr(result, "text", ""), str) and isinstance(
        getattr(result, "passages", ()), tuple
    )
    return isinstance(result, kinds) and whole
