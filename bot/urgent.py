"""What cannot wait for its lane: it stops, withdraws or moves what stands in it.

All paths may run twice and change nothing the second time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial

from bot.access import Gate
from bot.dispatcher import Dispatcher, Hold
from bot.ports import Conversations, Inbox
from bot.reading import edited, question_of
from bot.types import LEFT, MOVED, Address, Event, EventKind, PersonRole

COMMAND_BUTTON = "cmd:"


class Urgent:
    """Looks at each event as it arrives. `concerns` says whether it is for the bot, `accepts` whether
    it will be asked; `tell` answers it with the words of a key."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        inbox: Inbox,
        gate: Gate,
        conversations: Conversations,
        concerns: Callable[[Event], Awaitable[bool]],
        accepts: Callable[[Event], Awaitable[bool]],
        tell: Callable[[Event, str], Awaitable[None]],
    ) -> None:
        self._dispatcher = dispatcher
        self._inbox = inbox
        self._gate = gate
        self._conversations = conversations
        self._concerns = concerns
        self._accepts = accepts
        self._tell = tell
        self._edits: dict[tuple[str, str], Event] = {}
        """The newest edit under way of each question, by lane and message."""
        self._taken: set[str] = set()
        """Keys of the edits that the question under way was asked with."""
        self._moving: dict[str, asyncio.Event] = {}
        """Lanes of chats that are being moved there: what comes in them waits for the history."""

    def take(self, event: Event) -> Callable[[], Awaitable[None]] | None:
        """What is to be done at once instead of in the lane; None: nothing. An edit goes to its lane;
        a question that it overtakes there is asked as it reads now, and one that runs is stopped."""
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

    async def newest(self, question: Event) -> Event:
        """The question as it reads after the edits that came while it waited, if they are to be asked
        and have not stopped it."""
        lane = question.address.key
        edit = self._edits.get((lane, question.message_id))
        if edit is None or not await self._accepts(edit):
            return question
        running = self._dispatcher.find(lane, question.message_id)
        if running is not None and running.stopped:
            return question
        self._taken.add(edit.key)
        sampling = edit.sampling or question.sampling
        return replace(question, parts=edited(question.parts, edit.parts), sampling=sampling)

    def overtaken(self, edit: Event) -> bool:
        """Whether a newer edit of the same question is under way."""
        return self._edits.get((edit.address.key, edit.message_id), edit) is not edit

    def settle(self, edit: Event) -> None:
        """The event was dealt with, or withdrawn."""
        self._taken.discard(edit.key)
        place = (edit.address.key, edit.message_id)
        if self._edits.get(place) is edit:
            del self._edits[place]

    def forget(self, accounts: Collection[tuple[str, str]]) -> None:
        """End what runs for these (platform, id), and withdraw what waits: the store forgets it."""

        def theirs(event: Event) -> bool:
            return (event.address.platform, event.sender.id) in accounts

        for lane in self._dispatcher.lanes(""):
            self._withdraw(lane, theirs)
            running = self._dispatcher.find(lane)
            if running is not None and theirs(running.event):
                running.stop("deleted")

    def _overtake(self, edit: Event) -> None:
        lane = edit.address.key
        self._edits[lane, edit.message_id] = edit
        if self._dispatcher.find(lane, edit.message_id):
            self._dispatcher.beside(self._stop_running(edit), edit)

    async def _stop_running(self, edit: Event) -> None:
        """End the answer to what the edit changes, unless the edit will not be asked itself."""
        if not await self._accepts(edit):
            return
        running = self._dispatcher.find(edit.address.key, edit.message_id)
        if running is None or running.event is edit or edit.key in self._taken:
            return
        now = replace(running.event, parts=edited(running.event.parts, edit.parts))
        if question_of(now) != question_of(running.event):
            running.stop("edited")

    def _withdraw(self, lane: str, which: Callable[[Event], bool]) -> list[Event]:
        gone = self._dispatcher.withdraw(lane, which)
        for event in gone:
            self.settle(event)
        return gone

    async def _stop(self, event: Event) -> None:
        """End what runs in this chat and what waits; of others' only where that is allowed."""
        if await self._concerns(event):
            person = await self._gate.known(event)
            runs_bot = person is not None and person.role in (PersonRole.OWNER, PersonRole.OPERATOR)
            everything = event.private or runs_bot
            own = partial(_may_stop, event, everything)
            running = self._dispatcher.find(event.address.key)
            withdrawn = self._withdraw(event.address.key, own)
            handed = everything and running is not None and running.event.kind is EventKind.CONSOLE
            if running is not None and (handed or own(running.event)):
                await _end(running, "stopped")  # the answer itself says so
            elif not withdrawn and person is not None and person.role is not PersonRole.BLOCKED:
                await self._tell(event, "stop.nothing")
            for waiting in withdrawn:
                await self._tell(waiting, "turn.stopped")
                await self._inbox.done(waiting)
        await self._inbox.done(event)

    async def _deleted(self, event: Event) -> None:
        lane = event.address.key
        for waiting in self._withdraw(lane, _asks(event.message_id)):
            await self._inbox.done(waiting)
        running = self._dispatcher.find(lane, event.message_id)
        if running is not None:
            await _end(running, "deleted")
        await self._inbox.done(event)

    async def _left(self, event: Event) -> None:
        """The bot was removed or blocked: nothing of that chat, in whatever thread, is asked of the
        model any more."""
        for lane in self._dispatcher.lanes(replace(event.address, thread="").key):
            for waiting in self._withdraw(lane, _is_no_membership):
                await self._inbox.done(waiting)
            running = self._dispatcher.find(lane)
            if running is not None:
                await _end(running, "left")
        await self._inbox.done(event)

    async def _move(self, event: Event, new: Address, moved: asyncio.Event) -> None:
        await self._conversations.move(event.address, new)
        await self._inbox.done(event)
        self._moving.pop(new.key, None)
        moved.set()


async def _end(running: Hold, reason: str) -> None:
    """Stop it, and see it end: a crash before that would begin it again, and this event must then
    come again too."""
    running.stop(reason)
    await running.ended.wait()


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
