"""What the console needs from the rest of the house, and what its navigation is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.ports import (
    Accounts,
    Archive,
    Audit,
    Backup,
    Clock,
    Conversations,
    Inbox,
    Models,
    ModelStates,
    People,
    PersonaDesk,
    PlaceDesk,
    Platforms,
    Playground,
    PluginDesk,
    Turns,
    Watch,
)
from bot.types import Account, ConsoleRole, Conversation, SettingInForce


class Holder(Protocol):
    """Who answers in the bot's place, by the account's name, and since when."""

    @property
    def name(self) -> str: ...

    @property
    def at(self) -> float: ...


class Takeovers(Protocol):
    """`bot.takeover.Takeover`, which tells what each does and raises."""

    def state(self, conversation: Conversation) -> Holder | None: ...

    async def take(self, conversation_id: int, by: Account) -> Holder: ...

    async def say(self, conversation_id: int, text: str, by: Account, *, key: str = "") -> str: ...

    async def give_back(self, conversation_id: int, by: Account) -> None: ...

    async def listing(self) -> list[Conversation]: ...


@dataclass(frozen=True, slots=True)
class ConsoleDeps:
    """Handed in by the composition root as `WebDeps.console`.

    `secret` signs CSRF tokens and must be the same after a restart. What only one page needs has a
    default of None, and where it is None that page is not there (`Entry.there`).

    `export_person` and `delete_person` (by id) reach all that is kept of a person. `links` gives, of
    each platform that runs, the link that begins a chat with a code (`{code}`), "" without one.
    """

    accounts: Accounts
    audit: Audit
    clock: Clock
    secret: bytes
    name: str = "Tertulia"
    archive: Archive | None = None
    conversations: Conversations | None = None
    turns: Turns | None = None
    takeover: Takeovers | None = None
    people: People | None = None
    export_person: Callable[[str], Awaitable[Mapping[str, Any]]] | None = None
    delete_person: Callable[[str], Awaitable[None]] | None = None
    links: Callable[[], Mapping[str, str]] = dict
    inbox: Inbox | None = None
    watch: Watch | None = None
    platforms: Platforms | None = None
    servers: ModelStates | None = None
    playground: Playground | None = None
    personas: PersonaDesk | None = None
    places: PlaceDesk | None = None
    models: Models | None = None
    plugins: PluginDesk | None = None
    settings: Callable[[], Sequence[SettingInForce]] | None = None
    backup: Backup | None = None


def always(deps: ConsoleDeps) -> bool:
    """For pages that need nothing of their own."""
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the navigation, which `role` and above see.

    `key` names its word (`nav.KEY`), and `icon` its drawing in `templates/console/icons.html`;
    `there` says whether this installation has the page.
    """

    path: str
    key: str
    role: ConsoleRole
    icon: str
    there: Callable[[ConsoleDeps], bool] = always
