"""The README's table of settings, from the fields of bot.settings."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.settings import PREFIX, SamplingSettings, Settings

ONLY_IN_FILE = ("personas", "plugins")


def rows() -> list[tuple[str, str, str]]:
    """(name, default, description) of each setting, as the table has them."""
    found = []
    for name, field in Settings.model_fields.items():
        if name == "sampling":
            shown = ", ".join(f"`{PREFIX}{n.upper()}`" for n in SamplingSettings.model_fields)
        else:
            shown = f"`[{name}]`" if name in ONLY_IN_FILE else f"`{PREFIX}{name.upper()}`"
        found.append((shown, default(name, field), field.description or ""))
    return found


def default(name: str, field: FieldInfo) -> str:
    """What holds where nothing is set; "" for nothing."""
    if name == "home":
        return "the user data folder"
    value: Any = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        value = str(value).lower()
    if value in (None, "", (), {}) or isinstance(value, SamplingSettings):
        return ""
    return f"`{value}`"


def table() -> str:
    head = ["| Variable | Default | |", "|---|---|---|"]
    return "\n".join([*head, *(f"| {name} | {value} | {text} |" for name, value, text in rows())])


def parse(readme: str) -> list[tuple[str, ...]]:
    """The rows of the first table whose rows begin with a setting."""
    lines = [line for line in readme.splitlines() if line.startswith(("| `TERTULIA_", "| `["))]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
