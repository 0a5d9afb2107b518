"""The door to plugins: loads them, calls them within deadlines, and goes on without those that fail.

The only place that catches whatever a plugin raises. It is logged with the plugin's name and
counted by the plugin's breaker: after `TRIP` failures in a row the plugin is left alone for
`COOL` seconds, then tried again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ParamSpec, TypeVar

from bot.clock import Ended, Scope
from bot.errors import PluginError, PluginTimeout, SettingsError, ToolError
from bot.plugins.api import (
    Command,
    Context,
    Plugin,
    PluginContext,
    Scoped,
    Services,
    Tool,
    ToolResult,
)
from bot.plugins.configured import Installed, checked, unknown_names
from bot.ports import Clock, KeyValue, Search
from bot.types import Conversation, Person, Reply, ToolSpec

log = logging.getLogger(__name__)
T = TypeVar("T")
P = ParamSpec("P")
GROUP = "tertulia.plugins"
TRIP = 3
COOL = 60.0
COMMAND_TIMEOUT = 60.0
"""Seconds for a command, an export, a deletion, and for a lifespan's beginning and end."""
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_TOOL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REPLY = (Reply, type(None))
RESERVED = frozenset({"", "core", "web"})
"""Names under which the service keeps its own values: no plugin may have one of them."""


@dataclass(frozen=True, slots=True)
class GuardedTool:
    """A plugin's tool behind its breaker.

    `run(context, arguments, seconds)` raises ToolError and PluginError only; PluginTimeout after
    that many seconds, which the breaker counts like any failure.
    """

    spec: ToolSpec
    activity: Mapping[str, str]
    run: Callable[[PluginContext, dict[str, Any], float], Awaitable[ToolResult]]


class PluginHost:
    """Holds the plugins. One that cannot say what it brings, or has a reserved name, is left out:
    `problems` says why. Raises SettingsError if two bring a tool or command of the same name."""

    def __init__(
        self, plugins: Iterable[Plugin], *, store: KeyValue, clock: Clock, timeout: float = 10.0
    ) -> None:
        self._store = store
        self._clock = clock
        self._timeout = timeout
        self._guarded: list[_Guarded] = []
        self.problems: list[str] = []
        """What kept plugins from being loaded, each fit for an operator."""
        self._commands: dict[str, tuple[_Guarded, Command]] = {}
        self._tools: dict[str, tuple[_Guarded, Tool]] = {}
        for plugin in plugins:
            guarded = _Guarded(plugin, clock)
            try:
                commands, tools = _brought(plugin, guarded.name)
            except (SettingsError, PluginError) as error:
                self._leave_out(str(error), error.__cause__)
                continue
            self._guarded.append(guarded)
            for command in commands:
                _claim(self._commands, command.name, guarded, command, "command /")
            for tool in tools:
                _claim(self._tools, tool.spec.name, guarded, tool, "tool ")

    @classmethod
    def discover(
        cls,
        settings: Mapping[str, Mapping[str, Any]],
        *,
        search: Search,
        store: KeyValue,
        clock: Clock,
        disabled: Collection[str] = (),
        timeout: float = 10.0,
        entries: Iterable[EntryPoint] | None = None,
    ) -> PluginHost:
        """The installed plugins, each with its `settings[name]`.

        One that cannot be imported or made is left out: `problems` says why, and so does the
        log. Raises SettingsError as `find_plugins` does.
        """
        found, failures = find_plugins(settings, disabled=disabled, entries=entries)
        plugins: list[Plugin] = []
        for plugin in found:
            services = Services(search, clock, Scoped(store, plugin.name, ""))
            try:
                with _guarding(f"plugin {plugin.name!r} cannot be loaded"):
                    plugins.append(plugin.kind(plugin.settings, services))
                    plugins[-1].name = plugin.name
            except PluginError as error:
                failures.append(error)
        host = cls(plugins, store=store, clock=clock, timeout=timeout)
        for failure in failures:
            host._leave_out(str(failure), failure.__cause__)
        return host

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Enter every plugin's own; one that fails to start is left out from then on."""
        async with AsyncExitStack() as stack:
            for guarded in self._guarded:
                await stack.enter_async_context(guarded.alive())
                if guarded.dead:
                    self.problems.append(guarded.last)
            yield

    def names(self) -> list[str]:
        """Of the plugins that run."""
        return [g.name for g in self._guarded if not g.dead]

    def store_of(self, subject: Person | Conversation) -> Scoped:
        """The store of a person or conversation, for a PluginContext; each plugin is then given
        its own part of it and no other."""
        scope = subject.id if isinstance(subject, Person) else f"conversation:{subject.id}"
        return Scoped(self._store, "", scope)

    async def gather(self, context: PluginContext) -> list[Context]:
        """What the plugins add to a question, in their order; those that fail or are too slow
        are left out."""
        calls = [self._context(guarded, context) for guarded in self._guarded if guarded.closed]
        added = await asyncio.gather(*calls) if len(calls) > 1 else [await call for call in calls]
        return [a for a in added if a.text or a.passages]

    async def on_event(self, context: PluginContext) -> Reply | None:
        """The reply of the first plugin that takes the event."""
        for guarded in self._guarded:
            if not guarded.closed or type(guarded.plugin).on_event is Plugin.on_event:
                continue
            own = _own(context, guarded)
            reply = await guarded.attempt(
                None, "on_event", self._timeout, _REPLY, guarded.plugin.on_event, own
            )
            if reply is not None:
                return reply
        return None

    def tools(self) -> list[GuardedTool]:
        """All tools."""
        return [_guarded_tool(guarded, tool) for guarded, tool in self._tools.values()]

    def commands(self) -> list[Command]:
        return [command for _, command in self._commands.values()]

    async def run_command(self, name: str, context: PluginContext, arguments: str) -> Reply:
        """Run a plugin's command. Raises PluginError; KeyError if no plugin brings it."""
        guarded, command = self._commands[name]
        if guarded.dead:
            raise PluginError(guarded.last)
        own = _own(context, guarded)
        return await guarded.call(f"/{name}", COMMAND_TIMEOUT, (Reply,), command.run, own, arguments)

    async def export_person(self, person_id: str) -> dict[str, Any]:
        """What each plugin keeps about the person, by plugin. Raises PluginError after all were
        asked, naming those that failed: an export with holes is none."""
        parts = await self._each("export_person", (dict,), person_id)
        return {name: part for name, part in parts.items() if part}

    async def delete_person(self, person_id: str) -> None:
        """Have every plugin delete it. Raises PluginError after all tried."""
        await self._each("delete_person", (object,), person_id)

    async def _context(self, guarded: _Guarded, context: PluginContext) -> Context:
        own = _own(context, guarded)
        call = guarded.plugin.context
        return await guarded.attempt(Context(), "context", self._timeout, (Context,), call, own)

    async def _each(self, what: str, kinds: tuple[type, ...], person_id: str) -> dict[str, Any]:
        results: dict[str, Any] = {}
        errors: list[str] = []
        for guarded in self._guarded:
            method = getattr(guarded.plugin, what)
            try:
                results[guarded.name] = await guarded.call(what, COMMAND_TIMEOUT, kinds, method, person_id)
            except PluginError as error:
                errors.append(str(error))
        if errors:
            raise PluginError("; ".join(errors))
        return results

    def _leave_out(self, problem: str, cause: BaseException | None = None) -> None:
        log.error("%s", problem, exc_info=cause)
        self.problems.append(problem)


