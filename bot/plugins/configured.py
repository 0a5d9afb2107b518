"""What an operator wrote about plugins, checked: names of plugins, and each one's own settings."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from bot.errors import PluginError, SettingsError
from bot.plugins.api import Plugin, PluginSettings
from bot.plugins.guard import guarding

log = logging.getLogger(__name__)
GROUP = "tertulia.plugins"


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin that can be made."""

    name: str
    kind: type[Plugin]
    settings: PluginSettings


def find_plugins(
    settings: Mapping[str, Mapping[str, Any]],
    *,
    disabled: Collection[str] = (),
    entries: Iterable[EntryPoint] | None = None,
    written: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[list[Installed], dict[str, PluginError]]:
    """The installed plugins that are not disabled, each with its `settings[name]` under what was
    `written` for it in the console; and why others cannot be used. What was written and no longer
    fits is passed over. Raises SettingsError with a line for each mistake in what an operator
    wrote."""
    found = installed_entries(entries)
    mistakes = unknown_names(settings, disabled, found)
    usable: list[Installed] = []
    failures: dict[str, PluginError] = {}
    for name, entry in sorted(found.items()):
        if name in disabled:
            continue
        try:
            usable.append(load(entry, settings.get(name, {}), (written or {}).get(name, {})))
        except SettingsError as error:
            mistakes.append(str(error))
        except PluginError as error:
            failures[name] = error
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return usable, failures


def installed_entries(entries: Iterable[EntryPoint] | None = None) -> dict[str, EntryPoint]:
    """By name: those given, or all that are installed."""
    return {e.name: e for e in (_scanned() if entries is None else entries)}


@cache
def _scanned() -> tuple[EntryPoint, ...]:
    """Once: it reads the metadata of everything that is installed."""
    return tuple(entry_points(group=GROUP))


def load(entry: EntryPoint, values: Mapping[str, Any], written: Mapping[str, Any]) -> Installed:
    """Import it and check its settings. Raises SettingsError, PluginError."""
    kind = kind_of(entry)
    settings = checked(entry.name, kind.Settings, values)
    if written:
        try:
            settings = checked(entry.name, kind.Settings, {**values, **written})
        except SettingsError as error:
            log.error("what the console set is passed over: %s", error)
    return Installed(entry.name, kind, settings)


def kind_of(entry: EntryPoint) -> type[Plugin]:
    """The plugin's class. Raises PluginError, SettingsError."""
    with guarding(f"plugin {entry.name!r} cannot be loaded", SettingsError):
        kind = entry.load()
        if isinstance(kind, type) and issubclass(kind, Plugin):
            return kind
    raise PluginError(f"plugin {entry.name!r}: {entry.value} is no subclass of Plugin")


def unknown_names(tables: Iterable[str], disabled: Iterable[str], installed: Collection[str]) -> list[str]:
    """A line for each name that is no installed plugin's, with the nearest that is."""
    wrong = [_unknown(f"plugin {name!r}", name, installed) for name in tables if name not in installed]
    for name in disabled:
        if name not in installed:
            what = f"plugins_disabled (TERTULIA_PLUGINS_DISABLED): plugin {name!r}"
            wrong.append(_unknown(what, name, installed))
    return wrong


def checked(name: str, schema: type[PluginSettings], values: Mapping[str, Any]) -> PluginSettings:
    """The plugin's settings. Raises SettingsError with a line for each mistake."""
    try:
        return schema.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError(_explain(name, schema, error)) from None


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
