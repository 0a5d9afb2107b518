"""What an operator wrote about plugins, checked: names of plugins, and each one's own settings."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.errors import SettingsError
from bot.plugins.api import Plugin, PluginSettings


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin that can be made."""

    name: str
    kind: type[Plugin]
    settings: PluginSettings


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
