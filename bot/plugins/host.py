"""The door to plugins: loads them, calls them within deadlines, and goes on without those that fail.

The only place that catches whatever a plugin raises. It is logged with the plugin's name and
counted by the plugin's breaker: after `TRIP` failures in a row the plugin is left alone for
`COOL` seconds, then tried again.
"""

from __future__ import annotations

import asyncio
import difflib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ParamSpec, TypeVar

from pydantic import ValidationError

from bot.clock import Ended, Scope
from bot.errors import PluginError, PluginTimeout, SettingsError, ToolError
from bot.plugins.api import (
    Command,
    Context,
    Plugin,
    PluginContext,
    PluginSettings,
    Scoped,
    Services,
    Tool,
    ToolResult,
)
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
            except SettingsError as error:
                self._leave_out(str(error))
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

        One that cannot be imported or whose settings are wrong is left out: `problems` says
        why, and so does the log.
        """
        found = {e.name: e for e in (entry_points(group=GROUP) if entries is None else entries)}
        problems = [_unknown(f"plugin {n!r}", n, found) for n in settings if n not in found]
        plugins: list[Plugin] = []
        for name, entry in sorted(found.items()):
            if name in disabled:
                continue
            services = Services(search, clock, Scoped(store, name, ""))
            try:
                plugins.append(_load(entry, settings.get(name, {}), services))
            except SettingsError as error:
                problems.append(str(error))
        host = cls(plugins, store=store, clock=clock, timeout=timeout)
        for problem in problems:
            host._leave_out(problem)
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

    def _leave_out(self, problem: str) -> None:
        log.error("%s", problem)
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
    """What it brings. Raises SettingsError if that cannot be used."""
    if name in RESERVED:
        raise SettingsError(f"plugin {name!r}: the name is the service's own; give it another")
    try:
        commands, tools = list(plugin.commands()), list(plugin.tools())
        wrong = [c.name for c in commands if not _NAME.fullmatch(c.name)]
        wrong += [t.spec.name for t in tools if not _TOOL.fullmatch(t.spec.name)]
    except Exception as error:
        log.exception("plugin %s cannot say what it brings", name)
        raise SettingsError(f"plugin {name!r} cannot say what it brings: {error}") from error
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


def _load(entry: EntryPoint, values: Mapping[str, Any], services: Services) -> Plugin:
    """The plugin, ready to enter. Raises SettingsError naming it, and the key if one is wrong."""
    try:
        kind = entry.load()
        if not (isinstance(kind, type) and issubclass(kind, Plugin)):
            raise SettingsError(f"plugin {entry.name!r}: {entry.value} is no subclass of Plugin")
        plugin: Plugin = kind(kind.Settings.model_validate(dict(values)), services)
    except ValidationError as error:
        raise SettingsError(_explain(entry.name, kind.Settings, error)) from None
    except SettingsError:
        raise
    except Exception as error:
        log.exception("plugin %s cannot be loaded", entry.name)
        raise SettingsError(f"plugin {entry.name!r} cannot be loaded: {error}") from error
    plugin.name = entry.name
    return plugin


def _explain(name: str, schema: type[PluginSettings], error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(p) for p in item["loc"]) or "settings"
        if item["type"] == "extra_forbidden":
            lines.append(_unknown(f"plugin {name!r}: setting {key!r}", key, schema.model_fields))
        else:
            lines.append(f"plugin {name!r}: {key}: {item['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)


def _unknown(what: str, key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(sorted(known)) or 'none'}."
    return f"{what} is unknown.{hint}"
