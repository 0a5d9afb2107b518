"""How the assistant speaks: system prompt, model and sampling of each conversation.

Personas stand in the settings and are written in the console, whose stand over the settings'. The
default one has the name "".
"""

from __future__ import annotations

import asyncio
import logging
import re
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.diffs import compare
from bot.errors import FieldsRefused, StorageError
from bot.mistakes import sentence
from bot.plugins.forms import fields_of
from bot.ports import Clock, Model, PersonaStore
from bot.settings import PersonaSettings, SamplingSettings
from bot.types import (
    Conversation,
    DiffLine,
    FormField,
    KnownPersona,
    Message,
    Origin,
    PersonaVersion,
    Role,
    Sampling,
)

log = logging.getLogger(__name__)
DEFAULT_PROMPT = """\
You are a helpful assistant in a chat. Answer in the language of the question, briefly and \
plainly, in Markdown. Where numbered passages stand after a question, answer from them, put the \
number of the passage that supports a statement after it in square brackets, like [1], and say \
so if they do not hold the answer. Never invent a source."""
REFRESH_SECONDS = 2.0
"""How old what another process changed can be here, at most."""
LONGEST_PROMPT = 100_000
RESERVED = frozenset({"default", "auto"})
"""What people write to leave the choice to the bot."""
_NAME = re.compile(r"[^\s`]{1,64}")


@dataclass(frozen=True, slots=True)
class Persona:
    """`model` empty: the default one."""

    prompt: str
    model: str
    sampling: Sampling


