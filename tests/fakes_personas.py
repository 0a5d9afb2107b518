"""In-memory personas of the console."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.types import PersonaVersion
from storage.text import clean, from_json, to_json

if TYPE_CHECKING:
    from bot.ports import Clock


class MemoryPersonas:
    """`bot.ports.PersonaStore`."""

    def __init__(self, clock: Clock | None = None) -> None:
        from tests.fakes import FakeClock

        self._clock = clock or FakeClock()
        self._versions: dict[str, list[PersonaVersion]] = defaultdict(list)
        self._active: dict[str, int] = {}

    async def put(
        self, name: str, *, prompt: str, model: str, sampling: Mapping[str, Any], note: str, by: str
    ) -> PersonaVersion:
        name = clean(name)
        stored = from_json(to_json(dict(sampling)), dict[str, Any])
        number = len(self._versions[name]) + 1
        texts = (clean(prompt), clean(model), stored, clean(note), clean(by))
        self._versions[name].append(PersonaVersion(name, number, *texts, at=self._clock.time()))
        return await self.activate(name, number)

    async def activate(self, name: str, number: int) -> PersonaVersion:
        if (found := await self.version(name, number)) is None:
            raise KeyError(number)
        self._active[found.name] = number
        return replace(found, active=True)

    async def active(self) -> list[PersonaVersion]:
        return [
            self._shown(self._versions[name][number - 1]) for name, number in sorted(self._active.items())
        ]

    async def version(self, name: str, number: int) -> PersonaVersion | None:
        known = self._versions[clean(name)]
        return next((self._shown(v) for v in known if v.number == number), None)

    async def versions(self, name: str, *, limit: int = 50, before: int = 0) -> list[PersonaVersion]:
        found = [v for v in reversed(self._versions[clean(name)]) if not before or v.number < before]
        return [self._shown(v) for v in found[:limit]]

    async def remove(self, name: str) -> bool:
        return self._active.pop(clean(name), None) is not None

    def _shown(self, version: PersonaVersion) -> PersonaVersion:
        return replace(version, active=self._active.get(version.name) == version.number)
