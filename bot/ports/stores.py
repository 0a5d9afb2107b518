"""What outlives the process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from bot.types import (
    NO_THOUGHTS,
    Address,
    Conversation,
    Delivery,
    Event,
    Exported,
    Invitation,
    Message,
    Passage,
    Person,
    PersonRole,
    Place,
    Redeemed,
    Remark,
    Sender,
    Source,
    Thoughts,
    Turn,
    TurnState,
)


class People(Protocol):
    """Who may do what, and each person's own settings. Identity: (platform, user id)."""

    async def find(self, platform: str, user_id: str) -> Person | None: ...

    async def get(self, person_id: str) -> Person | None: ...

    async def owner(self, platform: str) -> str:
        """The owner's user id on this platform; "" if there is none."""
        ...

    async def admit(self, platform: str, sender: Sender, role: PersonRole = PersonRole.MEMBER) -> Person:
        """The person of this identity, made with `role` if new (else unchanged)."""
        ...

    async def update(
        self,
        person_id: str,
        *,
        role: PersonRole | None = None,
        language: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Person:
        """Change what is given; `settings` are merged, a None value removes its key."""
        ...

    async def owner_code(self) -> str | None:
        """A fresh code that makes its first presenter owner; None if there is an owner.

        Only a hash is stored; an earlier owner code stops working.
        """
        ...

    async def invite(
        self, by: str, *, role: PersonRole = PersonRole.MEMBER, uses: int = 1, expires_at: float = 0.0
    ) -> str:
        """A new invite code (at least 128 bits, URL-safe, at most 32 characters). Hash stored."""
        ...

    async def invitations(
        self, *, limit: int = 50, before: tuple[float, str] | None = None
    ) -> list[Invitation]:
        """The invite and owner codes that can still be used, the newest first; `before` is
        (created_at, id) of the last one seen. Links of accounts are not among them."""
        ...

    async def revoke(self, id: str) -> bool:
        """Take an invite or owner code back. False if there is none of this id that has uses left."""
        ...

    async def link(self, by: str, *, expires_at: float) -> str:
        """A new code, like an invite's, that makes one other account an account of this person.
        The person's earlier link codes stop working."""
        ...

    async def redeem(self, platform: str, sender: Sender, code: str, *, sure: bool = False) -> Redeemed:
        """The person of this identity with the code's role (never lowered, a blocked person
        stays blocked). Whoever used a code gets the same answer again, and no use is counted.
        Raises AccessError if the code is unknown, spent or expired.

        By a link code the identity becomes one of the person who made it. If it has a person of
        its own, both become that one: what either had is theirs, the higher role holds, and where
        they differ (name, language, a setting, a plugin's value, a rating) the link's person wins.
        Conversations stay where they are. Raises LinkRefused, and nothing changes, if the two are
        one already, either is blocked, or the role would rise and the caller is not `sure`."""
        ...

    async def accounts(self, person_id: str) -> list[tuple[str, str]]:
        """(platform, user id) of each identity, the oldest first."""
        ...

    async def unlink(self, platform: str, sender: Sender) -> Person | None:
        """Make this identity a new person, a member with nothing of the old one's; None, and
        nothing changes, if the person has no other. Raises AccessError if they are blocked."""
        ...

    async def stored(self, person_id: str, *, most: int = 10_000) -> Mapping[str, int]:
        """How many rows the export has in its lists of conversations, messages, feedback, shares,
        overheard, invitations and plugins. Counting ends at `most`: most + 1 stands for any more."""
        ...

    def export(self, person_id: str) -> AsyncGenerator[Exported]:
        """Everything stored about the person, list by list in the same order each time, in pieces of
        some 250 kB at most, but for rows that are larger. Each piece is read when it is asked for, and
        nothing is held in between: the whole is of no one moment. What was there from beginning to end
        is in it once, what came or went meanwhile may be in it or not.

        Raises StorageGone if there is no such person, also when the person goes meanwhile: an export
        that has an end is whole."""
        ...

    async def delete(self, person_id: str) -> None:
        """Remove the person and everything stored about them. Of one with very many conversations these
        go first, some at a time, so that others are not held up: what is cut short can be done again."""
        ...


class Conversations(Protocol):
    """Histories. A message's place is (turn, step); nothing ever moves a stored message.

    `restart`, `cut` and `update` raise StorageGone if the conversation was deleted.
    """

    async def open(self, address: Address) -> Conversation:
        """The conversation at this address, made if there is none."""
        ...

    async def find(self, address: Address) -> Conversation | None: ...

    async def get(self, conversation_id: int) -> Conversation | None: ...

    async def history(
        self, conversation_id: int, *, first_turn: int, before_turn: int | None = None
    ) -> list[Message]:
        """Messages of turns in [first_turn, before_turn) in order; only turns that are DONE
        or CANCELLED and have an answer's text, or whose question waits for a person (finish reason
        TAKEN), never those under way or failed. Cost depends on the number returned, not on the
        number stored."""
        ...

    async def restart(self, conversation_id: int) -> Conversation:
        """Begin anew (`/new`): nothing before now is in the window, contexts included."""
        ...

    async def cut(
        self, conversation_id: int, *, first_turn: int, context_turn: int, summary: str, summary_tokens: int
    ) -> Conversation:
        """Move the window's start; never backwards (then nothing changes). `context_turn` is
        the turn that made the cut; an earlier one than the stored leaves that as it is."""
        ...

    async def update(
        self,
        conversation_id: int,
        *,
        model: str | None = None,
        persona: str | None = None,
        title: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Conversation: ...

    async def move(self, old: Address, new: Address) -> None:
        """The chat goes on at `new`, with its history. One that was begun there already stays."""
        ...

    async def listing(self, person_id: str, *, limit: int = 50, before: int = 0) -> list[Conversation]:
        """Conversations in which the person asked, newest first; `before` is the last id seen."""
        ...


class Atlas(Protocol):
    """Where people meet the bot, other than in private. Each page's cost depends on its length."""

    async def note(self, places: Sequence[Place]) -> None:
        """Keep each with its name; one that tells none keeps the name it had."""
        ...

    async def get(self, id: int) -> Place | None: ...

    async def find(self, address: Address) -> Place | None: ...

    async def listing(
        self,
        *,
        limit: int = 50,
        after: tuple[str, int] | None = None,
        within: Address | None = None,
        query: str = "",
    ) -> list[Place]:
        """Those right in `within`, or in nothing, by name whatever its case (by code, where there is no
        name); `after` is (name or code, id) of the last one seen. With a `query`: all whose name begins
        so, before them those of that code."""
        ...


class Turns(Protocol):
    """Turns and the platform messages that show them: the persisted state machine."""

    async def begin(
        self,
        conversation: Conversation,
        event: Event,
        *,
        person_id: str,
        replaces: str = "",
    ) -> Turn:
        """The turn of this event, in state GENERATING and numbered next, made if it is new.

        Called again for the same event (after a crash) it returns the stored turn, `attempts`
        one higher, whatever its state; if that was replaced since, the newest one of its number.
        Raises StorageGone if the conversation was deleted. With `replaces` (a turn's id) the new
        turn takes that turn's number and its deliveries; the old turn's messages stay in the
        history until `finish`, and are then replaced.
        """
        ...

    async def checkpoint(
        self,
        turn_id: str,
        text: str,
        state: TurnState = TurnState.GENERATING,
        *,
        thoughts: Thoughts = NO_THOUGHTS,
    ) -> None:
        """Store the text so far, and what was thought for it. A turn that has ended is not touched."""
        ...

    async def finish(self, turn: Turn, messages: Sequence[Message] = ()) -> None:
        """Store the turn as given, in one transaction with its messages. Two steps: first in
        state DELIVERING (the answer is whole, on its way) with the messages, which replace those
        of the same number; then in the state it ended in, where no messages given means that
        they stay as they are. A turn that is DONE or CANCELLED is not touched; one that FAILED
        may be tried and finished again."""
        ...

    async def get(self, turn_id: str) -> Turn | None: ...

    async def of_event(self, event_key: str) -> Turn | None: ...

    async def of_message(self, conversation_id: int, message_id: str) -> Turn | None:
        """The newest turn whose question or answer is this platform message."""
        ...

    async def shown_by(self, address: Address, message_id: str) -> Turn | None:
        """The newest turn whose answer this platform message shows, in whatever thread of the chat."""
        ...

    async def last(self, conversation_id: int) -> Turn | None:
        """The newest turn since `/new`, ended or not."""
        ...

    async def listing(self, conversation_id: int, *, limit: int = 50, before: int = 0) -> list[Turn]:
        """The conversation's turns, newest first, ended or not; of those that replaced one
        another only the newest. `before` is the last number seen."""
        ...

    async def question(self, turn: Turn) -> Message | None:
        """The user's message of the turn's number, as stored."""
        ...

    async def deliveries(self, turn_id: str) -> list[Delivery]:
        """In order of `part`."""
        ...

    async def put_delivery(self, delivery: Delivery) -> None:
        """Store the row of (turn, part), new or changed. Durable on return."""
        ...

    async def drop_deliveries(self, turn_id: str, from_part: int) -> None: ...

    async def feedback(self, turn_id: str, person_id: str, value: int, reason: str = "") -> bool:
        """1, -1, or 0 to take it back. One per person and turn, and so it is counted in the
        statistics of `RATINGS`: a change moves it to now. False, and nothing is stored, if the
        turn does not exist."""
        ...

    async def ratings(self, turn_ids: Sequence[str], person_id: str) -> dict[str, int]:
        """What the person thinks of these turns, 1 or -1, by the turn's id; the others are left out."""
        ...


class KeyValue(Protocol):
    """Small JSON values for plugins. `scope` is a person's id, ``conversation:ID`` or ``""``."""

    async def get(self, plugin: str, scope: str, key: str) -> Any: ...
    async def put(self, plugin: str, scope: str, key: str, value: Any) -> None: ...
    async def delete(self, plugin: str, scope: str, key: str) -> None: ...
    async def items(
        self, plugin: str, scope: str, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        """By key, those that begin with `prefix`: all, or `limit` of them; `after` is the last key seen."""
        ...

    async def delete_scope(self, scope: str) -> None: ...


class Search(Protocol):
    """Documents in named collections, found by words in any language (Chinese included)."""

    async def put(
        self,
        collection: str,
        source: str,
        passages: Sequence[Passage],
        *,
        title: str,
        digest: str,
        origin: str = "",
    ) -> bool:
        """Replace all passages of this source. False if `digest` is the one stored: then nothing
        changes but the origin. Passages are found as soon as this returns."""
        ...

    async def remove(self, collection: str, source: str) -> bool: ...

    async def sources(self, collection: str) -> list[Source]:
        """The documents, by name."""
        ...

    async def listing(self, collection: str, *, limit: int = 50, after: str = "") -> list[Source]:
        """One page of them, by name, each with its number of passages; `after` is the last name seen."""
        ...

    async def restrict(self, collection: str, audience: Sequence[str]) -> None:
        """Only who has one of these roles finds anything in the collection, from now on; without any,
        everybody does. It holds for documents that are put later, too."""
        ...

    async def audience(self, collection: str) -> tuple[str, ...]:
        """The roles that may read the collection, sorted; none: everybody."""
        ...

    async def passage(self, id: str, source: str, *, roles: Sequence[str] = ()) -> Passage | None:
        """The passage of this id and source as it is now, if somebody with these roles may read it."""
        ...

    async def search(
        self, query: str, *, collections: Sequence[str], limit: int = 5, roles: Sequence[str] = ()
    ) -> list[Passage]:
        """Best first, only from those of `collections` that somebody with these roles may read; empty
        where no word of the query occurs.
        Any text is a valid query. `score` is higher for better, comparable within one result."""
        ...


class Overheard(Protocol):
    """What is said in a group without being said to the bot: the newest remarks of each
    conversation, for a day at most. It is shown to the model and never becomes history."""

    async def put(
        self, conversation_id: int, platform: str, sender: Sender, message_id: str, said: str
    ) -> None:
        """Remember it, shortened; an edited message replaces what it said."""
        ...

    async def recent(self, conversation_id: int, limit: int = 40) -> list[Remark]:
        """Oldest first."""
        ...


class Leases(Protocol):
    """Work that only one process may do at a time. Holders' clocks must agree within a few seconds."""

    async def acquire(self, name: str, holder: str, seconds: float) -> bool:
        """Hold `name` for `seconds` from now, also anew. False while another's hold lasts."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Let it go; nothing happens if `holder` does not hold it."""
        ...
