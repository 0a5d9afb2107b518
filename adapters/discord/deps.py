"""What Discord needs from the rest of the house, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.plugins.api import Scoped
from bot.ports import Clock, Leases, Telemetry
from bot.types import Event, Pace

API_URL = "https://discord.com/api/v10"


class Say(Protocol):
    """A text in a language, by its key in the catalogue."""

    def __call__(self, language: str, key: str) -> str: ...


class Suggest(Protocol):
    """What the argument of a command may become for the event's sender: `data` is the command, with
    what is typed so far. Raises StorageError."""

    def __call__(self, event: Event) -> Awaitable[Sequence[str]]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast Discord may be called (https://discord.com/developers/docs/topics/rate-limits).

    Sends and edits of a channel share `chat`: Discord counts them apart, so what is left over is for
    whatever else a chat needs.
    """

    chat: tuple[Pace, ...] = (Pace(5, 5.0),)
    account: tuple[Pace, ...] = (Pace(50, 1.0),)
    edit_interval: float = 1.2


async def nothing(event: Event) -> Sequence[str]:
    """No suggestions."""
    return ()


async def never(event: Event) -> bool:
    """No chat is answered in threads."""
    return False


@dataclass(frozen=True, slots=True)
class DiscordDeps:
    """`store` keeps what must be the same after a restart: the newest message seen in each channel,
    interactions that wait for their answer, threads to be made, the commands' digest. `leases` see to
    it that one process holds the gateway; `holder` is this one among those of a database, and the
    same after a restart, which then need not wait until its own lease runs out (empty: the machine's
    name).

    `commands` are the slash commands' (name, help) in a language. The first of `languages` is for
    everybody whose own is not among them. `say` is asked for the keys in `TEXTS`; `suggest` for what
    the arguments of the commands in `commands.SUGGESTED` may be.

    `thread_mode`: whether this question in a channel is answered in a thread of its own; it may
    raise StorageError. `message_content`: ask for the text of messages that are not to the bot, which
    the application's page must allow. `allow_bots`: ids of bots and webhooks that are listened to.
    `shards`: gateway connections; 0 for as many as Discord advises. `backfill_limit`: of messages that
    came while no connection was open, at most so many of each channel are caught up with. `seen`: an emoji
    that the bot reacts with to questions that it takes; "" for none. `silence`: seconds without a word
    from the gateway (it acknowledges a heartbeat every 41 s) after which its connection counts as dead.
    """

    token: str
    clock: Clock
    telemetry: Telemetry
    store: Scoped
    leases: Leases
    commands: Callable[[str], Sequence[tuple[str, str]]]
    languages: Sequence[str]
    say: Say
    suggest: Suggest = nothing
    thread_mode: Callable[[Event], Awaitable[bool]] = never
    api_url: str = API_URL
    limits: Limits = Limits()
    message_content: bool = False
    allow_bots: Collection[str] = ()
    shards: int = 1
    backfill_limit: int = 100
    seen: str = ""
    silence: float = 60.0
    holder: str = ""


TEXTS = (
    "discord.ask", "discord.text", "discord.menu_ask", "discord.menu_summarise", "discord.modal_title",
    "discord.modal_label", "discord.summarise", "discord.stop", "discord.retry", "discord.stale",
    "discord.aside", "access.empty", "feedback.thanks",
)  # fmt: skip
"""What people read beside answers: the help of `/ask` and of its and all other commands' argument (at
most 100 characters each), the two entries of a message's menu (at most 32), the title (at most 45) and
the label (at most 45) of the window in which a question about a message is written, the question that
"Summarise from here" stands for, and what is said at once to `/stop`, `/retry`, an entry that is no
longer known, a question without words, and a thumb, and what stands in a channel for what only one person
was to see."""
