"""The settings in force and where each came from, for operators. Pure; no secret comes out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.sampling import SamplingSettings
from bot.settings import Place, Settings
from bot.types import Origin, SettingInForce

_DEFAULT = Place(Origin.DEFAULT, "")
_USER = re.compile(r"(?<=://)[^/@\s,]*@")
"""Name and password in a URL."""
_QUERY = re.compile(r"[?#][^\s,]*")


def in_force(settings: Settings) -> list[SettingInForce]:
    """Each setting, in the README's order; of sampling each field, of personas and plugins the names
    (what is in them has pages of its own)."""
    found: list[SettingInForce] = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if name == "sampling":
            found += [
                _setting(f"sampling.{key}", getattr(value, key), own, settings.places)
                for key, own in SamplingSettings.model_fields.items()
            ]
        else:
            found.append(_setting(name, value, field, settings.places))
    return found


def _setting(name: str, value: Any, field: FieldInfo, places: Mapping[str, Place]) -> SettingInForce:
    place = places.get(name, _DEFAULT)
    secret = isinstance(value, SecretStr) or not field.repr
    bare = value.get_secret_value() if isinstance(value, SecretStr) else value
    default = field.get_default(call_default_factory=True)
    return SettingInForce(
        name,
        "" if secret else _text(value),
        place.origin,
        place.where,
        secret=secret,
        is_set=bool(bare) if secret else bare not in (None, "", (), {}),
        default="" if secret else _text(default),
        description=field.description or "",
    )


def _text(value: Any) -> str:
    """As an operator writes it; of a table its keys. Passwords and queries in URLs are left out."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping | tuple):
        return ", ".join(map(str, value))
    text = "" if value is None else str(value)
    if "://" not in text or any(c.isspace() for c in text):
        return text
    return _QUERY.sub("", _USER.sub("", text))
