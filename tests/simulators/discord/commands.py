"""The application commands that a bot has registered, checked as Discord checks them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.simulators.discord.model import Json
from tests.simulators.discord.refusals import bad, invalid, unknown

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
MOST = {CHAT_INPUT: 100, USER_MENU: 15, MESSAGE_MENU: 15}
CREATES_PER_DAY = 200
_NAME = re.compile(r"[-_'\w]{1,32}")
_DEFAULTS: Json = {
    "type": CHAT_INPUT,
    "description": "",
    "name_localizations": None,
    "description_localizations": None,
    "default_member_permissions": None,
    "dm_permission": True,
    "contexts": None,
    "integration_types": [0],
    "nsfw": False,
}
_KNOWN = {*_DEFAULTS, "name", "options", "id"}
Problem = tuple[str, str, str]


class Commands:
    """By scope: 0 for everywhere, or a guild's id."""

    def __init__(self, application_id: int, new_id: Callable[[], int]) -> None:
        self._application_id, self._new_id = application_id, new_id
        self._scopes: dict[int, dict[int, Json]] = {}
        self.created = 0

    def all(self, scope: int) -> list[Json]:
        return list(self._scopes.get(scope, {}).values())

    def get(self, scope: int, number: int) -> Json:
        found = self._scopes.get(scope, {}).get(number)
        if found is None:
            raise unknown("application command")
        return found

    def put(self, scope: int, given: Json) -> tuple[Json, bool]:
        """Register one, in the place of another of its name and kind; tells whether it is new."""
        command = self._checked(given, "")
        old = self._named(scope, command["name"], command["type"])
        kept = self._keep(scope, command, old)
        return kept, old is None

    def replace(self, scope: int, given: list[Json]) -> list[Json]:
        """Register these and no others."""
        commands = [self._checked(c, str(i)) for i, c in enumerate(given)]
        names = [(c["type"], c["name"]) for c in commands]
        for number, name in enumerate(names):
            if names.index(name) != number:
                code = "APPLICATION_COMMANDS_DUPLICATE_NAME"
                raise invalid((str(number), code, "Application command names must be unique"))
        old = {(c["type"], c["name"]): c for c in self.all(scope)}
        self._scopes[scope] = {}
        return [self._keep(scope, c, old.get((c["type"], c["name"]))) for c in commands]

    def edit(self, scope: int, number: int, given: Json) -> Json:
        old = self.get(scope, number)
        return self._keep(scope, self._checked(old | given, ""), old)

    def delete(self, scope: int, number: int) -> None:
        del self._scopes[scope][int(self.get(scope, number)["id"])]

    def find(self, name: str, kind: int, guild_id: int) -> Json:
        """What somebody gets who types or chooses this; a guild's own come first."""
        found = self._named(guild_id, name, kind) if guild_id else None
        found = found or self._named(0, name, kind)
        if found is None:
            raise LookupError(f"the bot has no command {name!r} of type {kind} here")
        return found

    def _named(self, scope: int, name: str, kind: int) -> Json | None:
        return next((c for c in self.all(scope) if (c["name"], c["type"]) == (name, kind)), None)

    def _keep(self, scope: int, command: Json, old: Json | None) -> Json:
        places = self._scopes.setdefault(scope, {})
        if old is None:
            self.created += 1
            if self.created > CREATES_PER_DAY:
                raise bad(30034, "Max number of daily application command creates has been reached (200)")
        number = int(old["id"]) if old else self._new_id()
        fixed: Json = {"id": str(number), "application_id": str(self._application_id)}
        fixed |= {"guild_id": str(scope)} if scope else {}
        same = old is not None and all(old.get(k) == v for k, v in command.items())
        version = old["version"] if old and same else str(self._new_id())
        places[number] = command | fixed | {"version": version}
        alike = [c for c in places.values() if c["type"] == command["type"]]
        if len(alike) > MOST[command["type"]]:
            del places[number]
            raise bad(30032, f"Maximum number of application commands reached ({MOST[command['type']]}).")
        return places[number]

    def _checked(self, given: Json, path: str) -> Json:
        named = {k: v for k, v in given.items() if k in _KNOWN and k != "id"}
        command = _DEFAULTS | {k: v for k, v in named.items() if v is not None or k not in _DEFAULTS}
        if problems := list(_command_problems(command, f"{path}." if path else "")):
            raise invalid(*problems)
        if command["type"] == CHAT_INPUT:
            command["options"] = command.get("options") or []
        return command


def _command_problems(command: Json, path: str) -> Iterator[Problem]:
    kind, name = command["type"], command.get("name") or ""
    if kind not in MOST:
        yield f"{path}type", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4}."
        return
    if not name:
        yield f"{path}name", "BASE_TYPE_REQUIRED", "This field is required"
    elif kind == CHAT_INPUT:
        yield from _name_problems(name, f"{path}name")
        yield from _length(command["description"], f"{path}description", 1, 100)
        yield from _option_problems(command.get("options") or [], f"{path}options.")
        if _size(command) > 8000:
            code = "APPLICATION_COMMAND_TOO_LARGE"
            yield path.rstrip("."), code, "Command exceeds maximum size (8000)"
    else:
        yield from _length(name, f"{path}name", 1, 32)
        if command["description"]:
            code = "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_CANNOT_BE_SET"
            yield f"{path}description", code, "Context menu commands cannot have description"


def _name_problems(name: str, path: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name) or name != name.lower():
        code = "APPLICATION_COMMAND_INVALID_NAME"
        yield path, code, "Command name is invalid"


def _option_problems(options: list[Json], path: str) -> Iterator[Problem]:
    if len(options) > 25:
        yield path.rstrip("."), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length."
    optional = False
    for number, option in enumerate(options):
        at = f"{path}{number}."
        yield from _name_problems(option.get("name", ""), f"{at}name")
        yield from _length(option.get("description", ""), f"{at}description", 1, 100)
        if option.get("type") not in range(1, 12):
            yield (
                f"{at}type",
                "BASE_TYPE_CHOICES",
                "Value must be one of {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}.",
            )
        if option.get("required") and optional:
            code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
            yield at.rstrip("."), code, "Required options must be placed before non-required options"
        optional = optional or not option.get("required")
        if option.get("choices") and option.get("autocomplete"):
            code = "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE"
            yield f"{at}autocomplete", code, "Options with choices cannot be autocompleted"
        yield from choice_problems(option.get("choices") or [], f"{at}choices.")
        yield from _option_problems(option.get("options") or [], f"{at}options.")
    names = [o.get("name") for o in options]
    if len(set(names)) < len(names):
        yield (
            path.rstrip("."),
            "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
            "Option name already exists",
        )


def choice_problems(choices: list[Json], path: str) -> Iterator[Problem]:
    if len(choices) > 25:
        yield path.rstrip("."), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length."
    for number, choice in enumerate(choices):
        yield from _length(choice.get("name", ""), f"{path}{number}.name", 1, 100)
        if isinstance(choice.get("value"), str):
            yield from _length(choice["value"], f"{path}{number}.value", 0, 100)


def _length(text: str, path: str, least: int, most: int) -> Iterator[Problem]:
    if not least <= len(text) <= most:
        yield path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length."


def _size(given: Any) -> int:
    """Characters in names, descriptions and values, as Discord counts them."""
    counted = sum(len(given.get(k) or "") for k in ("name", "description"))
    value = given.get("value")
    counted += len(value) if isinstance(value, str) else 0
    return counted + sum(_size(o) for k in ("options", "choices") for o in given.get(k) or [])
