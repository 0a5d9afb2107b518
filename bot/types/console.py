"""The console: who works in it, and what its pages list."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.types.history import Conversation, Turn


class ConsoleRole(StrEnum):
    """What an account may do in the console, each all that the one before may.

    A viewer sees how the service is, and no person's words. An author also writes: personas,
    documents, posts. An operator also works with people and their conversations. An owner also
    keeps the accounts and the whole database.
    """

    VIEWER = "viewer"
    AUTHOR = "author"
    OPERATOR = "operator"
    OWNER = "owner"

    def may(self, needed: ConsoleRole) -> bool:
        """Whether this role is enough where `needed` is."""
        order = list(ConsoleRole)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who works in the console. Not a Person: nobody chats as an account."""

    id: str
    name: str
    role: ConsoleRole
    language: str = ""
    has_password: bool = False
    passkeys: int = 0
    disabled: bool = False
    created_at: float = 0.0
    seen_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential. `id` and `public_key` are base64url (W3C Web Authentication Level 3)."""

    id: str
    account_id: str
    public_key: str
    sign_count: int
    name: str = ""
    created_at: float = 0.0
    used_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A login. `id` names it in lists; the token that proves it is stored nowhere."""

    id: str
    account: Account
    created_at: float
    seen_at: float
    expires_at: float
    client: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did, or read, what. `account` is the name at that time."""

    id: int
    at: float
    account_id: str
    account: str
    action: str
    target: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: those of this account, of one of these actions, about this target, from `since`
    on and before `until`. What is empty lets everything through."""

    account_id: str = ""
    actions: tuple[str, ...] = ()
    target: str = ""
    since: float = 0.0
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class Share:
    """A conversation up to `last_turn`, readable by whoever has the link, until `expires_at`."""

    id: str
    conversation_id: int
    person_id: str
    last_turn: int
    title: str
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class ListedConversation:
    """A line of the conversations' list. `people` are the names of those who asked, a few at most."""

    conversation: Conversation
    active_at: float
    people: tuple[str, ...] = ()
    turns: int = 0
    taken_by: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A turn whose question or answer holds the words that were looked for."""

    conversation: Conversation
    turn: int
    question: str
    answer: str
    at: float
    id: int = 0
    """Where the next page goes on (`before`)."""


@dataclass(frozen=True, slots=True)
class Rated:
    """One person's word on one answer."""

    turn: Turn
    conversation: Conversation
    person_id: str
    person: str
    question: str
    value: int
    reason: str
    at: float
    handled: bool = False


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person said of one answer."""

    turn_id: str
    person_id: str
    value: int
    reason: str
    at: float
    handled: bool = False


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invite code, which itself is stored nowhere. `by` is who made it: a person's id, or
    whatever the maker was called; `expires_at` 0.0: never."""

    id: str
    kind: str
    role: str
    uses_left: int
    expires_at: float
    by: str
    created_at: float


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A line of the people's list. `accounts` are (platform, user id)."""

    id: str
    name: str
    role: str
    language: str
    created_at: float
    accounts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PersonaVersion:
    """One version of a persona; numbers rise from 1. `active` is the one in force."""

    name: str
    number: int
    prompt: str
    model: str = ""
    sampling: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    by: str = ""
    at: float = 0.0
    active: bool = False


HELPED = "helped"
"""The reason of a rating that was given by telling that the answer is what was looked for."""
RATINGS = "ratings"
"""The measurement that counts each rating once: as it is now, in the minute in which it was last changed.
Who is erased leaves what they said in the counts."""


def rating(value: int, reason: str) -> str:
    """The label of a rating in `RATINGS`: `up`, `down` or `helped`."""
    if value < 0:
        return "down"
    return HELPED if reason == HELPED else "up"


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured of `name` within one span of time beginning at `at`: how often, the sum,
    and for durations how many were at most each bound (cumulative, as Prometheus counts). Of a level,
    which is looked at now and then, `total` is the sum of what it was, and `highest` the most."""

    name: str
    label: str
    at: float
    count: int
    total: float
    buckets: tuple[int, ...] = ()
    highest: float = 0.0
