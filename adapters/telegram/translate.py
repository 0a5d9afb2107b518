"""Telegram's updates as events. Pure.

Ids are made of what Telegram never reuses (chat, message, date), not of `update_id`, which may
begin anew after a quiet week. A chat's address holds a topic only where the message is in one;
what comes through a business connection has the connection as its thread.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from telegram import (
    BusinessMessagesDeleted,
    CallbackQuery,
    Chat,
    ChatMember,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageEntity,
    MessageReactionUpdated,
    ReactionType,
    ReactionTypeEmoji,
    Update,
    User,
)

from adapters.telegram.parts import author, chat_name, contents, parts_of, replied, words
from adapters.telegram.text import Me, mentions, readable
from bot.types import ADMIN, JOINED, LEFT, MOVED, Address, Event, EventKind, Sender

log = logging.getLogger(__name__)

PLATFORM = "telegram"
BUSINESS = "business:"
"""Begins the thread of an address that is reached through a business connection."""
MALFORMED = (TypeError, KeyError, ValueError, AttributeError, IndexError, OverflowError, OSError)
"""What the library raises for JSON that is no update, or of a shape that it does not know."""
_MATTERS = ("👍", "👎")


def nowhere(chat: str, message_id: str) -> str:
    """No topic is known."""
    return ""


@dataclass(frozen=True, slots=True)
class Translator:
    """`thread_of` (chat, message id) tells the topic of a message that the bot sent: reactions
    do not say it."""

    me: Me
    thread_of: Callable[[str, str], str] = nowhere

    def events(self, update: Update, now: float) -> list[Event]:
        """What happened, received `now`; nothing for what is none of the bot's business, or of a
        shape that is not known. Never raises."""
        try:
            return [*self._of_messages(update, now), *self._of_others(update, now)]
        except MALFORMED as error:
            log.warning("update %s is passed over: %s: %s", update.update_id, type(error).__name__, error)
            return []

    def album(self, update: Update) -> str:
        """The key of the album that the update's message is part of; "" if it is none."""
        message = update.message or update.channel_post or update.business_message
        if message is None or not message.media_group_id:
            return ""
        return f"a:{scope(message)}:{message.media_group_id}"

    def _of_messages(self, update: Update, now: float) -> Iterator[Event]:
        for message in (update.message, update.channel_post, update.business_message):
            if message is not None:
                yield from self._message(message, now)
        for edited in (update.edited_message, update.edited_channel_post, update.edited_business_message):
            if edited is not None:
                yield from self._edit(edited, now)

    def _of_others(self, update: Update, now: float) -> Iterator[Event]:
        if update.callback_query is not None:
            yield from self._button(update.callback_query, now)
        if update.message_reaction is not None:
            yield from self._reaction(update.message_reaction, now)
        if update.my_chat_member is not None:
            yield from self._membership(update.my_chat_member, now)
        if update.deleted_business_messages is not None:
            yield from self._deleted(update.deleted_business_messages, now)

    # messages

    def _message(self, message: Message, now: float) -> Iterator[Event]:
        if message.migrate_to_chat_id:
            yield self._moved(message, now)
        elif not self._own(message) and not _service(message):
            command = self._command(message)
            if command is None:
                yield from self._heard(message, EventKind.MESSAGE, f"m:{_place(message)}", now)
            elif command:
                yield self._event(message, EventKind.COMMAND, f"m:{_place(message)}", now, data=command)

    def _edit(self, message: Message, now: float) -> Iterator[Event]:
        found = words(message)
        if found is not None and not self._own(message):
            digest = hashlib.blake2b(found[0].text.encode(errors="replace"), digest_size=6).hexdigest()
            event_id = f"e:{_place(message)}:{_seconds(message.edit_date)}:{digest}"
            yield from self._heard(message, EventKind.EDIT, event_id, now)

    def _heard(self, message: Message, kind: EventKind, event_id: str, now: float) -> Iterator[Event]:
        """In a channel only what is meant for the bot."""
        event = self._event(message, kind, event_id, now)
        if event.addressed or message.chat.type != Chat.CHANNEL:
            yield event

    def _own(self, message: Message) -> bool:
        """Written by the bot itself, in its name, or through it."""
        if message.sender_business_bot is not None:
            return True
        return any(
            user is not None and user.id == self.me.id for user in (message.from_user, message.via_bot)
        )

    def _event(self, message: Message, kind: EventKind, event_id: str, now: float, data: str = "") -> Event:
        private = _private(message)
        earlier = replied(message)
        return Event(
            id=event_id,
            kind=kind,
            address=self._address(message),
            sender=sender_of(message),
            parts=parts_of(message, self.me, strip=not private),
            message_id=str(message.message_id),
            reply_to=str(earlier.message_id) if earlier is not None else "",
            data=data,
            within=_within(self._address(message), private),
            names=_names(self._address(message), message.chat, private),
            private=private,
            addressed=self._addressed(message, earlier) or (bool(data) and _names_bot(message)),
            received_at=now,
        )

    def _addressed(self, message: Message, earlier: Message | None) -> bool:
        if message.business_connection_id:  # else the owner of the account writes, not the customer
            return message.from_user is not None and message.from_user.id == message.chat.id
        if _private(message):
            return True
        found = words(message)
        if found is not None and mentions(*found, self.me):
            return True
        return earlier is not None and earlier.from_user is not None and earlier.from_user.id == self.me.id

    def _command(self, message: Message) -> str | None:
        """The command with its arguments; None if there is none, "" if it is for another bot."""
        found = words(message)
        first = next((e for e in found[1] if _begins(e)), None) if found else None
        if found is None or first is None:
            return None
        name, _, bot = found[0].of(first).partition("@")
        if bot and bot.casefold() != self.me.username.casefold():
            return ""
        return (name + readable(*found, begin=first.length)).strip()

    def _moved(self, message: Message, now: float) -> Event:
        return Event(
            id=f"j:{message.chat.id}:{_seconds(message.date)}:{MOVED}",
            kind=EventKind.MEMBERSHIP,
            address=self._address(message),
            sender=sender_of(message),
            message_id=str(message.message_id),
            data=f"{MOVED} {message.migrate_to_chat_id}",
            private=False,
            addressed=False,
            received_at=now,
        )

    # the rest

    def _button(self, query: CallbackQuery, now: float) -> Iterator[Event]:
        message = query.message
        if message is None or query.data is None:
            return
        whole = message if isinstance(message, Message) else None
        chat, message_id = str(message.chat.id), str(message.message_id)
        address = self._address(whole) if whole else self._at(chat, self.thread_of(chat, message_id))
        private = _private(whole) if whole else message.chat.type == Chat.PRIVATE
        yield Event(
            id=f"c:{query.id}",
            kind=EventKind.BUTTON,
            address=address,
            sender=_user(query.from_user),
            message_id=message_id,
            data=query.data,
            within=_within(address, private),
            names=_names(address, message.chat, private),
            private=private,
            received_at=now,
        )

    def _reaction(self, reaction: MessageReactionUpdated, now: float) -> Iterator[Event]:
        emoji = _changed(_emojis(reaction.old_reaction), _emojis(reaction.new_reaction))
        actor = reaction.user or reaction.actor_chat
        if emoji is None or actor is None:
            return
        chat, message_id = str(reaction.chat.id), str(reaction.message_id)
        yield Event(
            id=f"r:{chat}:{message_id}:{actor.id}:{_seconds(reaction.date)}:{emoji}",
            kind=EventKind.REACTION,
            address=self._at(chat, self.thread_of(chat, message_id)),
            sender=_user(actor) if isinstance(actor, User) else Sender(str(actor.id), name=chat_name(actor)),
            message_id=message_id,
            data=emoji,
            private=reaction.chat.type == Chat.PRIVATE,
            received_at=now,
        )

    def _membership(self, change: ChatMemberUpdated, now: float) -> Iterator[Event]:
        before, after = _inside(change.old_chat_member), _inside(change.new_chat_member)
        if before == after:
            return
        yield Event(
            id=f"j:{change.chat.id}:{_seconds(change.date)}:{change.new_chat_member.status}",
            kind=EventKind.MEMBERSHIP,
            address=self._at(str(change.chat.id)),
            sender=_user(change.from_user),
            data=JOINED if after else LEFT,
            private=change.chat.type == Chat.PRIVATE,
            addressed=False,
            received_at=now,
        )

    def _deleted(self, gone: BusinessMessagesDeleted, now: float) -> Iterator[Event]:
        connection, chat = gone.business_connection_id, gone.chat
        for message_id in gone.message_ids:
            yield Event(
                id=f"d:{connection}:{chat.id}:{message_id}",
                kind=EventKind.DELETE,
                address=self._at(str(chat.id), BUSINESS + connection),
                sender=Sender(str(chat.id), name=chat_name(chat)),
                message_id=str(message_id),
                received_at=now,
            )

    def _address(self, message: Message) -> Address:
        if message.business_connection_id:
            return self._at(str(message.chat.id), BUSINESS + message.business_connection_id)
        topic = message.message_thread_id if message.is_topic_message else None
        return self._at(str(message.chat.id), str(topic) if topic else "")

    def _at(self, chat: str, thread: str = "") -> Address:
        return Address(PLATFORM, str(self.me.id), chat, thread)


