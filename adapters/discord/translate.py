"""What the gateway tells, as events. Pure.

Ids are made of Discord's own (snowflakes are never reused), so that a message is the same event whether
the gateway or the history told it. A thread is a chat of its own, as it is at Discord.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from adapters.discord.parts import Json, name_of, naming_of, parts_of, replied
from adapters.discord.text import mentions_me
from adapters.discord.world import ADMINISTRATOR, MANAGE_CHANNELS, MANAGE_GUILD, MANAGE_THREADS, Me, World
from bot.types import (
    ADMIN,
    AUTHOR,
    JOINED,
    LEFT,
    MANAGER,
    MODERATOR,
    Address,
    Event,
    EventKind,
    Part,
    PartKind,
    Sender,
)

log = logging.getLogger(__name__)

PLATFORM = "discord"
MALFORMED = (TypeError, KeyError, ValueError, AttributeError, IndexError, OverflowError)
"""What reading a payload raises that is of a shape not known."""
INTERACTION = "i:"
"""Begins the id of a message that is an interaction: a command that was chosen, a button pressed."""
_SAID = (0, 19)
"""Types of messages that somebody wrote; the others tell of joins, pins, boosts, new threads."""
_STANDING = {ADMIN: MANAGE_GUILD, MANAGER: MANAGE_CHANNELS, MODERATOR: MANAGE_THREADS}
_COMMAND = re.compile(r"/[a-z][a-z0-9_-]{0,31}(?=\s|$)", re.IGNORECASE)
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")


@dataclass(frozen=True, slots=True)
class Translator:
    me: Me
    world: World
    allow_bots: Collection[str] = ()

    def events(self, name: str, data: Any, now: float) -> list[Event]:
        """What happened, received `now`; nothing for what is none of the bot's business, or of a
        shape that is not known. Never raises."""
        tells = {
            "MESSAGE_CREATE": self._message,
            "MESSAGE_UPDATE": self._edit,
            "MESSAGE_DELETE": self._delete,
            "MESSAGE_DELETE_BULK": self._delete_all,
            "MESSAGE_REACTION_ADD": self._reaction_added,
            "MESSAGE_REACTION_REMOVE": self._reaction_removed,
        }.get(name)
        try:
            return list(tells(data, now)) if tells is not None else []
        except MALFORMED as error:
            log.warning("%s is passed over: %s: %s", name, type(error).__name__, error)
            return []

    # messages

    def _message(self, message: Json, now: float) -> Iterator[Event]:
        event = self._said(message, EventKind.MESSAGE, f"m:{snowflake(message['id'])}", now)
        if event is None:
            return
        yield _as_command(event) if event.addressed else event

    def _edit(self, message: Json, now: float) -> Iterator[Event]:
        """Discord tells of an update, too, when it has looked a link up: then nobody edited anything."""
        edited = message.get("edited_timestamp")
        if edited and message.get("author"):
            event_id = f"e:{snowflake(message['id'])}:{edited}"
            event = self._said(message, EventKind.EDIT, event_id, now)
            if event is not None:
                yield event

    def _said(self, message: Json, kind: EventKind, event_id: str, now: float) -> Event | None:
        if message.get("type", 0) not in _SAID or not self._listens_to(message):
            return None
        private, earlier = not message.get("guild_id"), replied(message)
        addressed = private or self._addressed(message, earlier)
        parts = parts_of(message, self.me, self.world, strip=not private)
        if not parts and not addressed:  # its text is kept from the bot
            return None
        guild, channel = str(message.get("guild_id") or ""), str(message["channel_id"])
        opens = str(message["id"]) == channel  # only a forum's post has the id of its thread
        if opens and (title := self.world.channel(guild, channel)):
            parts = (Part(text=title), *parts)
        return Event(
            id=event_id,
            kind=kind,
            address=self.at(channel),
            sender=self.sender(message["author"], message.get("member"), guild, channel),
            parts=parts,
            message_id=snowflake(message["id"]),
            reply_to=snowflake(earlier["id"]) if earlier is not None else "",
            within=self.within(guild, channel),
            names=self.names(guild, channel),
            private=private,
            addressed=addressed,
            opens=opens,
            received_at=now,
        )

    def _listens_to(self, message: Json) -> bool:
        """Not to itself, and to other bots and webhooks only where that is allowed."""
        author, webhook = message["author"], str(message.get("webhook_id") or "")
        if str(author["id"]) == self.me.id or (webhook and webhook == self.me.application):
            return False
        return not (author.get("bot") or webhook) or bool({str(author["id"]), webhook} & {*self.allow_bots})

    def _addressed(self, message: Json, earlier: Json | None) -> bool:
        if any(str(user["id"]) == self.me.id for user in message.get("mentions") or ()):
            return True
        if mentions_me(str(message.get("content") or ""), naming_of(message, self.me, self.world)):
            return True
        if earlier is not None and str((earlier.get("author") or {}).get("id")) == self.me.id:
            return True
        guild, channel = str(message["guild_id"]), str(message["channel_id"])
        author = self.world.author(guild, channel)  # in a post others talk with its author, too
        return self.world.is_my_thread(guild, channel) and author in ("", str(message["author"]["id"]))

    def sender(self, user: Json, member: Json | None, guild: str, channel: str, language: str = "") -> Sender:
        """Somebody with their roles: `role:ID` and `@name` of each, and what they are in the channel.
        Whoever is listened to counts as a person."""
        number = snowflake(user["id"])
        ids = tuple(str(role) for role in (member or {}).get("roles") or ())
        roles = [f"role:{role}" for role in ids]
        roles += [f"@{name}" for role in ids if (name := self.world.role(guild, role))]
        if guild:
            known = (member or {}).get("permissions")
            rights = int(known) if known else self.world.rights(guild, channel, number, ids)
            roles += [name for name, right in _STANDING.items() if rights & (right | ADMINISTRATOR)]
            roles += [AUTHOR] * (self.world.author(guild, channel) == number)
        return Sender(number, name_of(user, member), language, roles=tuple(roles))

    # the rest

    def _delete(self, gone: Json, now: float) -> Iterator[Event]:
        yield self._deleted(gone, gone["id"], now)

    def _delete_all(self, gone: Json, now: float) -> Iterator[Event]:
        for message_id in gone["ids"]:
            yield self._deleted(gone, message_id, now)

    def _deleted(self, gone: Json, message_id: Any, now: float) -> Event:
        return Event(
            id=f"d:{snowflake(message_id)}",
            kind=EventKind.DELETE,
            address=self.at(str(gone["channel_id"])),
            sender=Sender(""),
            message_id=snowflake(message_id),
            private=not gone.get("guild_id"),
            received_at=now,
        )

    def _reaction_added(self, reaction: Json, now: float) -> Iterator[Event]:
        author = reaction.get("message_author_id")
        if author is None or str(author) == self.me.id:
            yield from self._reaction(reaction, now, added=True)

    def _reaction_removed(self, reaction: Json, now: float) -> Iterator[Event]:
        yield from self._reaction(reaction, now, added=False)

    def _reaction(self, reaction: Json, now: float, *, added: bool) -> Iterator[Event]:
        member, guild = reaction.get("member"), str(reaction.get("guild_id") or "")
        user = (member or {}).get("user") or {"id": reaction["user_id"]}
        emoji = _SKIN.sub("", str(reaction["emoji"].get("name") or ""))
        message_id, user_id = snowflake(reaction["message_id"]), snowflake(reaction["user_id"])
        if user_id == self.me.id or user.get("bot") or not emoji:
            return
        yield Event(
            id=f"r:{message_id}:{user_id}:{emoji}:{'add' if added else 'remove'}",
            kind=EventKind.REACTION,
            address=self.at(str(reaction["channel_id"])),
            sender=self.sender(user, member, guild, str(reaction["channel_id"])),
            message_id=message_id,
            data=emoji if added else "",
            within=self.within(guild, str(reaction["channel_id"])),
            names=self.names(guild, str(reaction["channel_id"])),
            private=not guild,
            received_at=now,
        )

    def membership(self, guild: str, when: str, now: float, *, joined: bool) -> Event:
        """The bot was let into a guild, or removed from it."""
        data = JOINED if joined else LEFT
        return Event(
            id=f"j:{guild}:{data}:{when}",
            kind=EventKind.MEMBERSHIP,
            address=self.at(guild),
            sender=Sender(""),
            data=data,
            private=False,
            addressed=False,
            received_at=now,
        )

    def at(self, chat: str) -> Address:
        return Address(PLATFORM, self.me.id, chat)

    def within(self, guild: str, channel: str) -> tuple[Address, ...]:
        """The channel that a thread lies in, and the guild; nothing outside of guilds."""
        around = (self.world.parent(guild, channel), f"guild:{guild}") if guild else ()
        return tuple(self.at(place) for place in around if place)

    def names(self, guild: str, channel: str) -> tuple[str, ...]:
        """Of the channel, and of each place that `within` has; none outside of guilds."""
        if not guild:
            return ()
        parent = self.world.parent(guild, channel)
        around = (self.world.channel(guild, parent),) if parent else ()
        return (self.world.channel(guild, channel), *around, self.world.guild(guild))


def snowflake(value: Any) -> str:
    """An id as text. Raises ValueError for what is none."""
    text = str(value)
    if not text.isdecimal() or len(text) > 20:
        raise ValueError(f"{text[:40]!r} is no id")
    return text


def _as_command(event: Event) -> Event:
    """`/name arguments`, written out where it was not chosen from the menu, is the same command."""
    first = next((p for p in event.parts if p.kind is PartKind.TEXT and not p.name), None)
    if first is None or not _COMMAND.match(first.text):
        return event
    return replace(event, kind=EventKind.COMMAND, data=first.text.strip())
