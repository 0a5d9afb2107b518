"""Threads that questions are answered in.

A thread made of a message has the message's id. So the chat's address is known before the thread is: the
note of what it is to be made of is stored with the question, and the first call to it makes it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.errors import THREAD_EXISTS, DiscordError, Flood, Refused, Unreachable, has_code
from adapters.discord.memory import Recent
from adapters.discord.world import moment
from bot.errors import StorageError
from bot.types import Event, EventKind

log = logging.getLogger(__name__)
ARCHIVE_MINUTES = 1440
NAME_LIMIT = 100
KEEP_SECONDS = 90 * 86400.0
"""So long what becomes of a question (an edit, its deletion) is told in its thread."""
_KEY = "thread:"
_PRUNE_EVERY = 200


@dataclass(frozen=True, slots=True)
class Planned:
    """The channel of the message, and the thread's name. `flat`: it cannot be made, and the question
    is answered in the channel."""

    parent: str
    name: str
    flat: bool = False


class Threads:
    def __init__(self, deps: DiscordDeps, connection: Connection) -> None:
        self._deps = deps
        self._connection = connection
        self._known: Recent[str, Planned | None] = Recent()
        self._plans = 0

    async def place(self, event: Event) -> Event:
        """The event where it belongs, if it comes from a text channel of a guild: a new question in
        its thread-to-be, what happens to it later there too. Raises StorageError."""
        if event.kind is EventKind.MESSAGE:
            if not event.addressed or not await self._deps.thread_mode(event):
                return event
            await self._plan(event.message_id, Planned(event.address.chat, _name(event)))
        elif event.kind not in (EventKind.EDIT, EventKind.DELETE) or not await self.of(event.message_id):
            return event
        there = replace(event.address, chat=event.message_id)
        return replace(event, address=there, within=(event.address, *event.within))

    async def of(self, chat: str) -> Planned | None:
        """What the thread of this id is, or was, to be made of. Raises StorageError."""
        planned = self._known.get(chat)
        if planned is None:
            found = await self._deps.store.get(_KEY + chat)
            planned = Planned(**found) if found else None
            if planned is not None:
                self._known.put(chat, planned)
        return planned

    def flat(self, chat: str) -> str:
        """The channel that stands for a thread that cannot be made; "" for any other chat."""
        planned = self._known.get(chat)
        return planned.parent if planned is not None and planned.flat else ""

    async def make(self, chat: str) -> bool:
        """Make the thread, if it is one to be made: the call that missed it can be repeated. Raises
        Flood and Unreachable."""
        try:
            planned = await self.of(chat)
        except StorageError as error:
            raise Unreachable(f"the database cannot be used: {error}") from error
        if planned is None or planned.flat:
            return planned is not None
        body = {"name": planned.name, "auto_archive_duration": ARCHIVE_MINUTES}
        path = "/channels/{channel_id}/messages/{message_id}/threads"
        try:
            await self._connection.rest.call("POST", path, body, channel_id=planned.parent, message_id=chat)
        except (Flood, Unreachable):
            raise
        except DiscordError as error:
            if not has_code(error, THREAD_EXISTS):
                await self._flatten(chat, planned, error)
        return True

    async def _flatten(self, chat: str, planned: Planned, error: DiscordError) -> None:
        """A thread is a courtesy, an answer is owed."""
        if isinstance(error, Refused) and error.status == 401:
            raise error
        log.info("question %s is answered in its channel, without a thread: %s", chat, error)
        try:
            await self._plan(chat, replace(planned, flat=True))
        except StorageError as failed:
            raise Unreachable(f"the database cannot be used: {failed}") from failed

    async def _plan(self, chat: str, planned: Planned) -> None:
        value = {"parent": planned.parent, "name": planned.name, "flat": planned.flat}
        if await self.of(chat) is None or planned.flat:
            await self._deps.store.put(_KEY + chat, value)
            self._known.put(chat, planned)
            self._plans += 1
            if self._plans % _PRUNE_EVERY == 1:
                await self._prune()

    async def _prune(self) -> None:
        before = self._deps.clock.time() - KEEP_SECONDS
        for name in await self._deps.store.items(_KEY):
            if moment(name.removeprefix(_KEY)) < before:
                await self._deps.store.delete(name)


def _name(event: Event) -> str:
    line = " ".join(event.text.split()) or event.sender.name or "…"
    return line if len(line) <= NAME_LIMIT else line[: NAME_LIMIT - 1] + "…"