def read(raw: Any) -> Update | None:
    """The update in this JSON value; None if it is none that the library can read."""
    try:
        return Update.de_json(raw)
    except MALFORMED:
        return None


def sender_of(message: Message) -> Sender:
    """Who wrote: a person, or a chat in whose name somebody did. Who writes in the name of the
    group itself runs it."""
    chat = message.sender_chat or (message.chat if message.from_user is None else None)
    if chat is None and message.from_user is not None:
        return _user(message.from_user)
    own = chat is None or chat.id == message.chat.id
    return Sender(str((chat or message.chat).id), name=author(message), roles=(ADMIN,) if own else ())


def scope(message: Message) -> str:
    """Where the message's id counts."""
    connection = message.business_connection_id
    return f"{connection}:{message.chat.id}" if connection else str(message.chat.id)


def _within(address: Address, private: bool) -> tuple[Address, ...]:
    """A topic lies in its group."""
    return (replace(address, thread=""),) if address.thread and not private else ()


def _names(address: Address, chat: Chat, private: bool) -> tuple[str, ...]:
    """The group's name; a topic's is not told."""
    title = chat.title or ""
    return () if private else ("", title) if address.thread else (title,)


def _place(message: Message) -> str:
    return f"{scope(message)}:{message.message_id}"


def _private(message: Message) -> bool:
    return message.chat.type == Chat.PRIVATE or bool(message.business_connection_id)


