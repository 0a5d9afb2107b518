"""Settings are read once: command line over environment over `tertulia.toml` over defaults.

Nothing else in Tertulia reads the environment. `load_settings` raises SettingsError with one
line per mistake, each saying what to do; an unknown key names the nearest known one.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import ValidationError

from bot.errors import SettingsError
from bot.settings import FILE, PREFIX, PersonaSettings, Place, SamplingSettings, Settings
from bot.types import Origin

FROM_FILE = "_FILE"
_HEADER = re.compile(r"\s*\[\[?\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"\s*([\w.-]+)\s*=")
_VARIABLES = {n for n in Settings.model_fields if n not in ("personas", "plugins", "sampling")}
"""Settings that a variable of their own can set; sampling has one for each of its fields."""
_SEQUENCES = {
    **dict.fromkeys(("plugins_disabled", "stop", "discord_allow_bots", "web_widget_origins"), ","),
    "suggestions": ";",
}
"""What stands between the values in a variable."""


def locale_language(environ: Mapping[str, str] | None = None) -> str:
    """The language of the terminal as a BCP 47 tag, by POSIX's order of variables; "" for none."""
    environ = os.environ if environ is None else environ
    name = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    tag = name.split(".")[0].split("@")[0].replace("_", "-")
    return "" if tag in ("C", "POSIX") else tag


def load_settings(
    environ: Mapping[str, str] | None = None, *, folder: Path | None = None, **overrides: Any
) -> Settings:
    """Settings from the environment, then `tertulia.toml` in `folder` (the working folder) or
    in the home, then defaults; `overrides` (command-line options) win over all.

    Raises SettingsError.
    """
    environ = os.environ if environ is None else environ
    from_env = _from_environment(environ)
    path = _find_file(from_env, overrides, folder or Path.cwd())
    from_file = _from_file(path)
    options = {k: v for k, v in overrides.items() if v is not None}
    given = {**from_file, **from_env, **options}
    if isinstance(in_file := from_file.get("sampling"), dict) and "sampling" in from_env:
        given["sampling"] = {**in_file, **from_env["sampling"]}
    places = {
        **_places_in_file(path, from_file),
        **_places_in_environment(environ),
        **{name: Place(Origin.OPTION, f"--{name.replace('_', '-')}") for name in options},
    }
    try:
        return Settings(**given).found_at(places)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(error))) from None


def _find_file(env: Mapping[str, Any], overrides: Mapping[str, Any], folder: Path) -> Path | None:
    home = overrides.get("home") or env.get("home") or user_data_path("tertulia")
    try:
        home = Path(home).expanduser()
    except (TypeError, RuntimeError) as error:
        raise SettingsError(f"home ({PREFIX}HOME): {error}") from None
    for candidate in (folder / FILE, home / FILE):
        if candidate.is_file():
            return candidate
    return None


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: {error}. Mend the file, or move it away.") from None
    unknown = [
        f"{path}: {_unknown(k, set(Settings.model_fields))}" for k in values if k not in Settings.model_fields
    ]
    if unknown:
        raise SettingsError("\n".join(unknown))
    return values


def _places_in_file(path: Path | None, values: Mapping[str, Any]) -> dict[str, Place]:
    """Of each setting in the file: `path:line`."""
    if path is None or not values:
        return {}
    lines = _lines_of(path.read_text(encoding="utf-8"))
    places: dict[str, Place] = {}
    for name, value in values.items():
        own = [f"{name}.{key}" for key in value] if name == "sampling" and isinstance(value, dict) else [name]
        for key in own:
            line = lines.get(key, lines.get(name, 0))
            places[key] = Place(Origin.FILE, f"{path}:{line}" if line else str(path))
    return places


