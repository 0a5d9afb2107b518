"""What the console does with the running service. The core implements these; the console's pages,
which ask for a role first, are given them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bot.types import (
    DiffLine,
    KnownPersona,
    PersonaVersion,
)


class PersonaDesk(Protocol):
    """Personas, the default one ("") among them. What is changed is in force for the next turn here,
    and within seconds in other processes on the same database."""

    def listing(self) -> list[KnownPersona]:
        """Those in force, by name; the default one first."""
        ...

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
        """A new version, in force from now on; over one of the settings it stands until it is
        removed. Raises FieldsRefused, StorageError."""
        ...

    async def activate(self, name: str, number: int) -> PersonaVersion:
        """Go back to a version. Raises KeyError if there is none, StorageError."""
        ...

    async def remove(self, name: str) -> bool:
        """Take the console's persona away; its versions stay. Raises StorageError."""
        ...

    async def versions(self, name: str, *, limit: int = 50, before: int = 0) -> list[PersonaVersion]:
        """The console's, the newest first. Raises StorageError."""
        ...

    async def diff(self, name: str, old: int, new: int) -> list[DiffLine]:
        """What changed between two versions' prompts, models and sampling; 0 is what the settings
        have. Raises KeyError if there is none, StorageError."""
        ...
