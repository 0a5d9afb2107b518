"""What the console needs from the rest of the house, and what its navigation is made of."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from adapters.web.console.passwords import Price
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
from bot.types import Account, Address, ConsoleRole, Conversation, Exported, SettingInForce


class Holder(Protocol):
    """Who answers in the bot's place and since when: the account's name now, and its id, if it is known."""

    @property
    def name(self) -> str: ...

    @property
    def at(self) -> float: ...

    @property
    def account(self) -> str: ...


class Takeovers(Protocol):
    """`bot.takeover.Takeover`, which tells what each does and raises."""

    async def holders(self, conversations: Sequence[Conversation]) -> Mapping[int, Holder]: ...

    async def holder(self, conversation: Conversation) -> Holder | None: ...

    async def take(self, conversation_id: int, by: Account, *, since: float | None = None) -> Holder: ...

    async def say(self, conversation_id: int, text: str, by: Account, *, key: str = "") -> str: ...

    async def give_back(self, conversation_id: int, by: Account, *, since: float | None = None) -> None: ...

    def look_soon(self) -> None: ...

    async def listing(self, *, limit: int = 50, after: int = 0) -> list[Conversation]: ...


@dataclass(frozen=True, slots=True)
class ConsoleDeps:
    """Handed in by the composition root as `WebDeps.console`.

    `secret` signs CSRF tokens and must be the same after a restart. What only one page needs has a
    default of None, and where it is None that page is not there (`Entry.there`).

    `export_person` and `delete_person` (by id) reach all that is kept of a person. `links` gives, of
    each platform that runs, the link that begins a chat with a code (`{code}`), "" without one. `changed`
    tells the open pages of who chats at this address to look again. `price` is that of a password.
    """

    accounts: Accounts
    audit: Audit
    clock: Clock
    secret: bytes
    name: str = "Tertulia"
    price: Price = field(default_factory=Price)
    archive: Archive | None = None
    conversations: Conversations | None = None
    turns: Turns | None = None
    takeover: Takeovers | None = None
    changed: Callable[[Address], None] = lambda address: None
    people: People | None = None
    export_person: Callable[[str], AsyncGenerator[Exported]] | None = None
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