@dataclass(slots=True)
class _Guarded:
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
        except Exception as error:
            log.exception("plugin %s, in %s:", self.name, what)
            raise self._failed(what, f"{type(error).__name__}: {error}") from error
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


def _own(context: PluginContext, guarded: _Guarded) -> PluginContext:
    """The context with the stores of this plugin alone."""
    return replace(
        context,
        person_store=replace(context.person_store, plugin=guarded.name),
        conversation_store=replace(context.conversation_store, plugin=guarded.name),
    )


def _guarded_tool(guarded: _Guarded, tool: Tool) -> GuardedTool:
    async def run(context: PluginContext, arguments: dict[str, Any], seconds: float) -> ToolResult:
        if not guarded.closed:
            raise PluginError(f"plugin {guarded.name} is out of order for the moment")
        own = _own(context, guarded)
        return await guarded.call(f"tool {tool.spec.name}", seconds, (ToolResult,), tool.run, own, arguments)

    return GuardedTool(tool.spec, tool.activity, run)


def _brought(plugin: Plugin, name: str) -> tuple[list[Command], list[Tool]]:
    """What it brings. Raises SettingsError or PluginError if that cannot be used."""
    if name in RESERVED:
        raise SettingsError(f"plugin {name!r}: the name is the service's own; give it another")
    with _guarding(f"plugin {name!r} cannot say what it brings"):
        commands, tools = list(plugin.commands()), list(plugin.tools())
        wrong = [c.name for c in commands if not _NAME.fullmatch(c.name)]
        wrong += [t.spec.name for t in tools if not _TOOL.fullmatch(t.spec.name)]
    if wrong:
        raise SettingsError(f"plugin {name!r}: {wrong[0]!r} cannot be the name of a command or tool")
    return commands, tools


def _claim(
    taken: dict[str, tuple[_Guarded, Any]], name: str, guarded: _Guarded, item: object, what: str
) -> None:
    if name in taken:
        both = " and ".join(sorted((taken[name][0].name, guarded.name)))
        raise SettingsError(f"plugins {both} both bring the {what}{name}: put one in plugins_disabled")
    taken[name] = (guarded, item)


@contextmanager
def _guarding(what: str) -> Iterator[None]:
    """Whatever a plugin raises is a PluginError that begins so."""
    try:
        yield
    except SettingsError:
        raise
    except Exception as error:
        raise PluginError(f"{what}: {error}") from error


def find_plugins(
    settings: Mapping[str, Mapping[str, Any]],
    *,
    disabled: Collection[str] = (),
    entries: Iterable[EntryPoint] | None = None,
) -> tuple[list[Installed], list[PluginError]]:
    """The installed plugins that are not disabled, each with its `settings[name]`; and why others
    cannot be used. Raises SettingsError with a line for each mistake in what an operator wrote."""
    found = {e.name: e for e in (entry_points(group=GROUP) if entries is None else entries)}
    mistakes = unknown_names(settings, disabled, found)
    usable: list[Installed] = []
    failures: list[PluginError] = []
    for name, entry in sorted(found.items()):
        if name in disabled:
            continue
        try:
            usable.append(_load(entry, settings.get(name, {})))
        except SettingsError as error:
            mistakes.append(str(error))
        except PluginError as error:
            failures.append(error)
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return usable, failures


def _load(entry: EntryPoint, values: Mapping[str, Any]) -> Installed:
    with _guarding(f"plugin {entry.name!r} cannot be loaded"):
        kind = entry.load()
        if isinstance(kind, type) and issubclass(kind, Plugin):
            return Installed(entry.name, kind, checked(entry.name, kind.Settings, values))
    raise PluginError(f"plugin {entry.name!r}: {entry.value} is no subclass of Plugin")
