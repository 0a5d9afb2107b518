"""Where things happen, who did them, and what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from bot.types.sampling import Sampling

ADMIN, MANAGER, MODERATOR, AUTHOR = "admin", "manager", "moderator", "author"
JOINED, LEFT, MOVED = "joined", "left", "moved"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a conversation takes place. The thread may be empty, never absent."""

    platform: str
    account: str
    chat: str
    thread: str = ""

    @property
    def key(self) -> str:
        """One unambiguous string: the lane, and the conversation's unique key."""
        return "/".join(quote(p, safe="") for p in (self.platform, self.account, self.chat, self.thread))


@dataclass(frozen=True, slots=True)
class Place:
    """Where several people meet the bot: a server, a channel, a group, a thread. `name` is the platform's,
    "" where it tells none; `within` are the places that it lies in, the nearest first."""

    address: Address
    name: str = ""
    within: tuple[Address, ...] = ()
    id: int = 0
    """What it is stored under; 0 before that."""

    @property
    def code(self) -> str:
        """The platform's own id of it."""
        return (self.address.thread or self.address.chat).rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who acted, as the platform names them. `id` is unique within the platform."""

    id: str
    name: str = ""
    language: str = ""
    is_bot: bool = False
    roles: tuple[str, ...] = ()
    """As the platform names them, and what the person is in this place: ADMIN of it and of all that it
    lies in (a server), MANAGER of it alone (a channel), MODERATOR of what is said there, AUTHOR of what
    it is about (a forum's post)."""
    trusted: bool = False
    """The platform itself vouches that this person may chat (a visitor on a loopback page)."""


class PartKind(StrEnum):
    TEXT = "text"
    QUOTE = "quote"
    """What the message replies to, or the words chosen from it; `Part.name` wrote them."""
    IMAGE = "image"
    AUDIO = "audio"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message. Media are references (`ref`), never bytes; a file that the bot makes of
    text has no `ref`, its content is `text`.

    `name` is a file's name; of a text that was forwarded, who wrote it first.
    """

    kind: PartKind = PartKind.TEXT
    text: str = ""
    ref: str = ""
    media_type: str = ""
    name: str = ""
    size: int = 0


class EventKind(StrEnum):
    MESSAGE = "message"
    COMMAND = "command"
    BUTTON = "button"
    REACTION = "reaction"
    EDIT = "edit"
    DELETE = "delete"
    MEMBERSHIP = "membership"
    CONSOLE = "console"
    """The bot's own, by an operator's hand (`bot.takeover`); from a platform it is refused."""


@dataclass(frozen=True, slots=True)
class Event:
    """A normalised inbound happening.

    `id` is the platform's own id of the happening; with platform and account it is unique, and a
    second arrival changes nothing. `message_id` is the message that the event is, or is about
    (the edited question, the answer that was reacted to). `reply_to` is what the message replies to;
    of a button, where the answer to pressing it goes, if not to that message. `data` is the command with its
    arguments (``/model name``), a button's payload, a reaction's emoji or a membership change:
    JOINED (the bot was added, or let in again), LEFT (removed, or blocked by the person), or
    ``moved CHAT`` (the chat goes on under another id).
    """

    id: str
    kind: EventKind
    address: Address
    sender: Sender
    parts: tuple[Part, ...] = ()
    message_id: str = ""
    reply_to: str = ""
    data: str = ""
    within: tuple[Address, ...] = ()
    """The places that the chat lies in, the nearest first: a topic's group, a thread's channel and
    its server. What is chosen for them holds here too."""
    names: tuple[str, ...] = ()
    """What the platform calls the chat and, after it, what it lies in (`within`), as far as it tells."""
    private: bool = True
    addressed: bool = True
    """In a group: the bot was mentioned, replied to or commanded. Always true in private."""
    opens: bool = False
    """The message begins a place of its own, for a question and its answers: a forum's post."""
    under: str = ""
    """The message that the chat is a thread of, where an answer that began in the place around goes on."""
    host: str = ""
    """In whose name the bot writes there, as the platform names them: the chat is theirs, and who
    writes to them is their guest. No command is run there, no code taken and nothing refused aloud."""
    received_at: float = 0.0
    sampling: Sampling | None = None
    """How the model is to answer this one; it goes over what the conversation has chosen."""

    @property
    def key(self) -> str:
        """Unique over all platforms: (platform, account, platform's id)."""
        return "/".join(quote(p, safe="") for p in (self.address.platform, self.address.account, self.id))

    @property
    def places(self) -> tuple[Place, ...]:
        """The chat, unless it is private, and what it lies in."""
        chain = () if self.private else (self.address, *self.within)
        names = (*self.names, *[""] * len(chain))
        return tuple(Place(at, names[i], chain[i + 1 :]) for i, at in enumerate(chain))

    @property
    def text(self) -> str:
        return "\n".join(p.text for p in self.parts if p.kind is PartKind.TEXT)


class PersonRole(StrEnum):
    OWNER = "owner"
    OPERATOR = "operator"
    MEMBER = "member"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    role: PersonRole = PersonRole.MEMBER
    name: str = ""
    language: str = ""
    """A BCP 47 tag chosen by the person (`/language`); empty: take the platform's word."""
    settings: dict[str, Any] = field(default_factory=dict)
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Who an identity is by a code; `linked` if the code was another account's."""

    person: Person
    linked: bool = False
