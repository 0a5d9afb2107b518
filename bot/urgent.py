"""What cannot wait for its lane: it stops, withdraws or moves what stands in it.

All paths may run twice and change nothing the second time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from bot.access import Gate
from bot.dispatcher import Dispatcher
from bot.ports import Conversations, Inbox
from bot.types import LEFT, MOVED, Address, Event, EventKind, PersonRole

COMMAND_BUTTON = "cmd:"


class Urgent:
    """Looks at each event as it arrives. `concerns` says whether it is for the bot; `tell` answers it
    with the words of a key."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        inbox: Inbox,
        gate: Gate,
        conversations: Conversations,
        concerns: Callable[[Event], Awaitable[bool]],
        tell: Callable[[Event, str], Awaitable[None]],
    ) -> None:
        self._dispatcher = dispatcher
        self._inbox = inbox
        self._gate = gate
        self._conversations = conversations
        self._concerns = concerns
        self._tell = tell
        self._overtaken: dict[str, list[Event]] = {}
        """Questions that an edit overtook while they waited, by the edit's key."""
        self._moving: dict[str, asyncio.Event] = {}
        """Lanes of chats that are being moved there: what comes in them waits for the history."""

    def take(self, event: Event) -> Callable[[], Awaitable[None]] | None:
        """What is to be done at once instead of in the lane; None: nothing. An edit stops what it
        overtakes, and goes to its lane."""
        if command_of(event) == "stop":
            return partial(self._stop, event)
        if event.kind is EventKind.MEMBERSHIP and event.data == LEFT:
            return partial(self._left, event)
        if (new := _moved_to(event)) is not None:
            moved = self._moving[new.key] = asyncio.Event()
            return partial(self._move, event, new, moved)
        if event.kind is EventKind.DELETE:
            return partial(self._deleted, event)
        if event.kind is EventKind.EDIT:
            self._overtake(event)
        return None

    async def arrived(self, address: Address) -> None:
        """Until the history of a chat that moves to this address is there."""
        if (moving := self._moving.get(address.key)) is not None:
            await moving.wait()

    def overtook(self, edit: Event) -> bool:
        """Whether the question was still waiting when this edit of it came."""
        return edit.key in self._overtaken

    async def settle(self, edit: Event) -> None:
        """The edit is dealt with: the questions that it overtook are too."""
        for overtaken in self._overtaken.pop(edit.key, ()):
            await self._inbox.done(overtaken)

    def _overtake(self, edit: Event) -> None:
        lane = edit.address.key
        if gone := self._dispatcher.withdraw(lane, _asks(edit.message_id)):
            self._overtaken[edit.key] = gone
        elif running := self._dispatcher.find(lane, edit.message_id):
            running.stop("edited")

    async def _stop(self, event: Event) -> None:
        """End what runs in this chat and what waits; of others' only where that is allowed."""
        if await self._concerns(event):
            person = await self._gate.known(event)
            runs_bot = person is not None and person.role in (PersonRole.OWNER, PersonRole.OPERATOR)
            own = partial(_may_stop, event, event.private or runs_bot)
            running = self._dispatcher.find(event.address.key)
            withdrawn = self._dispatcher.withdraw(event.address.key, own)
            if running is not None and own(running.event):
                running.stop("stopped")  # the answer itself says so
            elif not withdrawn and person is not None and person.role is not PersonRole.BLOCKED:
                await self._tell(event, "stop.nothing")
            for waiting in withdrawn:
                await self._tell(waiting, "turn.stopped")
                await self._inbox.done(waiting)
        await self._inbox.done(event)

    async def _deleted(self, event: Event) -> None:
        lane = event.address.key
        for waiting in self._dispatcher.withdraw(lane, _asks(event.message_id)):
            await self._inbox.done(waiting)
        running = self._dispatcher.find(lane, event.message_id)
        if running is not None:
            running.stop("deleted")
        await self._inbox.done(event)

    async def _left(self, event: Event) -> None:
        """The bot was removed or blocked: nothing of that chat is asked of the model any more."""
        lane = event.address.key
        for waiting in self._dispatcher.withdraw(lane, _is_no_membership):
            await self._inbox.done(waiting)
        running = self._dispatcher.find(lane)
        if running is not None:
            running.stop("left")
        await self._inbox.done(event)

    async def _move(self, event: Event, new: Address, moved: asyncio.Event) -> None:
        await self._conversations.move(event.address, new)
        await self._inbox.done(event)
        self._moving.pop(new.key, None)
        moved.set()


def command_of(event: Event) -> str:
    """The command's name, whichever way it came; "" if the event is none."""
    if event.kind is EventKind.BUTTON and event.data in ("stop", "retry"):
        return event.data
    button = event.kind is EventKind.BUTTON and event.data.startswith(COMMAND_BUTTON)
    if not button and event.kind is not EventKind.COMMAND:
        return ""
    words = event.data.removeprefix(COMMAND_BUTTON if button else "").split(maxsplit=1)
    return words[0].lstrip("/").split("@")[0].lower() if words else ""


def _moved_to(event: Event) -> Address | None:
    """Where the chat goes on, if that is what the event tells."""
    what, _, chat = event.data.partition(" ")
    if event.kind is not EventKind.MEMBERSHIP or what != MOVED or not chat:
        return None
    return replace(event.address, chat=chat)


def _is_no_membership(event: Event) -> bool:
    return event.kind is not EventKind.MEMBERSHIP


def _asks(message_id: str) -> Callable[[Event], bool]:
    """Whether an event is this question."""
    return lambda event: event.kind is EventKind.MESSAGE and event.message_id == message_id


def _may_stop(stop: Event, everything: bool, event: Event) -> bool:
    """In private everyone there; in a group who asked, and those who run the bot."""
    return event.kind in (EventKind.MESSAGE, EventKind.EDIT) and (
        everything or event.sender.id == stop.sender.id
    )
