"""The door to plugins: loads them, calls them within deadlines, and goes on without those that fail."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from typing import Any

from bot.errors import PluginError, SettingsError
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
from bot.plugins.configured import Installed, find_plugins
from bot.plugins.guard import COMMAND_TIMEOUT, Guarded, guarding
from bot.plugins.pages import ConsolePage
from bot.ports import Clock, KeyValue, Search
from bot.types import Conversation, Person, Reply, ToolSpec

log = logging.getLogger(__name__)
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_TOOL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PATH = re.compile(r"[a-z0-9-]{1,32}")
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


@dataclass(frozen=True, slots=True)
class Brought:
    """A plugin and what it brings."""

    guarded: Guarded
    commands: tuple[Command, ...]
    tools: tuple[Tool, ...]
    pages: tuple[ConsolePage, ...]

    @property
    def name(self) -> str:
        return self.guarded.name


class PluginHost:
    """Holds the plugins. One that cannot say what it brings, or has a reserved name, is left out:
    `failures` says why. Raises SettingsError if two bring a tool or command of the same name."""

    def __init__(
        self, plugins: Iterable[Plugin], *, store: KeyValue, clock: Clock, timeout: float = 10.0
    ) -> None:
        self._store = store
        self._clock = clock
        self.timeout = timeout
        """Seconds that a plugin may take where somebody waits for its part of an answer."""
        self.failures: dict[str, str] = {}
        """What kept plugins from being loaded or started, by name, each fit for an operator."""
        self._reserved: frozenset[str] = frozenset()
        self._changing = asyncio.Lock()
        brought: list[Brought] = []
        for plugin in plugins:
            try:
                brought.append(_brought(plugin, Guarded(plugin, clock)))
            except (SettingsError, PluginError) as error:
                self._leave_out(plugin.name, str(error), error.__cause__)
        self._hold(brought)

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
        written: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> PluginHost:
        """The installed plugins, each with its `settings[name]`, under what was `written` for it in
        the console.

        One that cannot be imported or made is left out: `failures` says why, and so does the
        log. Raises SettingsError as `find_plugins` does.
        """
        found, failures = find_plugins(settings, disabled=disabled, entries=entries, written=written)
        plugins: list[Plugin] = []
        for installed in found:
            try:
                plugins.append(made(installed, search=search, store=store, clock=clock))
            except PluginError as error:
                failures[installed.name] = error
        host = cls(plugins, store=store, clock=clock, timeout=timeout)
        for name, failure in failures.items():
            host._leave_out(name, str(failure), failure.__cause__)
        return host

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Enter every plugin's own; one that fails to start is left out from then on."""
        try:
            for guarded in self._guarded:
                await guarded.begin()
                if guarded.dead:
                    self.failures[guarded.name] = guarded.last
            yield
        finally:
            for guarded in reversed(self._guarded):
                await guarded.end()

    @property
    def problems(self) -> list[str]:
        """What kept plugins from being loaded or started."""
        return list(self.failures.values())

    def reserve(self, commands: Iterable[str]) -> None:
        """No plugin may have a command of these names. Raises SettingsError if one has."""
        self._reserved = frozenset(commands)
        self._hold(self._brought)

    async def replace(self, name: str, plugin: Plugin | None) -> None:
        """Let `plugin` take the place of the one of this name; None: nothing does. Only within
        `lifespan`. The new one is started before the old one gets no more calls, and those under way
        there end first. Raises PluginError or SettingsError if it cannot be: then nothing changes."""
        async with self._changing:
            old = [b for b in self._brought if b.name == name]
            new = [] if plugin is None else [_brought(plugin, Guarded(plugin, self._clock))]
            brought = sorted([b for b in self._brought if b not in old] + new, key=lambda b: b.name)
            _commands(brought, self._reserved), _tools(brought)
            for added in new:
                await added.guarded.begin()
                if added.guarded.dead:
                    raise PluginError(added.guarded.last)
            self._hold(brought)
            self.failures.pop(name, None)
            for gone in old:
                await gone.guarded.end()

    def names(self) -> list[str]:
        """Of the plugins that run."""
        return [g.name for g in self._guarded if not g.dead]

    def brought(self) -> Sequence[Brought]:
        """The plugins that were loaded, and what they bring."""
        return self._brought

    def find(self, name: str) -> Brought | None:
        """The plugin of this name, if it was loaded."""
        return next((b for b in self._brought if b.name == name), None)

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
                None, "on_event", self.timeout, _REPLY, guarded.plugin.on_event, own
            )
            if reply is not None:
                return reply
        return None

    def _hold(self, brought: Sequence[Brought]) -> None:
        self._commands = _commands(brought, self._reserved)
        self._tools = tuple(_guarded_tool(guarded, tool) for guarded, tool in _tools(brought).values())
        self._brought = tuple(brought)
        self._guarded = [b.guarded for b in brought]

    def tools(self) -> Sequence[GuardedTool]:
        """All tools; the same object until plugins change."""
        return self._tools

    def collections(self) -> list[str]:
        """Those that the plugins answer from."""
        return [name for guarded in self._guarded for name in guarded.plugin.collections]

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

    async def _context(self, guarded: Guarded, context: PluginContext) -> Context:
        own = _own(context, guarded)
        call = guarded.plugin.context
        return await guarded.attempt(Context(), "context", self.timeout, (Context,), call, own)

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

    def _leave_out(self, name: str, problem: str, cause: BaseException | None = None) -> None:
        log.error("%s", problem, exc_info=cause)
        self.failures[name] = problem


