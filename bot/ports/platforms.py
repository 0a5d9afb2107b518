"""Platforms: the way in, the way back, and the inbox between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from bot.types import Address, Capabilities, Event, Outgoing, Part, PlatformState


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

        Where `Capabilities.idempotent_sends`, a second call with the same `key` is no second message:
        it returns the first one's id, and that shows what it showed or the new `out`. An `out.aside`
        that cannot be shown to one person alone (any more) is shown to nobody: a hint stands for it.
        """
        ...

    async def edit(self, address: Address, message_id: str, out: Outgoing) -> None:
        """Make the message show `out`. Repeating it changes nothing. Raises MessageGone where the
        message is not there any more, unless the platform shows it anew."""
        ...

    async def delete(self, address: Address, message_id: str) -> None:
        """Take the message away; one that is gone already is no error."""
        ...

    async def typing(self, address: Address) -> None:
        """Show that an answer is being prepared, for a few seconds."""
        ...

    async def acknowledge(self, address: Address, message_id: str) -> None:
        """Show that this question was taken and will be answered. Repeating it changes nothing.
        Called only where `Capabilities.acknowledges`, and never for who may not ask."""
        ...

    async def solve(self, address: Address, message_id: str, *, close: bool) -> None:
        """Show that this question, or the post that the chat is, is answered, as far as the platform
        can and lets the bot; `close`: and put the post away. Repeating it changes nothing. Called only
        where `Capabilities.solves`."""
        ...

    async def continue_under(self, address: Address, message_id: str, title: str) -> Address:
        """Where the messages go that continue this one: a thread of it, which is there by the first call
        to it, or where none can be, the chat itself. The same however often it is asked. Called only where
        `Capabilities.threads`."""
        ...

    async def draft(self, address: Address, key: str, out: Outgoing) -> None:
        """Show `out` as a text that is being written; it vanishes by itself, at the latest when
        the next message is sent. Drafts of one `key` are one text that changes. Called only
        where `Capabilities.drafts`. Raises DraftsRefused; `capabilities` then no longer says so."""
        ...

    async def fetch(self, part: Part, limit: int) -> bytes:
        """The content of an attachment that came in. Raises FileRefused above `limit` bytes, and where
        there is none (any more)."""
        ...


class Adapter(Protocol):
    """One platform: what comes in, and the channel back."""

    @property
    def channel(self) -> Channel: ...

    def lifespan(self, put: Callable[[Event], Awaitable[bool]]) -> AbstractAsyncContextManager[None]:
        """Intake runs while this is entered. Each event goes through `put`, which is durable on
        return; only then is the platform acknowledged. What raises StorageError there comes again, at the
        latest when this is entered again. On leaving, intake has stopped, and the channel still works
        until the process ends. Raises SettingsError at entry."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """An adapter that can say how its connection is."""

    def report(self) -> PlatformState:
        """What it knows; the counts are others' to fill in."""
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

    async def dead(self, limit: int = 100, *, before: str = "") -> list[tuple[Event, str]]:
        """The dead letters, newest first, each with its reason; `before` is the key of the last one
        seen. Of one that cannot be read any more there is the key alone."""
        ...

    async def count_dead(self, most: int) -> int:
        """How many dead letters there are; counting ends at `most`."""
        ...

    async def revive(self, key: str) -> bool:
        """Deliver a dead letter again; False if there is none of that key that can be read."""
        ...
