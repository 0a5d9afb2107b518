"""The door to plugins: loads them, calls them within deadlines, and goes on without those that fail."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
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
from bot.plugins.configured import Installed, checked, unknown_names
from bot.plugins.guard import COMMAND_TIMEOUT, Guarded, guarding
from bot.ports import Clock, KeyValue, Search
from bot.types import Conversation, Person, Reply, ToolSpec

log = logging.getLogger(__name__)
GROUP = "tertulia.plugins"
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
        self._guarded: list[Guarded] = []
        self.problems: list[str] = []
        """What kept plugins from being loaded, each fit for an operator."""
        self._commands: dict[str, tuple[Guarded, Command]] = {}
        self._tools: dict[str, tuple[Guarded, Tool]] = {}
        for plugin in plugins:
            guarded = Guarded(plugin, clock)
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
                with guarding(f"plugin {plugin.name!r} cannot be loaded"):
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


def _brought(plugin: Plugin, name: str) -> tuple[list[Command], list[Tool]]:
    """What it brings. Raises SettingsError or PluginError if that cannot be used."""
    if name in RESERVED:
        raise SettingsError(f"plugin {name!r}: the name is the service's own; give it another")
    with guarding(f"plugin {name!r} cannot say what it brings", SettingsError):
        commands, tools = list(plugin.commands()), list(plugin.tools())
        wrong = [c.name for c in commands if not _NAME.fullmatch(c.name)]
        wrong += [t.spec.name for t in tools if not _TOOL.fullmatch(t.spec.name)]
    if wrong:
        raise SettingsError(f"plugin {name!r}: {wrong[0]!r} cannot be the name of a command or tool")
    return commands, tools


def _claim(
    taken: dict[str, tuple[Guarded, Any]], name: str, guarded: Guarded, item: object, what: str
) -> None:
    if name in taken:
        both = " and ".join(sorted((taken[name][0].name, guarded.name)))
        raise SettingsError(f"plugins {both} both bring the {what}{name}: put one in plugins_disabled")
    taken[name] = (guarded, item)


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
    with guarding(f"plugin {entry.name!r} cannot be loaded", SettingsError):
        kind = entry.load()
        if isinstance(kind, type) and issubclass(kind, Plugin):
            return Installed(entry.name, kind, checked(entry.name, kind.Settings, values))
    raise PluginError(f"plugin {entry.name!r}: {entry.value} is no subclass of Plugin")
