"""What the console keeps and reads. All of it reads across people: only the console's pages, which
ask for a role first, may have these."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from bot.types import (
    Account,
    AuditEntry,
    AuditFilter,
    ConsoleRole,
    ConsoleSession,
    Found,
    ListedConversation,
    ListedPerson,
    Passkey,
    PersonaVersion,
    Rated,
    Sample,
    Share,
    Vote,
)


class Accounts(Protocol):
    """Accounts of the console, their keys and their sessions. Tokens have 256 bits and are given
    out once; only their SHA-256 is stored. They, and sessions, end `seconds` after they were made.

    Names that differ in case, width, spacing or invisible characters alone are the same. A new name
    raises NameRefused if nothing of it can be seen, one of its words mixes Latin, Cyrillic or Greek
    letters, or it is, or looks like, another's. What changes an account raises AccessError if there
    is none of this id."""

    async def owner_link(self, *, seconds: float) -> str:
        """A token that enters the oldest owner's account, which its first use makes if there is
        none. Earlier tokens of this kind that were not used stop working."""
        ...

    async def invite(self, by: str, *, name: str, role: ConsoleRole, seconds: float) -> str:
        """A token whose first use makes an account of that name (with a number, should the name be
        taken by then) and role. Raises NameRefused."""
        ...

    async def again(self, account_id: str, *, seconds: float) -> str:
        """A token that enters this account: for one who lost their keys. Earlier ones that were not
        used stop working. Raises AccessError if the account is disabled."""
        ...

    async def peek(self, token: str) -> bool:
        """Whether `enter` would take it. Spends nothing."""
        ...

    async def enter(self, token: str) -> Account:
        """Spend the token. Raises AccessError if it is unknown, spent or expired, or the account is
        disabled."""
        ...

    async def get(self, account_id: str) -> Account | None: ...

    async def named(self, name: str) -> Account | None:
        """By name: any that is the same."""
        ...

    async def listing(self, *, limit: int = 50, after: str = "") -> list[Account]:
        """By name, whatever its case; `after` is the name of the last one seen."""
        ...

    async def names(self, account_ids: Collection[str]) -> Mapping[str, str]:
        """By id, of those that there are."""
        ...

    async def update(
        self,
        account_id: str,
        *,
        name: str | None = None,
        role: ConsoleRole | None = None,
        language: str | None = None,
        disabled: bool | None = None,
    ) -> Account:
        """Change what is given. A disabled account's sessions and tokens end, and the invitations
        it made; these end also when its role falls. Raises AccessError if no enabled owner would be
        left, NameRefused for a name that is to change."""
        ...

    async def delete(self, account_id: str) -> None:
        """With its keys and sessions, its tokens and the invitations it made. Nothing happens if
        there is none of this id. Raises AccessError if no enabled owner would be left."""
        ...

    async def set_password(self, account_id: str, hashed: str) -> None:
        """The hash as it is to be stored; "" takes the password away."""
        ...

    async def password(self, account_id: str) -> str:
        """The stored hash; "" if there is none."""
        ...

    async def add_passkey(self, passkey: Passkey) -> None:
        """It is made now, whatever its times. Raises AccessError if one of this id is stored."""
        ...

    async def passkeys(
        self, account_id: str, *, limit: int = 50, after: tuple[float, str] | None = None
    ) -> list[Passkey]:
        """The account's own, the oldest first; `after` is (created_at, id) of the last one seen."""
        ...

    async def passkey(self, id: str) -> Passkey | None: ...

    async def passkey_used(self, id: str, sign_count: int, *, asked_at: float) -> bool:
        """Keep the authenticator's new count, and when. False, and nothing is kept, if there is no such
        passkey, or it was used after `asked_at`: what was asked before that is spent."""
        ...

    async def remove_passkey(self, account_id: str, id: str) -> bool:
        """Whether it was there, and the account's own."""
        ...

    async def open_session(self, account_id: str, *, seconds: float, client: str, agent: str) -> str:
        """The new session's token. `client` is where it came from, `agent` with which browser.
        Raises AccessError if the account is disabled."""
        ...

    async def session(self, token: str, *, idle: float) -> ConsoleSession | None:
        """The session with its account as it is now; None if it is unknown, has ended, was not seen
        for `idle` seconds, or its account is disabled. Marks it as seen, at most once a minute."""
        ...

    async def sessions(
        self, account_id: str, *, limit: int = 50, before: tuple[float, float, str] | None = None
    ) -> list[ConsoleSession]:
        """Those that have not ended, idle ones among them, the last seen first; `before` is
        (seen_at, created_at, id) of the last one that was listed."""
        ...

    async def end_session(self, account_id: str, id: str) -> bool:
        """Whether it had not ended yet, and was the account's own."""
        ...

    async def end_sessions(self, account_id: str, *, but: str = "") -> int:
        """End all of the account's but the one of this id; how many."""
        ...


