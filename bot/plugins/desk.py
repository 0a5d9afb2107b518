"""Plugins changed while the service runs: `bot.ports.PluginDesk`.

What holds, from the strongest: the environment, then what was chosen in the console, then
`tertulia.toml`, then defaults. The environment can name plugins that are disabled
(`TERTULIA_PLUGINS_DISABLED`); those cannot be enabled here. What is chosen here is kept in the
database and holds at the next start. It takes effect at once, in this process alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import EntryPoint
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, create_model

from bot.errors import PluginError, SealError, SettingsError, StorageError
from bot.plugins.api import Plugin, PluginSettings
from bot.plugins.choices import Choices
from bot.plugins.configured import Installed, installed_entries, kind_of
from bot.plugins.forms import bare, fields_of, read, refused
from bot.plugins.guard import COMMAND_TIMEOUT, Guarded, guarding
from bot.plugins.host import PluginHost, made
from bot.plugins.pages import Action, Component, ConsolePage, Done, PageRequest
from bot.ports import Clock, KeyValue, Search
from bot.sealing import Sealer
from bot.types import FieldKind, FormField, Origin, PluginState, PluginStatus

log = logging.getLogger(__name__)
PAGE_TIMEOUT = 10.0
"""Seconds for what a page shows: somebody waits for it."""
FIXED = "TERTULIA_PLUGINS_DISABLED"
_DEEP = ConfigDict(revalidate_instances="always")
_COMPONENTS = TypeAdapter(tuple[Component, ...], config=_DEEP)
_FIELDS = TypeAdapter(tuple[FormField, ...], config=_DEEP)


@dataclass(frozen=True, slots=True)
class Configured:
    """What `tertulia.toml` and the environment say about plugins."""

    tables: Mapping[str, Mapping[str, Any]]
    disabled: Collection[str] = ()
    """In the file."""
    fixed: Collection[str] = ()
    """Disabled by the environment."""


async def open_desk(
    configured: Configured,
    *,
    search: Search,
    store: KeyValue,
    sealer: Sealer,
    clock: Clock,
    seconds: float,
    entries: Iterable[EntryPoint] | None = None,
) -> PluginDesk:
    """The desk of the installed plugins (or `entries`) and their host, which is to be entered; it gives
    each plugin so many `seconds` for its part of an answer. Secrets that the console sets are in `store`
    sealed. Raises SettingsError as `find_plugins` does, StorageError."""
    found, choices = installed_entries(entries), await Choices.stored(store, sealer)
    host = PluginHost.discover(
        configured.tables,
        search=search,
        store=store,
        clock=clock,
        disabled=choices.disabled(configured.disabled, configured.fixed),
        timeout=seconds,
        entries=found.values(),
        written=choices.settings(),
    )
    make = partial(made, search=search, store=store, clock=clock)
    return PluginDesk(host, found, configured, choices, make)


class PluginDesk:
    """`make` makes a plugin with its settings; it raises PluginError."""

    def __init__(
        self,
        host: PluginHost,
        entries: Mapping[str, EntryPoint],
        configured: Configured,
        choices: Choices,
        make: Callable[[Installed], Plugin],
    ) -> None:
        self.host = host
        self._entries = entries
        self._configured = configured
        self._choices = choices
        self._make = make
        self._changing = asyncio.Lock()

    async def seal(self) -> None:
        """Seal the secrets that were stored before they were sealed, or that an older key seals. To be
        called where no other process writes. What hinders it stands in the log, and all goes on."""
        async with self._changing:
            try:
                for name in self._choices.names():
                    await self._choices.seal(name, self._secrets(name))
            except (SealError, StorageError) as error:
                log.error("secrets that the console set lie in the database as they were: %s", error)

    def _secrets(self, name: str) -> set[str]:
        """The names of its settings that are secrets. Of a plugin that does not run nobody can say, for
        its code is not loaded: then all that was stored before secrets were sealed."""
        choice = self._choices.of(name)
        with suppress(PluginError, SettingsError), guarding(f"the settings of plugin {name}", SettingsError):
            if self.host.find(name) is not None:
                return _secret(self.form(name))
        return set(choice.plain) if choice.before else set()

    def states(self) -> list[PluginState]:
        return [self._state(name) for name in sorted(self._entries)]

    def _state(self, name: str) -> PluginState:
        fixed = FIXED if name in self._configured.fixed else ""
        unreadable = self._choices.of(name).unreadable
        brought = self.host.find(name)
        if brought is None:
            failure = self.host.failures.get(name, "")
            status = PluginStatus.FAILED if failure else PluginStatus.DISABLED
            return PluginState(name, status, failure, fixed=fixed, unreadable=unreadable)
        guarded = brought.guarded
        return PluginState(
            name,
            _status(guarded),
            error=guarded.last,
            error_at=guarded.last_at,
            rests_until=_rests_until(guarded),
            commands=tuple(command.name for command in brought.commands),
            tools=tuple(tool.spec.name for tool in brought.tools),
            collections=tuple(guarded.plugin.collections),
            pages=tuple(page.path for page in brought.pages),
            fixed=fixed,
            unreadable=unreadable,
        )

    def form(self, name: str, language: str = "") -> list[FormField]:
        kind, choice = kind_of(self._entries[name]), self._choices.of(name)
        table, written = self._table(name), choice.settings
        origins = {**dict.fromkeys(table, Origin.FILE), **dict.fromkeys(written, Origin.CONSOLE)}
        shown = _valid(kind, {**table, **written})
        if shown is None and choice.unreadable:  # the others may fit again with these
            shown = _one_by_one(kind, {**table, **written})
        shown = shown or _valid(kind, table) or _one_by_one(kind, table)
        return [
            replace(field, unreadable=field.name in choice.unreadable)
            for field in fields_of(kind.Settings, shown, origins, language)
        ]

    async def configure(self, name: str, posted: Mapping[str, Any], cleared: Collection[str] = ()) -> None:
        async with self._changing:
            kind = kind_of(self._entries[name])
            table = self._table(name)
            form = self.form(name)
            secrets = _secret(form)
            given = _cleared(kind, secrets & set(cleared)) | _without_nothing(kind, read(form, posted))
            kept = {k: v for k, v in self._written(name).items() if k not in given and k in secrets}
            settings = _validated(kind, {**table, **kept, **given})
            base = _valid(kind, table)
            written = {
                field: _stored(settings, field)
                for field in (*given, *kept)
                if base is None or getattr(settings, field) != getattr(base, field)
            }
            still = secrets - given.keys()
            choice = await self._choices.chosen(name, written, secrets, still)
            if self.host.find(name) is not None:
                await self.host.replace(name, self._make(Installed(name, kind, settings)))
            await self._choices.keep(name, choice)

    async def reset(self, name: str) -> None:
        async with self._changing:
            kind = kind_of(self._entries[name])
            settings = _validated(kind, self._table(name))
            if self.host.find(name) is not None:
                await self.host.replace(name, self._make(Installed(name, kind, settings)))
            await self._choices.keep(name, await self._choices.chosen(name, {}, ()))

    async def enable(self, name: str) -> None:
        async with self._changing:
            entry = self._entries[name]
            if name in self._configured.fixed:
                raise SettingsError(f"{FIXED} disables {name}: take it out there, and start again")
            kind = kind_of(entry)
            settings = _in_force(kind, self._table(name), self._written(name))
            await self.host.replace(name, self._make(Installed(name, kind, settings)))
            await self._choices.enable(name, True)

    async def disable(self, name: str) -> None:
        async with self._changing:
            if name not in self._entries:
                raise KeyError(name)
            await self.host.replace(name, None)
            await self._choices.enable(name, False)

    def pages(self) -> list[tuple[str, ConsolePage]]:
        return [(b.name, page) for b in self.host.brought() for page in b.pages if not b.guarded.dead]

    async def render(self, name: str, path: str, request: PageRequest) -> Sequence[Component]:
        guarded, page = self._page(name, path)
        what = f"the page {path}"
        shown = await guarded.call(what, PAGE_TIMEOUT, (list, tuple), page.render, request)
        try:
            return _COMPONENTS.validate_python(shown)
        except ValidationError as error:
            why = error.errors()[0]["msg"]
            raise PluginError(
                f"plugin {name} failed in {what}: it gave what is no component: {why}"
            ) from None

    def fields(self, name: str, path: str, action: str, request: PageRequest) -> list[FormField]:
        chosen = self._action(name, path, action)[1]
        with guarding(f"plugin {name} failed in the fields of {action} of the page {path}"):
            return list(_FIELDS.validate_python(list(chosen.fields(request))))

    async def act(
        self, name: str, path: str, action: str, request: PageRequest, posted: Mapping[str, Any]
    ) -> Done:
        guarded, chosen = self._action(name, path, action)
        values = read(self.fields(name, path, action, request), posted)
        what = f"the action {action} of the page {path}"
        return await guarded.call(what, COMMAND_TIMEOUT, (Done,), chosen.run, request, values)

    def _page(self, name: str, path: str) -> tuple[Guarded, ConsolePage]:
        brought = self.host.find(name)
        pages = {} if brought is None else {page.path: page for page in brought.pages}
        if brought is None or path not in pages:
            raise KeyError(f"{name}/{path}")
        if not brought.guarded.closed:
            raise PluginError(brought.guarded.last or f"plugin {name} is out of order for the moment")
        return brought.guarded, pages[path]

    def _action(self, name: str, path: str, action: str) -> tuple[Guarded, Action]:
        guarded, page = self._page(name, path)
        return guarded, page.actions[action]

    def _table(self, name: str) -> Mapping[str, Any]:
        return self._configured.tables.get(name, {})

    def _written(self, name: str) -> Mapping[str, Any]:
        return self._choices.of(name).settings


def _status(guarded: Guarded) -> PluginStatus:
    if guarded.dead:
        return PluginStatus.FAILED
    return PluginStatus.RESTING if guarded.resting else PluginStatus.RUNNING


def _rests_until(guarded: Guarded) -> float:
    if not guarded.resting:
        return 0.0
    return guarded.clock.time() + guarded.open_until - guarded.clock.monotonic()


def _valid(kind: type[Plugin], values: Mapping[str, Any]) -> PluginSettings | None:
    try:
        return kind.Settings.model_validate(dict(values))
    except ValidationError:
        return None


def _one_by_one(kind: type[Plugin], values: Mapping[str, Any]) -> PluginSettings:
    """Settings that do not fit together, each as its own field has it. One that does not fit either is as it
    was given, unless it has parts: among these may be secrets, of which only the field knows."""
    known, read = kind.Settings.model_fields, dict[str, Any]()
    for name, value in values.items():
        if name not in known:
            continue
        field: Any = (known[name].annotation, known[name])
        one = create_model("One", __config__=kind.Settings.model_config, **{name: field})
        try:
            read[name] = getattr(one.model_validate({name: value}), name)
        except ValidationError:
            if isinstance(value, str | int | float):
                read[name] = value
    return kind.Settings.model_construct(**read)


def _validated(kind: type[Plugin], values: Mapping[str, Any]) -> PluginSettings:
    """Raises FieldsRefused."""
    try:
        return kind.Settings.model_validate(dict(values))
    except ValidationError as error:
        raise refused(error) from None


def _in_force(kind: type[Plugin], table: Mapping[str, Any], written: Mapping[str, Any]) -> PluginSettings:
    """What was written over the file's, where that still fits. Raises FieldsRefused."""
    return _valid(kind, {**table, **written}) or _validated(kind, table)


def _without_nothing(kind: type[Plugin], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is left empty is nothing where the setting may be that, and else as elsewhere."""
    known = kind.Settings.model_fields
    return {name: v for name, v in given.items() if v is not None or known[name].default is None}


def _secret(form: Sequence[FormField]) -> set[str]:
    return {field.name for field in form if field.kind is FieldKind.SECRET}


def _cleared(kind: type[Plugin], secrets: Collection[str]) -> dict[str, Any]:
    """Nothing in place of each."""
    known = kind.Settings.model_fields
    return {name: None if known[name].default is None else "" for name in secrets}


def _stored(settings: PluginSettings, name: str) -> Any:
    """The setting as JSON has it; a secret as it is."""
    value = getattr(settings, name)
    if (clear := bare(value)) is not value:
        return clear
    return settings.model_dump(mode="json", include={name})[name]
