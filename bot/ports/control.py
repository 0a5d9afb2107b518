"""What the console does with the running service. The core implements these; the console's pages,
which ask for a role first, are given them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.types import (
    Address,
    Chunk,
    DiffLine,
    FormField,
    KnownPersona,
    ModelState,
    Overview,
    PersonaVersion,
    Place,
    PlaceField,
    PlatformState,
    PluginState,
    Trial,
)

if TYPE_CHECKING:
    from bot.plugins.pages import Component, ConsolePage, Done, PageRequest


class PersonaDesk(Protocol):
    """Personas, the default one ("") among them. What is changed is in force for the next turn here,
    and within seconds in other processes on the same database."""

    def listing(self, *, limit: int = 50, after: str | None = None) -> list[KnownPersona]:
        """Those in force, by name; the default one first. `after` is the name of the last one seen."""
        ...

    def get(self, name: str) -> KnownPersona | None:
        """The one in force."""
        ...

    def fields(self) -> list[FormField]:
        """A field for each setting of sampling, with its limits; empty leaves it to what stands under
        the persona."""
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


class PlaceDesk(Protocol):
    """The settings of places where several people meet the bot, those of the command `/settings`."""

    async def listing(
        self,
        *,
        limit: int = 50,
        after: tuple[str, int] | None = None,
        within: Address | None = None,
        query: str = "",
    ) -> list[Place]:
        """See `Atlas.listing`. Raises StorageError."""
        ...

    async def get(self, id: int) -> Place | None: ...

    async def find(self, address: Address) -> Place | None: ...

    async def chosen(self, place: Place) -> dict[str, Any]:
        """What is chosen there itself, by the fields' names. Raises StorageError."""
        ...

    async def fields(self, place: Place) -> list[PlaceField]:
        """All that can be chosen there. Raises StorageError."""
        ...

    async def change(self, place: Place, posted: Mapping[str, str]) -> dict[str, str]:
        """Choose what was posted, by the fields' names; "" takes the choice back, and what is not
        posted stays. In force for the next message. Returns what is another now, as text. Raises
        FieldsRefused, StorageError."""
        ...


class PluginDesk(Protocol):
    """The installed plugins. What is changed is in force at once in this process, and kept for the next
    start: over `tertulia.toml`, under the environment. KeyError where there is no such plugin, page or
    action; StorageError where the choice cannot be kept."""

    def states(self) -> list[PluginState]:
        """Of all that are installed, by name."""
        ...

    async def enable(self, name: str) -> None:
        """Start it. Raises PluginError, saying why, if it cannot; SettingsError if the environment
        disables it or its commands are another's."""
        ...

    async def disable(self, name: str) -> None:
        """Calls under way end first."""
        ...

    def form(self, name: str, language: str = "") -> list[FormField]:
        """A field for each of its settings, also while it is disabled, in the words of the language where it
        has some. Raises PluginError if it cannot
        be loaded, SettingsError if what the file says no longer fits."""
        ...

    async def configure(self, name: str, posted: Mapping[str, Any], cleared: Collection[str] = ()) -> None:
        """Give it these settings: the form's, as posted. An empty secret stays as it is, but for those
        that are to be `cleared`. Another instance takes the plugin's place, once it has started; if it
        cannot, the old one goes on and nothing is kept. Secrets are kept sealed. Raises FieldsRefused,
        SealError, PluginError, SettingsError."""
        ...

    async def reset(self, name: str) -> None:
        """Go back to the file's settings. Raises as `configure`."""
        ...

    def pages(self) -> list[tuple[str, ConsolePage]]:
        """(plugin, page) of all that plugins bring now."""
        ...

    async def render(self, name: str, path: str, request: PageRequest) -> Sequence[Component]:
        """The page's components. Raises PluginError. Who may see it is to be asked before
        (`ConsolePage.role`), here and below."""
        ...

    def fields(self, name: str, path: str, action: str, request: PageRequest) -> list[FormField]:
        """Of an action's form. Raises PluginError."""
        ...

    async def act(
        self, name: str, path: str, action: str, request: PageRequest, posted: Mapping[str, Any]
    ) -> Done:
        """Run an action with what was posted. Raises FieldsRefused, PluginError."""
        ...


class Platforms(Protocol):
    """The platforms that this process serves."""

    def states(self) -> list[PlatformState]: ...

    async def reconnect(self, platform: str) -> None:
        """Leave the platform's intake and enter it again; answers under way go on, and what comes in
        meanwhile comes afterwards. KeyError if it is not served here; SettingsError, saying why, if it
        refuses (then it stays left) or cannot be left."""
        ...


class ModelStates(Protocol):
    """The model servers, in the order in which they are tried."""

    def states(self) -> list[ModelState]: ...

    async def ask(self) -> list[ModelState]:
        """Ask each what it has; then their states. Raises nothing: what is wrong stands there."""
        ...


class Playground(Protocol):
    """Models, tried out. Nothing is stored, and nobody's quota is charged."""

    def models(self) -> list[str]:
        """The default one first."""
        ...

    def limits(self) -> list[FormField]:
        """The sampling parameters, and what they may be."""
        ...

    def run(self, trial: Trial) -> AsyncGenerator[Chunk, None]:
        """The answer; closing it early aborts the request. Raises FieldsRefused at the call (`prompt`,
        `messages`, `model`, or a parameter's name), then ModelError."""
        ...


class Watch(Protocol):
    """How the service does, in figures."""

    async def overview(self, span: str) -> Overview:
        """The last `hour`, `day`, `week` or `month`, what is measured but not stored yet with it. Raises
        KeyError for another span, StorageError."""
        ...


class Backup(Protocol):
    """Copies of everything that is stored. What lies elsewhere is not in them: the settings, in
    `tertulia.toml` and the environment, with their tokens and keys."""

    def copy(self) -> AbstractAsyncContextManager[Path]:
        """A consistent copy as one SQLite file, which Tertulia opens as its database; deleted on
        leaving. Writers go on meanwhile. Raises StorageError."""
        ...

    def pack(self, copy: Path) -> AsyncGenerator[bytes]:
        """One tar archive of such a copy and the files that people brought, made while it is taken;
        `tertulia restore` puts it back. Memory stays the same, however much it is. Raises StorageError."""
        ...

    async def size(self) -> int:
        """Bytes that the database has, and that a copy takes about. Raises StorageError."""
        ...
