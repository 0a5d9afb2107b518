"""The running service, as the console shows it: personas, plugins, platforms, models, settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.types.events import Place
from bot.types.history import Message


class DiffKind(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    SKIPPED = "skipped"
    """Lines that are the same were left out here; `text` is how many."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a comparison. `old` and `new` are line numbers from 1; 0 where it does not stand."""

    kind: DiffKind
    text: str
    old: int = 0
    new: int = 0


class Origin(StrEnum):
    """Where a value in force comes from."""

    DEFAULT = "default"
    FILE = "file"
    CONSOLE = "console"
    ENVIRONMENT = "environment"
    SECRET_FILE = "secret_file"
    """The file that a variable `NAME_FILE` names."""
    OPTION = "option"
    """The command line."""


@dataclass(frozen=True, slots=True)
class KnownPersona:
    """A persona in force; `name` "" is the default one. `version` is 0 where it is not the console's."""

    name: str
    origin: Origin
    prompt: str
    model: str = ""
    sampling: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    covers: bool = False
    """It stands over one of the settings, which is in force again once it is removed."""


class FieldKind(StrEnum):
    TEXT = "text"
    LINES = "lines"
    """Text of several lines."""
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    LIST = "list"
    """Several texts."""
    SECRET = "secret"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form. A secret's `value` is None always; `is_set` says whether it has one, and
    `unreadable` whether the one that was set does not open, so that it has to be set again.

    `whole`: a number without fraction. `minimum` and `maximum` bound a number's value, a text's length
    in characters, and how many a list has; `above` and `below` are bounds that are left out themselves.
    """

    name: str
    kind: FieldKind
    label: str = ""
    help: str = ""
    value: Any = None
    default: Any = None
    required: bool = False
    is_set: bool = False
    choices: tuple[str, ...] = ()
    whole: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    read_only: bool = False
    origin: Origin = Origin.DEFAULT
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class PlaceField:
    """A setting of a place. Its field's value is what is chosen there, None where nothing is: then
    `inherited` holds, which is chosen for `giver`, or is everybody's default where that is None."""

    field: FormField
    inherited: Any = None
    giver: Place | None = None


class PluginStatus(StrEnum):
    RUNNING = "running"
    DISABLED = "disabled"
    RESTING = "resting"
    """Its breaker is open: too many failures in a row."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PluginState:
    """How a plugin is and what it brings. `error` is what failed last, at `error_at`; `rests_until` is
    when a resting one is tried again (all Unix seconds). `fixed` says, where it is not empty, what keeps
    it from being enabled or disabled in the console. `unreadable` are the secrets, by their settings' names,
    that were set in the console and do not open, as their key is not here."""

    name: str
    status: PluginStatus
    error: str = ""
    error_at: float = 0.0
    rests_until: float = 0.0
    commands: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    fixed: str = ""
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlatformState:
    """How the connection to a platform is. `error` is empty while all is well; `since` is when that
    began. `received` counts since the start of this process. `link` is where somebody finds the account,
    or lets it in; "" where there is none, or it is not known yet."""

    platform: str
    account: str = ""
    mode: str = ""
    error: str = ""
    since: float = 0.0
    received: int = 0
    last_received: float = 0.0
    reconnects: bool = True
    link: str = ""


@dataclass(frozen=True, slots=True)
class ModelState:
    """How a model server is. `url` holds no key. `breaker` is closed, open or half-open, until
    `open_until`; `latency` is the seconds to the last answer's first chunk; `window` is in tokens, 0
    while it is not known. Times are Unix seconds."""

    name: str
    url: str = ""
    names: tuple[str, ...] = ()
    breaker: str = "closed"
    open_until: float = 0.0
    error: str = ""
    error_at: float = 0.0
    latency: float = 0.0
    answered_at: float = 0.0
    window: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: a value for each of its times, None where nothing was measured."""

    key: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """`unit` is count, seconds, share (0 to 1) or level (how many at once); counts are of the step that
    begins at their time."""

    key: str
    unit: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """How the service is now. `answers` and `failed` are of the last 24 hours; `waiting` are people who
    wait for their turn, `running` conversations in which one is dealt with; None where this process does
    not know.
    `taught`: documents were learned beside what ships with the service."""

    people: int
    conversations: int
    answers: int
    failed: int
    waiting: int | None
    running: int | None
    model: str
    generates: bool
    taught: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """`times` (Unix seconds, `step` apart) are those of all charts. `causes` are (errors, refusals or
    flood_waits; its kind; how often) within the span, the most frequent first."""

    at: float
    step: float
    figures: Figures
    times: tuple[float, ...]
    charts: tuple[Chart, ...]
    causes: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried in the playground; `messages` end with the question. `model` "" is the default one."""

    prompt: str
    messages: tuple[Message, ...]
    model: str = ""
    sampling: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """A setting, its value as text, and where it comes from: `place` is the variable, the file with its
    line, or the option. A secret's value is "" always; `is_set` says whether it has one."""

    name: str
    value: str
    origin: Origin
    place: str = ""
    secret: bool = False
    is_set: bool = True
    default: str = ""
    description: str = ""