def made(installed: Installed, *, search: Search, store: KeyValue, clock: Clock) -> Plugin:
    """The plugin with its settings. Raises PluginError."""
    services = Services(search, clock, Scoped(store, installed.name, ""))
    with guarding(f"plugin {installed.name!r} cannot be loaded"):
        plugin = installed.kind(installed.settings, services)
        plugin.name = installed.name
        return plugin


def _own(context: PluginContext, guarded: Guarded) -> PluginContext:
    """The context with the stores of this plugin alone."""
    return replace(
        context,
        person_store=replace(context.person_store, plugin=guarded.name),
        conversation_store=replace(context.conversation_store, plugin=guarded.name),
    )


def _guarded_tool(guarded: Guarded, tool: Tool) -> GuardedTool:
    async def run(context: PluginContext, arguments: dict[str, Any], seconds: float) -> ToolResult:
        if not guarded.closed:
            raise PluginError(f"plugin {guarded.name} is out of order for the moment")
        own = _own(context, guarded)
        return await guarded.call(f"tool {tool.spec.name}", seconds, (ToolResult,), tool.run, own, arguments)

    return GuardedTool(tool.spec, tool.activity, run)


def _brought(plugin: Plugin, guarded: Guarded) -> Brought:
    """What it brings. Raises SettingsError or PluginError if that cannot be used."""
    name = guarded.name
    if name in RESERVED:
        raise SettingsError(f"plugin {name!r}: the name is the service's own; give it another")
    with guarding(f"plugin {name!r} cannot say what it brings", SettingsError):
        brought = Brought(guarded, tuple(plugin.commands()), tuple(plugin.tools()), tuple(plugin.pages()))
        wrong = [c.name for c in brought.commands if not _NAME.fullmatch(c.name)]
        wrong += [t.spec.name for t in brought.tools if not _TOOL.fullmatch(t.spec.name)]
        wrong += [p.path for p in brought.pages if not _PATH.fullmatch(p.path)]
    if wrong:
        raise SettingsError(f"plugin {name!r}: {wrong[0]!r} cannot be the name of a command, tool or page")
    return brought


def _commands(brought: Iterable[Brought], reserved: Collection[str]) -> dict[str, tuple[Guarded, Command]]:
    """All by name. Raises SettingsError if two have one, or it is the service's own."""
    taken: dict[str, tuple[Guarded, Command]] = {}
    for plugin in brought:
        for command in plugin.commands:
            if command.name in reserved:
                raise SettingsError(
                    f"a plugin brings /{command.name}, which is a built-in command: disable it"
                )
            _claim(taken, command.name, plugin.guarded, "command /")
            taken[command.name] = (plugin.guarded, command)
    return taken


def _tools(brought: Iterable[Brought]) -> dict[str, tuple[Guarded, Tool]]:
    """All by name. Raises SettingsError if two have one."""
    taken: dict[str, tuple[Guarded, Tool]] = {}
    for plugin in brought:
        for tool in plugin.tools:
            _claim(taken, tool.spec.name, plugin.guarded, "tool ")
            taken[tool.spec.name] = (plugin.guarded, tool)
    return taken


def _claim(taken: Mapping[str, tuple[Guarded, object]], name: str, guarded: Guarded, what: str) -> None:
    if name in taken:
        both = " and ".join(sorted((taken[name][0].name, guarded.name)))
        raise SettingsError(f"plugins {both} both bring the {what}{name}: put one in plugins_disabled")
