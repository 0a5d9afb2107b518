"""Forms made of the core's fields: what a browser is shown, and what it posted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, UploadFile

from adapters.web.console.access import CSRF_FIELD
from bot.plugins.pages import Upload
from bot.types import FieldKind, FormField

CLEAR = "clear."
"""Begins the name of the box that clears a secret."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A field with its value as a browser has it, and what is wrong with that. A secret shows none."""

    field: FormField
    text: str
    problem: str = ""

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

    def text(field: FormField) -> str:
        if field.kind in (FieldKind.SECRET, FieldKind.FILE):
            return ""
        if posted is not None and not field.read_only:
            return as_text(posted.get(field.name))
        return as_text(given.get(field.name, field.value))

    return [Shown(field, text(field), wrong.get(field.name, "")) for field in fields]


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
    """Texts and files by name, without the CSRF token; the last, where a name came twice."""
    found: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            found[name] = Upload(value.filename or "", await value.read())
        elif name != CSRF_FIELD:
            found[name] = value
    return found


def cleared(posted: dict[str, Any]) -> list[str]:
    """The secrets that are to be cleared, taken out of what was posted."""
    boxes = [name for name in posted if name.startswith(CLEAR)]
    return [name.removeprefix(CLEAR) for name in boxes if posted.pop(name) == "on"]


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
