"""The one way into a plugin's code: within a deadline, behind a breaker.

The only place that catches whatever a plugin raises. It is logged with the plugin's name and
counted by the plugin's breaker: after `TRIP` failures in a row the plugin is left alone for
`COOL` seconds, then tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from bot.clock import Ended, Scope
from bot.errors import FieldsRefused, PluginError, PluginTimeout, ToolError
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


@contextmanager
def _no_answers() -> Iterator[None]:
    """Where nobody asked, what would be an answer is a failure."""
    try:
        yield
    except (ToolError, FieldsRefused) as error:
        raise RuntimeError(str(error)) from error


@dataclass(slots=True)
class Guarded:
    """A plugin behind its breaker, and its lifespan in a task of its own."""

    plugin: Plugin
    clock: Clock
    failures: int = 0
    open_until: float = 0.0
    dead: bool = False
    last: str = ""
    """How it failed last, at `last_at` (Unix seconds)."""
    last_at: float = 0.0
    _under_way: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _retired: bool = False
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _living: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.plugin.name or type(self.plugin).__module__

    @property
    def resting(self) -> bool:
        """Whether its breaker is open."""
        return self.failures >= TRIP and self.clock.monotonic() < self.open_until

    @property
    def closed(self) -> bool:
        """Whether a call is let through."""
        return not (self.dead or self._retired or self.resting)

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
        or gave instead, logged here, and where it was replaced meanwhile; a ToolError or FieldsRefused
        passes: it is an answer, not a failure."""
        if self._retired:
            raise PluginError(f"plugin {self.name} was changed or disabled meanwhile")
        self._under_way += 1
        try:
            return await self._call(what, seconds, kinds, function, *args, **kwargs)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def begin(self) -> None:
        """Enter the plugin's lifespan; `dead` from then on if that fails."""
        started = asyncio.get_running_loop().create_future()
        self._living = asyncio.create_task(self._live(started))
        try:
            await started
        except asyncio.CancelledError:
            self._living.cancel()
            await asyncio.wait([self._living])
            raise

    async def end(self) -> None:
        """Take no call any more, let those under way end, and leave the lifespan."""
        self._retired = True
        try:
            await self._finished()
        finally:
            self._leaving.set()
            if self._living is not None:
                await asyncio.wait([self._living])

    async def _finished(self) -> None:
        with suppress(Ended):
            async with Scope(self.clock, COMMAND_TIMEOUT):
                while self._under_way:
                    self._idle.clear()
                    await self._idle.wait()

    async def _live(self, started: asyncio.Future[None]) -> None:
        manager = None
        try:
            with suppress(PluginError):
                manager = await self._call("its start", COMMAND_TIMEOUT, (object,), self._enter)
        finally:
            self.dead = manager is None
            if not started.done():
                started.set_result(None)
        if manager is None:
            return
        try:
            await self._leaving.wait()
        finally:
            with suppress(PluginError):
                await self._call("its stop", COMMAND_TIMEOUT, (object,), self._leave, manager)

    async def _enter(self) -> AbstractAsyncContextManager[None]:
        manager = self.plugin.lifespan()
        with _no_answers():
            await manager.__aenter__()
        return manager

    async def _leave(self, manager: AbstractAsyncContextManager[None]) -> None:
        with _no_answers():
            await manager.__aexit__(None, None, None)

    async def _call(
        self,
        what: str,
        seconds: float | None,
        kinds: tuple[type, ...],
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        try:
            async with Scope(self.clock, seconds):
                with guarding(what, ToolError, FieldsRefused):
                    result = await function(*args, **kwargs)
        except (ToolError, FieldsRefused):
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

    def _failed(self, what: str, why: str) -> PluginError:
        self.failures += 1
        if self.failures >= TRIP:
            self.open_until = self.clock.monotonic() + COOL
        self.last = f"plugin {self.name} failed in {what}: {why}"
        self.last_at = self.clock.time()
        log.error("%s", self.last)
        return PluginError(self.last)


def _fits(result: object, kinds: tuple[type, ...]) -> bool:
    """Whether it is of a kind, and holds what the core reads first."""
    whole = isinstance(getattr(result, "text", ""), str) and isinstance(
        getattr(result, "passages", ()), tuple
    )
    return isinstance(result, kinds) and whole