def _lines_of(text: str) -> dict[str, int]:
    """On which line of a TOML text each key or table begins, by its dotted name, where that is easy to
    see. Lines within a text of several lines may be taken for keys, but only after the real ones."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = f"{header[1]}."
            name = header[1]
        elif key := _KEY.match(line):
            name = table + key[1]
        else:
            continue
        for known in (name, name.partition(".")[0]):
            lines.setdefault(known, number)
    return lines


def _places_in_environment(environ: Mapping[str, str]) -> dict[str, Place]:
    """Of each setting that a variable gives: its name, or the file that it names."""
    places: dict[str, Place] = {}
    for variable in _given(environ):
        name = variable.removeprefix(PREFIX).lower()
        key = f"sampling.{name}" if name in SamplingSettings.model_fields else name
        file = environ.get(variable + FROM_FILE, "") if not environ.get(variable) else ""
        where = f"{variable}{FROM_FILE} ({file})" if file else variable
        places[key] = Place(Origin.SECRET_FILE if file else Origin.ENVIRONMENT, where)
    return places


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    sampling: dict[str, Any] = {}
    for variable, text in _given(environ).items():
        name = variable.removeprefix(PREFIX).lower()
        between = _SEQUENCES.get(name)
        value: Any = [v.strip() for v in text.split(between) if v.strip()] if between else text
        if name in SamplingSettings.model_fields:
            sampling[name] = value
        elif name in _VARIABLES:
            values[name] = value
        else:
            raise SettingsError(_no_variable(variable, name))
    if sampling:
        values["sampling"] = sampling
    return values


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """Our variables that are not empty; `NAME_FILE` gives NAME the content of a file."""
    ours = {k: v for k, v in environ.items() if k.startswith(PREFIX) and v}
    for variable in [k for k in ours if k.endswith(FROM_FILE)]:
        path, name = ours.pop(variable), variable.removesuffix(FROM_FILE)
        if name in ours:
            raise SettingsError(f"{variable} and {name} are both set; keep one of them")
        try:
            ours[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise SettingsError(f"{variable}: {path!r} cannot be read: {error}") from None
    return {k: v for k, v in ours.items() if v}


def _no_variable(variable: str, name: str) -> str:
    if name not in Settings.model_fields:
        return _unknown(
            variable, {PREFIX + n.upper() for n in _VARIABLES | set(SamplingSettings.model_fields)}
        )
    own = [PREFIX + n.upper() for n in SamplingSettings.model_fields]
    each = f"set {', '.join(own)}, or " if name == "sampling" else ""
    return f"{variable} is no variable: {each}write [{name}] in {FILE}"


def _unknown(key: str, known: Collection[str]) -> str:
    near = _nearest(key.rpartition(".")[2], known)
    hint = f" Did you mean {near!r}?" if near else " The README lists all."
    return f"unknown setting {key!r}.{hint}"


def _nearest(key: str, known: Collection[str]) -> str:
    return next(iter(difflib.get_close_matches(key, known, n=1, cutoff=0.5)), "")


def _explain(error: ValidationError) -> list[str]:
    """A line for each mistake; that a field is missing is none of its own where it is misspelt."""
    lines: list[str] = []
    misspelt: set[tuple[int | str, ...]] = set()
    for item in sorted(error.errors(), key=lambda item: item["type"] != "extra_forbidden"):
        loc, place = item["loc"], ".".join(map(str, item["loc"]))
        if item["type"] == "extra_forbidden":
            known = _fields_at(loc)
            misspelt.add((*loc[:-1], _nearest(str(loc[-1]), known)))
            lines.append(_unknown(place, known))
        elif loc not in misspelt:
            said = item["msg"].removeprefix("Value error, ")
            lines.append(f"{place}{_variable_of(loc)}: {said}" if loc else said)
    return lines


def _fields_at(loc: Sequence[int | str]) -> Collection[str]:
    """What may stand there: in a persona, in some sampling, or at the top."""
    if len(loc) == 1:
        return Settings.model_fields
    return PersonaSettings.model_fields if len(loc) == 3 else SamplingSettings.model_fields


def _variable_of(loc: Sequence[int | str]) -> str:
    name = loc[1] if loc[0] == "sampling" and len(loc) > 1 else loc[0]
    return (
        f" ({PREFIX}{str(name).upper()})"
        if name in _VARIABLES or name in SamplingSettings.model_fields
        else ""
    )