class Audit(Protocol):
    """What was done in the console. Entries are never changed."""

    async def put(
        self, account_id: str, account: str, action: str, target: str = "", detail: str = ""
    ) -> None:
        """`account` is its name now. The account need not be there, nor stay."""
        ...

    async def listing(
        self,
        *,
        limit: int = 50,
        before: tuple[float, int] | None = None,
        wanted: AuditFilter | None = None,
    ) -> list[AuditEntry]:
        """The newest first; `before` is (at, id) of the last one seen. A page costs by its length, by
        how many actions are wanted, and, with a target, by how much was done about it."""
        ...


class Shares(Protocol):
    """Links by which a conversation can be read without login. They end with the conversation, and
    with the person who gave them out."""

    async def put(
        self, conversation_id: int, person_id: str, *, last_turn: int, title: str, expires_at: float
    ) -> str:
        """The link's token: 256 bits, of which only the SHA-256 is stored. Raises StorageGone if
        there is no such conversation or person."""
        ...

    async def find(self, token: str) -> Share | None:
        """None if it is unknown, has expired or was taken back."""
        ...

    async def listing(
        self, person_id: str, *, limit: int = 50, before: tuple[float, str] | None = None
    ) -> list[Share]:
        """The person's own that have not expired, the newest first; `before` is (created_at, id) of
        the last one seen."""
        ...

    async def revoke(self, person_id: str, id: str) -> bool:
        """Whether it was the person's own and could be read until now."""
        ...


class Archive(Protocol):
    """All people and conversations. Each page's cost depends on its length, not on how many there
    are."""

    async def conversations(
        self,
        *,
        limit: int = 50,
        before: tuple[float, int] | None = None,
        platform: str = "",
        person_id: str = "",
    ) -> list[ListedConversation]:
        """The last active first; `before` is (active_at, id) of the last one seen. A conversation was
        active when a turn of it last began; 0.0 if nobody has asked yet. With `person_id`: those in
        which they asked, and when they last did."""
        ...

    async def search(self, query: str, *, limit: int = 50, before: int = 0) -> list[Found]:
        """Turns whose question and answer together hold every word of the query, in any language, and for
        its last one, which may be half typed, a word that it begins (`sought` of `bot.words`), the last
        stored first; `before` is the id of the last one seen. A turn is found as soon as it is stored.
        Any text is a valid query; one without words finds nothing."""
        ...

    async def people(
        self, *, limit: int = 50, after: tuple[str, str] | None = None, role: str = "", name: str = ""
    ) -> list[ListedPerson]:
        """By name, whatever its case; `after` is (name, id) of the last one seen; `name` is a
        beginning of it."""
        ...

    async def feedback(
        self,
        *,
        limit: int = 50,
        before: tuple[float, str, str] | None = None,
        value: int = 0,
        open_only: bool = False,
        person_id: str = "",
    ) -> list[Rated]:
        """The newest first; `before` is (at, turn, person) of the last one seen."""
        ...

    async def votes(self, turn_ids: Sequence[str]) -> list[Vote]:
        """What people said of these turns' answers."""
        ...

    async def handled(self, turn_id: str, person_id: str, handled: bool) -> None:
        """Note whether somebody has seen to this feedback. Feedback that its person changes is open
        again; nothing happens where there is none."""
        ...

    async def pressing(self, most: int) -> Mapping[str, int]:
        """What needs somebody: `waiting`, conversations that were taken over and whose last question waits
        for a person, and `feedback` that nobody has seen to. Counting ends at `most`."""
        ...

    async def totals(self) -> Mapping[str, int]:
        """How many `people` and `conversations` there are; estimated where they are very many."""
        ...


class StatisticsStore(Protocol):
    """Measurements by minute, for charts."""

    async def add(self, samples: Sequence[Sample]) -> None:
        """Add to what is stored for the same name, label and minute."""
        ...

    async def range(self, names: Sequence[str], *, since: float, until: float, step: float) -> list[Sample]:
        """Summed over steps of `step` seconds (whole minutes), by name, label and time. Steps begin
        at whole multiples of `step`; the one that `since` falls in is given whole. Raises ValueError
        for a step that is not made of whole minutes."""
        ...

    async def forget(self, *, before: float, minutes_before: float = 0.0) -> None:
        """Drop what was measured before; from before `minutes_before` only sums by the hour need
        stay, for steps of whole hours."""
        ...


class PersonaStore(Protocol):
    """Personas that are written in the console, with all their versions. The name "" is the default
    one's. Texts are any; what a persona may be is checked before."""

    async def put(
        self, name: str, *, prompt: str, model: str, sampling: Mapping[str, Any], note: str, by: str
    ) -> PersonaVersion:
        """The next version, in force from now on."""
        ...

    async def activate(self, name: str, number: int) -> PersonaVersion:
        """Put an earlier version in force again, also that of a removed persona. Raises KeyError if
        there is none."""
        ...

    async def active(self) -> list[PersonaVersion]:
        """The version in force of each persona, by name."""
        ...

    async def version(self, name: str, number: int) -> PersonaVersion | None: ...

    async def versions(self, name: str, *, limit: int = 50, before: int = 0) -> list[PersonaVersion]:
        """The newest first; `before` is the last number seen."""
        ...

    async def remove(self, name: str) -> bool:
        """Nobody can choose it any more; its versions stay readable. False if none is in force."""
        ...
