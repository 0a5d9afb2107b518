"""Threads that questions are answered in, and that long answers go on in.

A thread made of a message has the message's id. So the chat's address is known before the thread is: the
note of what it is to be made of is stored with the question, and the thread is made before the first call
to it. A channel that refuses one thread is asked for no other for an hour.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace

from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.errors import (
    NO_THREADS,
    THREAD_EXISTS,
    DiscordError,
    Flood,
    Refused,
    Unreachable,
    closes_chat,
    has_code,
)
from adapters.discord.memory import Recent
from adapters.discord.world import moment
from bot.errors import StorageError
from bot.types import Event, EventKind

log = logging.getLogger(__name__)
ARCHIVE_MINUTES = 1440
NAME_LIMIT = 100
KEEP_SECONDS = 90 * 86400.0
"""So long what becomes of a question (an edit, its deletion) is told in its thread."""
NAME_SECONDS = 86400.0
"""So long a thread that was never made keeps its name, which is what somebody asked."""
BARRED_SECONDS = 3600.0
KEY, _BEYOND = "thread:", "beyond:"


@dataclass(frozen=True, slots=True)
class Planned:
    """The channel of the message, and the thread's name. `flat`: it cannot be made, and the question
    is answered in the channel. `made`: it is there. Either way the name is needed no more. `user`: whose
    words the name is. `beyond`: it is a thread of an answer, with what that has beyond its first message."""

    parent: str
    name: str
    flat: bool = False
    made: bool = False
    user: str = ""
    beyond: bool = False


_NONE = Planned("", "")
"""Of a chat that is no such thread."""


class Threads:
    def __init__(self, deps: DiscordDeps, connection: Connection) -> None:
        self._deps = deps
        self._connection = connection
        self._known: Recent[str, Planned] = Recent()
        self._barred: Recent[str, float] = Recent()

    async def place(self, event: Event) -> Event:
        """The event where it belongs, if it comes from a text channel of a guild: a new question in
        its thread-to-be, what happens to it later there too. Raises StorageError."""
        if event.kind is EventKind.MESSAGE:
            if not event.addressed or not await self._deps.thread_mode(event):
                return event
            if await self.of(event.message_id) is None:
                await self._note(
                    event.message_id, Planned(event.address.chat, _name(event), user=event.sender.id)
                )
        elif event.kind not in (EventKind.EDIT, EventKind.DELETE) or not await self.of(event.message_id):
            return event
        there = replace(event.address, chat=event.message_id)
        return replace(event, address=there, within=(event.address, *event.within))

    async def trace(self, event: Event) -> Event:
        """The event where it belongs, if it comes from a thread that an answer goes on in: what is about
        that answer, where it began. Who speaks there has read it. Raises StorageError."""
        planned = await self.of(event.address.chat)
        if planned is None or not planned.beyond:
            return event
        if event.kind not in (EventKind.BUTTON, EventKind.REACTION):
            return replace(event, under=event.address.chat)
        if await self._deps.store.get(_BEYOND + event.message_id) is None:
            return event
        there = replace(event.address, chat=planned.parent)
        return replace(event, address=there, within=event.within[1:])

    async def plan_under(self, chat: str, message_id: str, title: str) -> bool:
        """What continues this message of the bot's is to be in a thread of it; False where it is in one
        already. Raises StorageError."""
        if await self.of(chat) is not None:
            return False
        if await self.of(message_id) is None:
            await self._note(message_id, Planned(chat, _clipped(title), beyond=True))
        return True

    async def continues(self, message_id: str) -> None:
        """This message is part of an answer that began elsewhere. Raises StorageError."""
        await self._deps.store.put(_BEYOND + message_id, True)

    async def of(self, chat: str) -> Planned | None:
        """What the thread of this id is, or was, to be made of. Raises StorageError."""
        planned = self._known.get(chat)
        if planned is None:
            found = await self._deps.store.get(KEY + chat)
            planned = Planned(**found) if found else _NONE
            self._known.put(chat, planned)
        return planned if planned is not _NONE else None

    async def reach(self, chat: str) -> str:
        """The channel to call for this chat: the thread, made by now, or what stands for one that cannot
        be made; any other chat is its own. Raises DiscordError, but none that is about the thread."""
        try:
            planned = await self.of(chat)
        except StorageError as error:
            raise Unreachable(f"the database cannot be used: {error}") from error
        if planned is None or planned.made:
            return chat
        if not planned.flat:
            planned = await self._make(chat, planned)
        return planned.parent if planned.flat else chat

    def allow(self, channel: str = "") -> None:
        """Rights have changed in this channel, or (without one) in some: threads are tried again."""
        if channel:
            self._barred.forget(channel)
        else:
            self._barred.clear()

    async def _make(self, chat: str, planned: Planned) -> Planned:
        if (self._barred.get(planned.parent) or 0.0) > self._deps.clock.monotonic():
            return await self._become(chat, replace(planned, flat=True))
        body = {"name": planned.name or "…", "auto_archive_duration": ARCHIVE_MINUTES}
        path = "/channels/{channel_id}/messages/{message_id}/threads"
        try:
            await self._connection.rest.call("POST", path, body, channel_id=planned.parent, message_id=chat)
        except (Flood, Unreachable):
            raise
        except DiscordError as error:
            if not has_code(error, THREAD_EXISTS):
                return await self._flatten(chat, planned, error)
        return await self._become(chat, replace(planned, made=True))

    async def _flatten(self, chat: str, planned: Planned, error: DiscordError) -> Planned:
        """A thread is a courtesy, an answer is owed."""
        if isinstance(error, Refused) and error.status == 401:
            raise error
        if closes_chat(error) or has_code(error, NO_THREADS):
            self._barred.put(planned.parent, self._deps.clock.monotonic() + BARRED_SECONDS)
        log.info("question %s is answered in its channel, without a thread: %s", chat, error)
        return await self._become(chat, replace(planned, flat=True))

    async def _become(self, chat: str, planned: Planned) -> Planned:
        planned = replace(planned, name="", user="")
        try:
            await self._note(chat, planned)
        except StorageError as error:
            raise Unreachable(f"the database cannot be used: {error}") from error
        return planned

    async def _note(self, chat: str, planned: Planned) -> None:
        await self._deps.store.put(KEY + chat, asdict(planned))
        self._known.put(chat, planned)

    async def prune(self) -> None:
        """Remove what is older than `KEEP_SECONDS`, and names older than `NAME_SECONDS`. Raises
        StorageError."""
        now = self._deps.clock.time()
        for name, planned in (await self._deps.store.items(KEY)).items():
            chat = name.removeprefix(KEY)
            age = now - moment(chat)
            if age > KEEP_SECONDS:
                await self._deps.store.delete(name)
                self._known.forget(chat)
            elif age > NAME_SECONDS and planned["name"]:
                await self._deps.store.put(name, {**planned, "name": "", "user": ""})
                self._known.forget(chat)
        for name in await self._deps.store.items(_BEYOND):
            if now - moment(name.removeprefix(_BEYOND)) > KEEP_SECONDS:
                await self._deps.store.delete(name)


def _name(event: Event) -> str:
    return _clipped(" ".join(event.text.split()) or event.sender.name or "…")


def _clipped(line: str) -> str:
    return line if len(line) <= NAME_LIMIT else line[: NAME_LIMIT - 1] + "…"
