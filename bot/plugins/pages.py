"""Pages that a plugin brings to the console: made of components, so that a plugin knows no HTML.

`ConsolePage.render` gives the components of the page, in the person's language. A `Form` names an
action of the page; what is posted is checked against the action's fields, and the action gets the
values: texts, numbers, booleans, tuples of texts, and `Upload`s. An action that finds more to object
to raises `bot.errors.FieldsRefused`. Components are plain text, but for `Text`, which is Markdown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO, Literal

from bot.types import ConsoleRole, FormField

Tone = Literal["info", "good", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    markdown: str


@dataclass(frozen=True, slots=True)
class Notice:
    text: str
    tone: Tone = "info"


@dataclass(frozen=True, slots=True)
class Link:
    """To another page of the same plugin, with a query; or to an https address."""

    text: str
    page: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True, slots=True)
class Stat:
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures side by side."""

    items: tuple[Stat, ...]


@dataclass(frozen=True, slots=True)
class Button:
    """Posts these values to an action. `sure` is asked first, where it is not empty."""

    text: str
    action: str
    values: Mapping[str, str] = field(default_factory=dict)
    sure: str = ""
    tone: Tone = "info"


@dataclass(frozen=True, slots=True)
class Row:
    cells: tuple[str | Link, ...]
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One page of a list. `next` is the key after which the next page begins (`PageRequest.after` then
    holds it); "" on the last. `empty` is said where there are no rows."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    next: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of an action, filled in with `values`."""

    action: str
    submit: str
    title: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Series:
    """Points are (Unix seconds, value), in order."""

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    series: tuple[Series, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A link that runs an action which gives a file."""

    text: str
    action: str
    values: Mapping[str, str] = field(default_factory=dict)


Component = Heading | Text | Notice | Link | Stats | Table | Form | Chart | Download | Button


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was posted, for as long as the action runs. The name is its sender's and may be
    anything. `file`, with so many bytes, lies on the disk unless it is small."""

    name: str
    file: BinaryIO
    size: int

    @classmethod
    def of(cls, name: str, content: bytes) -> Upload:
        """One that is in memory."""
        return cls(name, BytesIO(content), len(content))

    @property
    def content(self) -> bytes:
        """All of it, which takes as much memory: a large one is better read from `file`, piece by piece."""
        self.file.seek(0)
        return self.file.read()


@dataclass(frozen=True, slots=True)
class File:
    """A file to download."""

    name: str
    content: bytes
    type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Who asks, and for what. `after` is a table's `next`; `query` is what a link to the page gave."""

    language: str
    account: str = ""
    after: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did: words for who asked, or a file."""

    notice: Notice | None = None
    file: File | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What a form or button of a page does. Labels of fields are by their `label` as they are."""

    run: Callable[[PageRequest, Mapping[str, Any]], Awaitable[Done]]
    fields: Callable[[PageRequest], Sequence[FormField]] = lambda request: ()


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """`path` is small letters, digits and "-"; `title` is by language tag. Only accounts that may what
    `role` may see the page and run its actions."""

    path: str
    title: Mapping[str, str]
    render: Callable[[PageRequest], Awaitable[Sequence[Component]]]
    role: ConsoleRole = ConsoleRole.AUTHOR
    actions: Mapping[str, Action] = field(default_factory=dict)
