"""What Telegram needs from the rest of the house, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.plugins.api import Scoped
from bot.ports import Clock, Leases, Telemetry
from bot.types import Pace, Passage, Sender


class Say(Protocol):
    """A text in a language, by its key in the catalogue."""

    def __call__(self, language: str, key: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast Telegram may be called (https://core.telegram.org/bots/faq, "My bot is hitting
    limits")."""

    private: tuple[Pace, ...] = (Pace(3, 3.0),)
    group: tuple[Pace, ...] = (Pace(20, 60.0), Pace(3, 3.0))
    account: tuple[Pace, ...] = (Pace(30, 1.0),)
    private_edit_interval: float = 1.0
    group_edit_interval: float = 4.0


async def nobody() -> str:
    """No owner is known on Telegram."""
    return ""


@dataclass(frozen=True, slots=True)
class TelegramDeps:
    """`store` keeps what must be the same after a restart: the webhook's secret, the menu's
    digest. `leases` see to it that one process polls; `holder` is this one among those of a
    database, and the same after a restart, which then need not wait until its own lease runs out
    (empty: a new one each time).

    `commands` are the (name, help) of private chats' menus in a language; `group_commands` those of
    groups, and `admin_commands` of those who run a group; `owner_commands` what the owner's chat
    shows besides, whose id `owner_chat` tells ("" if it is not known). The first of
    `languages` is for everybody whose own is not among them. `say` is asked for the keys in
    `TEXTS`.

    `search` finds passages for an inline query; None: this person may not ask. `drafts`: growing
    answers are shown as drafts in private chats. `seen`: an emoji that the bot reacts with to questions
    that it takes in groups; "" for none. `webhook_url` is the public address of `receive`.
    """

    token: str
    clock: Clock
    telemetry: Telemetry
    store: Scoped
    leases: Leases
    commands: Callable[[str], Sequence[tuple[str, str]]]
    group_commands: Callable[[str], Sequence[tuple[str, str]]]
    admin_commands: Callable[[str], Sequence[tuple[str, str]]]
    languages: Sequence[str]
    say: Say
    search: Callable[[Sender, str], Awaitable[Sequence[Passage] | None]]
    api_url: str = "https://api.telegram.org"
    mode: Literal["polling", "webhook"] = "polling"
    webhook_url: str = ""
    limits: Limits = Limits()
    drafts: bool = True
    seen: str = ""
    holder: str = ""
    owner_chat: Callable[[], Awaitable[str]] = nobody
    owner_commands: Callable[[str], Sequence[tuple[str, str]]] = lambda language: ()


TEXTS = ("telegram.description", "telegram.about", "telegram.private", "feedback.thanks")
"""What people read beside answers: the bot's description (at most 512 characters) and the line in
its profile (at most 120), the button for a person who may not ask inline, the toast after 👍 and 👎."""
