"""What the core needs from outside. Each port is documented here and nowhere else.

Every implementation of a port passes the contract suite of that port (`tests/contract/`), the
in-memory fakes of the tests included. Methods raise only what is named here and in
`bot.errors`; `asyncio.CancelledError` always passes through.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable

from bot.types import (
    Address,
    Capabilities,
    Chunk,
    Conversation,
    Delivery,
    Event,
    Message,
    ModelRequest,
    Outgoing,
    Passage,
    Person,
    PersonRole,
    Sender,
    Turn,
    TurnState,
)


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time. `time` is Unix seconds, `monotonic` never goes back.

    `call_later` runs `callback` on the event loop after `seconds`, unless cancelled before.
    """

    def time(self) -> float: ...
    def monotonic(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...
    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer: ...


class Telemetry(Protocol):
    """Counts and durations. Names and label values come from small fixed sets."""

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None: ...
    def observe(self, name: str, seconds: float, /, **labels: str) -> None: ...
    def gauge(self, name: str, value: float, /, **labels: str) -> None: ...


class Channel(Protocol):
    """The way back to a platform. Raises the ChannelError family, nothing else.

    One call is one call to the platform: pacing, retrying and splitting are the core's.
    """

    platform: str

    def capabilities(self, address: Address) -> Capabilities:
        """What this chat can show. Cheap: no call to the platform."""
        ...

    async def send(self, address: Address, out: Outgoing, *, key: str, reply_to: str = "") -> str:
        """Send one message; returns the platform's id of it.

        Where `Capabilities.idempotent_sends`, a second call with the same `key` returns the
        first one's id and sends nothing.
        """
        ...

    async def edit(self, address: Address, message_id: str, out: Outgoing) -> None:
        """Make the message show `out`. Repeating it changes nothing. Raises MessageGone."""
        ...

    async def delete(self, address: Address, message_id: str) -> None:
        """Take the message away; one that is gone already is no error."""
        ...

    async def typing(self, address: Address) -> None:
        """Show that an answer is being prepared, for a few seconds."""
        ...


class Inbox(Protocol):
    """Events on their way to the core: none lost, none twice."""

    async def put(self, event: Event) -> bool:
        """Durable on return; only then may the platform be acknowledged.

        False, and nothing changes, if an event of this key was put before. Raises StorageError.
        """
        ...

    def events(self) -> AsyncGenerator[Event, None]:
        """Events not done yet, oldest first, then each new one as it is put. One consumer."""
        ...

    async def done(self, event: Event) -> None:
        """The event is dealt with and never comes again."""
        ...

    async def pending(self, key: str) -> bool:
        """Whether an event of this key waits or is under way: put, and neither done nor dead."""
        ...

    async def bury(self, event: Event, reason: str) -> None:
        """Dead letter: kept for operators with the reason, not delivered again by itself."""
        ...

    async def dead(self, limit: int = 100) -> list[tuple[Event, str]]:
        """The dead letters, newest first, each with its reason."""
        ...

    async def revive(self, key: str) -> bool:
        """Deliver a dead letter again; False if there is none of that key."""
        ...


class People(Protocol):
    """Who may do what, and each person's own settings. Identity: (platform, user id)."""

    async def find(self, platform: str, user_id: str) -> Person | None: ...

    async def get(self, person_id: str) -> Person | None: ...

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

    async def redeem(self, platform: str, sender: Sender, code: str) -> Person:
        """The person of this identity with the code's role (never lowered, a blocked person
        stays blocked). Whoever used a code gets the same answer again, and no use is counted.
        Raises AccessError if the code is unknown, spent or expired."""
        ...

    async def export(self, person_id: str) -> dict[str, Any]:
        """Everything stored about the person, as JSON-ready values."""
        ...

    async def delete(self, person_id: str) -> None:
        """Remove the person and everything stored about them."""
        ...


class Conversations(Protocol):
    """Histories. A message's place is (turn, step); nothing ever moves a stored message.

    `restart`, `cut` and `update` raise StorageGone if the conversation was deleted.
    """

    async def open(self, address: Address) -> Conversation:
        """The conversation at this address, made if there is none."""
        ...

    async def get(self, conversation_id: int) -> Conversation | None: ...

    async def history(
        self, conversation_id: int, *, first_turn: int, before_turn: int | None = None
    ) -> list[Message]:
        """Messages of turns in [first_turn, before_turn) in order; only turns that are DONE
        or CANCELLED and have an answer's text, never those under way or failed. Cost depends on the
        number returned, not on the number stored."""
        ...

    async def restart(self, conversation_id: int) -> Conversation:
        """Begin anew (`/new`): nothing before now is in the window."""
        ...

    async def cut(
        self, conversation_id: int, *, first_turn: int, summary: str, summary_tokens: int
    ) -> Conversation:
        """Move the window's start; never backwards (then nothing changes)."""
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

    async def listing(self, person_id: str, *, limit: int = 50, before: int = 0) -> list[Conversation]:
        """Conversations in which the person asked, newest first; `before` is the last id seen."""
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

    async def checkpoint(self, turn_id: str, text: str, state: TurnState = TurnState.GENERATING) -> None:
        """Store the text so far. A turn that has ended is not touched."""
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
        """1, -1, or 0 to take it back. One per person and turn. False, and nothing is stored,
        if the turn does not exist."""
        ...


class KeyValue(Protocol):
    """Small JSON values for plugins. `scope` is a person's id, ``conversation:ID`` or ``""``."""

    async def get(self, plugin: str, scope: str, key: str) -> Any: ...
    async def put(self, plugin: str, scope: str, key: str, value: Any) -> None: ...
    async def delete(self, plugin: str, scope: str, key: str) -> None: ...
    async def items(self, plugin: str, scope: str, prefix: str = "") -> dict[str, Any]: ...
    async def delete_scope(self, scope: str) -> None: ...


class Search(Protocol):
    """Documents in named collections, found by words in any language (Chinese included)."""

    async def put(
        self, collection: str, source: str, passages: Sequence[Passage], *, title: str, digest: str
    ) -> bool:
        """Replace all passages of this source. False, and nothing changes, if `digest` is the
        one stored. Passages are found as soon as this returns."""
        ...

    async def remove(self, collection: str, source: str) -> bool: ...

    async def sources(self, collection: str) -> list[tuple[str, str, str]]:
        """(source, title, digest) of each document, by source."""
        ...

    async def search(self, query: str, *, collections: Sequence[str], limit: int = 5) -> list[Passage]:
        """Best first, only from `collections`; empty where no word of the query occurs.
        Any text is a valid query. `score` is higher for better, comparable within one result."""
        ...


@runtime_checkable
class Model(Protocol):
    """A language model. Raises the ModelError family, nothing else."""

    @property
    def name(self) -> str:
        """What `/model` shows."""
        ...

    @property
    def continues(self) -> bool:
        """Whether `ModelRequest.prefill` is honoured."""
        ...

    @property
    def generates(self) -> bool:
        """Whether it is a language model (the embedded quoting model is none): only then are
        tools offered and summaries asked for."""
        ...

    async def window(self) -> int:
        """Tokens of prompt and answer together that one request may have."""
        ...

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, template included: the sum over a prompt's messages is at least
        its true length within a small margin. Exact from the server where it can, else an
        estimate. Never raises for an unreachable server."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        """The answer. Ends after a chunk with a `finish_reason`; closing the iterator early
        (`aclose`) aborts the request on the server. Errors before the first chunk may have
        been retried; after it never are."""
        ...


class Models(Protocol):
    """The models that can be asked."""

    def default(self) -> Model: ...

    def get(self, name: str) -> Model | None: ...

    def names(self) -> list[str]: ...


class Adapter(Protocol):
    """One platform: what comes in, and the channel back."""

    @property
    def channel(self) -> Channel: ...

    def lifespan(self, put: Callable[[Event], Awaitable[bool]]) -> AbstractAsyncContextManager[None]:
        """Intake runs while this is entered. Each event goes through `put`, which is durable on
        return; only then is the platform acknowledged. On leaving, intake has stopped, and the
        channel still works until the process ends. Raises SettingsError at entry."""
        ...


__all__ = [
    "Adapter",
    "Channel",
    "Clock",
    "Conversations",
    "Inbox",
    "KeyValue",
    "Model",
    "Models",
    "People",
    "Search",
    "Telemetry",
    "Timer",
    "Turns",
]
