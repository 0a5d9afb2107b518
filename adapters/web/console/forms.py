"""Forms made of the core's fields: what a browser is shown, and what it posted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, UploadFile

from adapters.web.console.access import CSRF_FIELD
from adapters.web.console.render import sayer
from bot.plugins.pages import Upload
from bot.types import FieldKind, FormField

CLEAR = "clear."
"""Begins the name of the box that clears a secret."""
WAS = "was."
"""Begins the name of what tells a field's value when the form was shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A field with its value as a browser has it, and what is wrong with that. A secret shows none."""

    field: FormField
    text: str
    problem: str = ""
    was: str | None = None
    """What is saved, as text, where that is told."""

    @property
    def on(self) -> bool:
        return self.text == "on"

    @property
    def bounds(self) -> tuple[str, str]:
        """The least and the most that a number may be, "" where there is none."""
        if self.field.kind is not FieldKind.NUMBER:
            return "", ""
        field = self.field
        least = field.minimum if field.minimum is not None else field.above
        most = field.maximum if field.maximum is not None else field.below
        return _bound(least), _bound(most)

    @property
    def step(self) -> str:
        return "1" if self.field.whole else "any"


def shown(
    fields: Sequence[FormField],
    values: Mapping[str, Any] | None = None,
    problems: Mapping[str, str] | None = None,
    *,
    posted: Mapping[str, Any] | None = None,
) -> list[Shown]:
    """Each with its own value, or that of `values`, or, once something was posted, that."""
    wrong, given = problems or {}, values or {}
    saved = in_force(fields)

    def text(field: FormField) -> str:
        if field.kind in (FieldKind.SECRET, FieldKind.FILE):
            return ""
        if posted is not None and not field.read_only:
            return as_text(posted.get(field.name))
        return as_text(given.get(field.name, field.value))

    return [Shown(field, text(field), wrong.get(field.name, ""), saved.get(field.name)) for field in fields]


def in_force(fields: Sequence[FormField]) -> dict[str, str]:
    """What is saved in the fields that can be changed and are no secrets, as text."""
    hidden = (FieldKind.SECRET, FieldKind.FILE)
    return {each.name: as_text(each.value) for each in fields if not (each.read_only or each.kind in hidden)}


def as_text(value: Any) -> str:
    """As it stands in an input, or in a text area with an entry a line."""
    if value is None or value is False:
        return ""
    if value is True:
        return "on"
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return str(value)


async def read(form: FormData) -> dict[str, Any]:
    """Texts and files by name, without the CSRF token; the last, where a name came twice. No file is read:
    starlette keeps what is not small on the disk, until the request ends."""
    found: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            found[name] = Upload(value.filename or "", value.file, value.size or 0)
        elif name != CSRF_FIELD:
            found[name] = value
    return found


def cleared(posted: dict[str, Any]) -> list[str]:
    """The secrets that are to be cleared, taken out of what was posted."""
    boxes = [name for name in posted if name.startswith(CLEAR)]
    return [name.removeprefix(CLEAR) for name in boxes if posted.pop(name) == "on"]


def overtaken(posted: dict[str, Any], now: Mapping[str, str]) -> dict[str, str]:
    """The fields that this form changes and somebody else changed, too, since it was shown, with what is
    saved there `now`. What only the other changed is, in `posted`, as they have it."""
    both = {}
    for name, saved in now.items():
        was, given = _lines(posted.pop(WAS + name, None)), _lines(posted.get(name, ""))
        if was in (None, _lines(saved)):
            continue
        if given == was:
            posted[name] = saved
        elif given != _lines(saved):
            both[name] = saved
    return both


def meanwhile(language: str, both: Mapping[str, str]) -> dict[str, str]:
    """What the form says of fields that somebody else changed, too."""
    say = sayer(language)
    return {
        name: say("fields.meanwhile", value=saved or say("fields.nothing")) for name, saved in both.items()
    }


def _lines(text: Any) -> str | None:
    """A text as it is, wherever it comes from: browsers end lines in a way of their own."""
    return text.replace("\r\n", "\n").strip() if isinstance(text, str) else None


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
