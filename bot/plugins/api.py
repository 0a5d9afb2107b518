"""What a plugin is and may touch.

A plugin is a class in the entry-point group ``tertulia.plugins``. The host makes one instance
with its settings, enters `lifespan` once, and asks it for what it brings. Where an operator changes
the settings, another instance takes this one's place: its `lifespan` is entered while this one's still
lasts. Every call into a
plugin has a deadline; a failure is logged with the plugin's name and trips its breaker, and the
core answers without it. Built-in plugins come through this door like anyone's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.plugins.pages import ConsolePage
from bot.ports import Clock, KeyValue, Model, Search
from bot.types import Conversation, Event, Message, Passage, Person, Reply, ToolSpec


class PluginSettings(BaseModel):
    """Base of a plugin's settings (`[plugins.NAME]`); unknown keys are errors, numbers finite. The console
    shows them as a form: a field's name and description, or what `Said` has in the reader's language."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Said:
    """Words of a setting, by language tag: `Annotated[int, Said({"zh": …}, {"zh": …})]`. Where a language has
    none, the setting's own name and description are shown; those are English."""

    label: Mapping[str, str] = field(default_factory=dict)
    help: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scoped:
    """The plugin's own key-value store, within one scope: no other can be reached."""

    store: KeyValue
    plugin: str
    scope: str

    async def get(self, key: str) -> Any:
        return await self.store.get(self.plugin, self.scope, key)

    async def put(self, key: str, value: Any) -> None:
        await self.store.put(self.plugin, self.scope, key, value)

    async def delete(self, key: str) -> None:
        await self.store.delete(self.plugin, self.scope, key)

    async def items(
        self, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        """By key, those that begin with `prefix`: all, or `limit` of them; `after` is the last key seen."""
        return await self.store.items(self.plugin, self.scope, prefix, after=after, limit=limit)


@dataclass(frozen=True, slots=True)
class Services:
    """What a plugin gets for its lifetime."""

    search: Search
    clock: Clock
    global_store: Scoped


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plugin gets with one event. Never the application.

    `event.parts` are the person's own, attachments included; where the core changed the text (a
    command's argument, a question asked again), the changed text stands in place of theirs.
    """

    event: Event
    person: Person
    conversation: Conversation
    history: Sequence[Message]
    model: Model
    language: str
    person_store: Scoped
    conversation_store: Scoped
    clock: Clock


@dataclass(frozen=True, slots=True)
class Context:
    """What a plugin adds to a question: text for the model, passages that may be cited."""

    text: str = ""
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model reads, and passages in it that may be cited."""

    text: str
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """Something the model can do. `run` gets arguments that fit `spec.parameters`.

    `activity` is shown while it runs, by language tag (``{"en": "Searching…", "zh": …}``).
    Raise ToolError to tell the model what was wrong.
    """

    spec: ToolSpec
    run: Callable[[PluginContext, dict[str, Any]], Awaitable[ToolResult]]
    activity: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command: `run` gets the text after it. `help` is by language tag."""

    name: str
    help: dict[str, str]
    run: Callable[[PluginContext, str], Awaitable[Reply]]


class Plugin:
    """Base class: override what the plugin brings; everything else is empty."""

    name: str = ""
    """Whose it is in the store. A discovered plugin gets the name of its entry point; `core` and
    `web` are the service's own."""
    Settings: type[PluginSettings] = PluginSettings
    collections: Sequence[str] = ()
    """Of documents that it answers from, by name: those that a group can choose from."""

    def __init__(self, settings: PluginSettings, services: Services) -> None:
        self.settings = settings
        self.services = services

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Entered before the first event, left after the last. Background jobs live here."""
        yield

    def commands(self) -> Sequence[Command]:
        return ()

    def tools(self) -> Sequence[Tool]:
        return ()

    def pages(self) -> Sequence[ConsolePage]:
        """Pages of the console: see bot.plugins.pages."""
        return ()

    async def context(self, context: PluginContext) -> Context:
        """What the model should know for this question; called side by side with others."""
        return Context()

    async def on_event(self, context: PluginContext) -> Reply | None:
        """A reply takes the event out of the core's hands. Not asked where a person answers in the bot's
        place."""
        return None

    async def export_person(self, person_id: str) -> dict[str, Any]:
        """What the plugin keeps about the person beyond its key-value store."""
        return {}

    async def delete_person(self, person_id: str) -> None:
        """Delete it."""