def _service(message: Message) -> bool:
    """Whether it tells of something other than what somebody said."""
    return words(message) is None and next(contents(message), None) is None


def _names_bot(message: Message) -> bool:
    """Whether the command says which bot it is for; in a group one without a name is for whoever has it."""
    found = words(message)
    return found is not None and any("@" in found[0].of(e) for e in found[1] if _begins(e))


def _begins(entity: MessageEntity) -> bool:
    return entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0


def _user(user: User) -> Sender:
    return Sender(str(user.id), name=user.full_name, language=user.language_code or "", is_bot=user.is_bot)


def _inside(member: ChatMember) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return bool(member.is_member)
    return member.status in (ChatMember.MEMBER, ChatMember.ADMINISTRATOR, ChatMember.OWNER)


def _emojis(reactions: Sequence[ReactionType]) -> list[str]:
    return [r.emoji for r in reactions if isinstance(r, ReactionTypeEmoji)]


def _changed(before: list[str], after: list[str]) -> str | None:
    """The emoji that matters now, "" if it was taken back; None if nothing that counts changed."""
    if before == after:
        return None
    added = [emoji for emoji in after if emoji not in before] or after
    return next((emoji for emoji in added if emoji in _MATTERS), added[-1] if added else "")


def _seconds(date: datetime | None) -> int:
    return int(date.timestamp()) if date is not None else 0