class Personas:
    """Settings of the bot, under those of the persona, under those of the conversation.

    Also `bot.ports.PersonaDesk`, over `store`; without one only the settings' are there.
    """

    def __init__(
        self,
        named: Mapping[str, PersonaSettings],
        sampling: SamplingSettings,
        system_prompt: str = "",
        *,
        store: PersonaStore | None = None,
    ) -> None:
        self._settings = named
        self._sampling = sampling.over(Sampling())
        self._prompt = system_prompt
        self._store = store
        self._written: dict[str, tuple[PersonaVersion, SamplingSettings]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    @asynccontextmanager
    async def lifespan(self, clock: Clock) -> AsyncIterator[None]:
        """While entered, what other processes write is noticed. Raises StorageError at entry."""
        if self._store is None:
            yield
            return
        await self._read(self._store)
        following = asyncio.create_task(self._follow(self._store, clock))
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    @property
    def names(self) -> list[str]:
        """Those that can be chosen."""
        return sorted({*self._settings, *self._written} - {""})

    def of(self, conversation: Conversation) -> Persona:
        """The persona in force; one that no longer exists gives way to the default."""
        prompt, model, chosen = self._chosen(conversation.persona)
        sampling = _own(conversation.settings.get("sampling")).over(chosen.over(self._sampling))
        return Persona(prompt, conversation.model or model, sampling)

    async def system(self, persona: Persona, model: Model) -> Message:
        """The system message with its token count, which is taken once per model and prompt."""
        key = (model.name, persona.prompt)
        if key not in self._counts:
            if len(self._counts) > 256:
                self._counts.clear()
            (self._counts[key],) = await model.count([persona.prompt])
        return Message(Role.SYSTEM, persona.prompt, tokens=self._counts[key])

    def fields(self) -> list[FormField]:
        return fields_of(SamplingSettings, SamplingSettings())

    def listing(self, *, limit: int = 50, after: str | None = None) -> list[KnownPersona]:
        names = ["", *self.names]
        first = 0 if after is None else bisect_right(names, after)
        return [self._known(name) for name in names[first : first + limit]]

    def get(self, name: str) -> KnownPersona | None:
        there = not name or name in self._settings or name in self._written
        return self._known(name) if there else None

    async def write(
        self,
        name: str,
        *,
        prompt: str,
        model: str = "",
        sampling: Mapping[str, Any] | None = None,
        note: str = "",
        by: str = "",
    ) -> PersonaVersion:
        given = _checked(name, prompt, sampling or {})
        stored = given.model_dump(mode="json", exclude_defaults=True)
        store = self._writable()
        made = await store.put(name, prompt=prompt, model=model, sampling=stored, note=note, by=by)
        await self._read(store)
        return made

    async def activate(self, name: str, number: int) -> PersonaVersion:
        store = self._writable()
        found = await store.activate(name, number)
        await self._read(store)
        return found

    async def remove(self, name: str) -> bool:
        store = self._writable()
        removed = await store.remove(name)
        await self._read(store)
        return removed

    async def versions(self, name: str, *, limit: int = 50, before: int = 0) -> list[PersonaVersion]:
        return await self._writable().versions(name, limit=limit, before=before)

    async def diff(self, name: str, old: int, new: int) -> list[DiffLine]:
        texts = await self._text(name, old), await self._text(name, new)
        return await asyncio.to_thread(compare, *texts)

    async def _text(self, name: str, number: int) -> str:
        if number:
            found = await self._writable().version(name, number)
            if found is None:
                raise KeyError(number)
            return _as_text(found.prompt, found.model, found.sampling)
        if name and name not in self._settings:
            raise KeyError(number)
        own = self._of_settings(name)
        return _as_text(own.prompt, own.model, own.sampling)

    def _chosen(self, name: str) -> tuple[str, str, SamplingSettings]:
        """Prompt, model and sampling."""
        if name in self._written:
            version, sampling = self._written[name]
            return version.prompt, version.model, sampling
        if name in self._settings:
            named = self._settings[name]
            return named.prompt, named.model, named.sampling
        if name:
            return self._chosen("")
        return self._prompt or DEFAULT_PROMPT, "", SamplingSettings()

    def _known(self, name: str) -> KnownPersona:
        if name not in self._written:
            return self._of_settings(name)
        found = self._written[name][0]
        covers = not name or name in self._settings
        return KnownPersona(
            name, Origin.CONSOLE, found.prompt, found.model, found.sampling, found.number, covers=covers
        )

    def _of_settings(self, name: str) -> KnownPersona:
        if name:
            own = self._settings[name]
            sampling = own.sampling.model_dump(mode="json", exclude_defaults=True)
            return KnownPersona(name, Origin.FILE, own.prompt, own.model, sampling)
        origin = Origin.FILE if self._prompt else Origin.DEFAULT
        return KnownPersona("", origin, self._prompt or DEFAULT_PROMPT)

    def _writable(self) -> PersonaStore:
        if self._store is None:
            raise StorageError("personas are not stored here")
        return self._store

    async def _read(self, store: PersonaStore) -> None:
        self._written = {v.name: (v, _own(v.sampling)) for v in await store.active()}

    async def _follow(self, store: PersonaStore, clock: Clock) -> None:
        told = False
        while True:
            await clock.sleep(REFRESH_SECONDS)
            try:
                await self._read(store)
                told = False
            except StorageError as error:
                if not told:
                    log.warning("personas stay as they were: %s", error)
                told = True


def _checked(name: str, prompt: str, sampling: Mapping[str, Any]) -> SamplingSettings:
    """The sampling. Raises FieldsRefused, with the names of the fields of `PersonaDesk.write`, and
    ``sampling.NAME``."""
    wrong: dict[str, str] = {}
    if name and not _NAME.fullmatch(name):
        wrong["name"] = "1 to 64 characters, without spaces and backticks"
    elif name.lower() in RESERVED:
        wrong["name"] = f"{name!r} is what people write for the default one"
    if not prompt.strip():
        wrong["prompt"] = "is empty"
    elif len(prompt) > LONGEST_PROMPT:
        wrong["prompt"] = f"has {len(prompt):,} characters; at most {LONGEST_PROMPT:,} are taken"
    given = SamplingSettings()
    try:
        given = SamplingSettings.model_validate(dict(sampling))
    except ValidationError as error:
        for item in error.errors():
            wrong[f"sampling.{item['loc'][0]}"] = sentence(item)
    if wrong:
        raise FieldsRefused(wrong)
    return given


def _as_text(prompt: str, model: str, sampling: Mapping[str, Any]) -> str:
    """A version as lines that can be compared."""
    values = {"model": model, **sampling} if model else dict(sampling)
    lines = [f"{key} = {value}" for key, value in values.items()]
    return "\n".join((prompt, "", *lines)) if lines else prompt


def _own(stored: Any) -> SamplingSettings:
    """What was stored; nothing, if any of it no longer fits (another version's)."""
    try:
        return SamplingSettings.model_validate(stored or {})
    except ValidationError:
        return SamplingSettings()
