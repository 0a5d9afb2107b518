"""The way back to Telegram."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from telegram import LinkPreviewOptions, Message, ReactionTypeEmoji, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, InvalidToken, TelegramError

from adapters.telegram import files
from adapters.telegram.client import Connection
from adapters.telegram.deps import Limits
from adapters.telegram.errors import (
    blames_text,
    channel_error,
    closes_chat,
    is_deleted,
    is_unchanged,
    says,
    without_token,
)
from adapters.telegram.render import TEXT_LIMIT, caption_of, keyboard, previews_link, text_of
from adapters.telegram.translate import BUSINESS, PLATFORM
from bot.errors import ChatGone, DraftsRefused, MessageGone
from bot.ports import Clock
from bot.types import LEFT, MOVED, Address, Capabilities, Event, EventKind, Markup, Outgoing, Part

log = logging.getLogger(__name__)
SHUT_SECONDS = 3600.0
"""So long a chat that shut the bot out is not called: another process may know better."""
_GENERAL = "1"
"""The topic that a message is in when it is in none."""
_MANY = 4096
T = TypeVar("T")
Where = dict[str, Any]


class TelegramChannel:
    """`bot.ports.Channel`. Remembers, for the last few thousand chats, which shut the bot out, which
    refuses drafts and which goes on under another id, and of messages sent to a topic, which it was.

    A chat that goes on under another id numbers its messages anew: what was sent before stays
    behind. Of what is sent to it under its old address it is known that it is there."""

    platform = PLATFORM

    def __init__(
        self,
        connection: Connection,
        root: str,
        clock: Clock,
        *,
        limits: Limits,
        drafts: bool,
        seen: str = "",
    ) -> None:
        self._connection = connection
        self._api = connection.api
        self._root = root
        self._clock = clock
        self._limits = limits
        self._drafts = drafts
        self._seen = seen
        self.username = ""
        """The bot's, once Telegram has told it."""
        self._shut: OrderedDict[str, float] = OrderedDict()
        self._draftless: OrderedDict[str, None] = OrderedDict()
        self._moved: OrderedDict[str, str] = OrderedDict()
        self._followed: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._topics: OrderedDict[tuple[str, str], str] = OrderedDict()

    def capabilities(self, address: Address) -> Capabilities:
        private = not address.chat.startswith("-")
        limits = self._limits
        return Capabilities(
            markup=Markup.TELEGRAM_HTML,
            text_limit=TEXT_LIMIT,
            edits=True,
            drafts=private and not address.thread.startswith(BUSINESS) and self._takes_drafts(address),
            buttons=True,
            preview_buttons=True,
            attachments=True,
            typing=True,
            acknowledges=bool(self._seen) and not private,
            chat_paces=limits.private if private else limits.group,
            account_paces=limits.account,
            min_edit_interval=limits.private_edit_interval if private else limits.group_edit_interval,
            activity=True,
            start_link=f"https://t.me/{self.username}?start={{code}}" if self.username else "",
        )

    async def send(self, address: Address, out: Outgoing, *, key: str, reply_to: str = "") -> str:
        fields = self._fields(out)
        if reply_to:
            fields["reply_parameters"] = ReplyParameters(int(reply_to), allow_sending_without_reply=True)
        if out.attachment is not None:
            return await self._send_file(address, out, out.attachment, fields)
        text, fields["parse_mode"] = text_of(out)

        def call(where: Where) -> Awaitable[Message]:
            return self._api.send_message(text=text, **self._there(address, fields), **where)

        message = await self._call(address, call, markup=fields["parse_mode"] is not None)
        return self._sent(address, message)

    async def edit(self, address: Address, message_id: str, out: Outgoing) -> None:
        fields = self._fields(out)

        def call(where: Where) -> Awaitable[Message | bool]:
            where = {**where, "message_id": int(message_id)}
            where.pop("message_thread_id", None)
            if out.attachment is not None:
                caption, parse_mode = caption_of(out)
                fields.pop("link_preview_options", None)
                return self._api.edit_message_caption(
                    caption=caption, parse_mode=parse_mode, **fields, **where
                )
            text, parse_mode = text_of(out)
            return self._api.edit_message_text(text=text, parse_mode=parse_mode, **fields, **where)

        markup = out.markup is not Markup.PLAIN
        await self._call(address, call, about=message_id, markup=markup, fine=is_unchanged)

    async def delete(self, address: Address, message_id: str) -> None:
        def call(where: Where) -> Awaitable[bool]:
            connection = where.get("business_connection_id")
            if connection is not None:
                return self._api.delete_business_messages(connection, [int(message_id)])
            return self._api.delete_message(where["chat_id"], int(message_id))

        with suppress(MessageGone):
            await self._call(address, call, about=message_id, fine=is_deleted)

    async def typing(self, address: Address) -> None:
        def call(where: Where) -> Awaitable[bool]:
            return self._api.send_chat_action(action=ChatAction.TYPING, **where)

        await self._call(address, call)

    async def acknowledge(self, address: Address, message_id: str) -> None:
        def call(where: Where) -> Awaitable[bool]:
            emoji = ReactionTypeEmoji(self._seen)
            return self._api.set_message_reaction(where["chat_id"], int(message_id), emoji)

        await self._call(address, call)

    async def solve(self, address: Address, message_id: str, *, close: bool) -> None:
        """Telegram has no way to."""

    async def continue_under(self, address: Address, message_id: str, title: str) -> Address:
        return address

    async def draft(self, address: Address, key: str, out: Outgoing) -> None:
        text, parse_mode = text_of(out)
        number = _draft_id(key)

        def call(where: Where) -> Awaitable[bool]:
            where.pop("business_connection_id", None)
            return self._api.send_message_draft(draft_id=number, text=text, parse_mode=parse_mode, **where)

        if self._takes_drafts(address):
            await self._call(address, call, markup=True, fine=partial(self._refuses_drafts, address))
        if not self._takes_drafts(address):
            raise DraftsRefused("the chat takes no drafts")

    async def fetch(self, part: Part, limit: int) -> bytes:
        return await files.fetch(self._connection, self._root, part, limit)

    # what the intake tells

    def heard(self, event: Event) -> None:
        """Something happened in a chat: what is remembered of it may not hold any more."""
        chat = event.address.chat
        if event.kind is not EventKind.MEMBERSHIP or event.data != LEFT:
            self._shut.pop(chat, None)
        elif event.data == LEFT:
            self._shut_out(chat)
        if event.data.startswith(f"{MOVED} ") and event.kind is EventKind.MEMBERSHIP:
            _remember(self._moved, chat, event.data.split()[1])

    def topic_of(self, chat: str, message_id: str) -> str:
        """The topic that a message was sent to; "" if it was none, or long ago."""
        return self._topics.get((chat, message_id), "")

    # inside

    async def _send_file(self, address: Address, out: Outgoing, part: Part, fields: dict[str, Any]) -> str:
        content, kind = await files.content_of(part), files.method_of(part)
        caption, parse_mode = caption_of(out)
        fields.pop("link_preview_options", None)
        methods: dict[str, Callable[..., Awaitable[Message]]] = {
            "photo": self._api.send_photo,
            "voice": self._api.send_voice,
            "audio": self._api.send_audio,
            "document": self._api.send_document,
        }

        def call(where: Where) -> Awaitable[Message]:
            file = {kind: content, "caption": caption, "parse_mode": parse_mode}
            return methods[kind](**file, **self._there(address, fields), **where)

        return self._sent(address, await self._call(address, call, markup=parse_mode is not None))

    def _fields(self, out: Outgoing) -> dict[str, Any]:
        preview = None if previews_link(out) else LinkPreviewOptions(is_disabled=True)
        return {"reply_markup": keyboard(out.buttons), "link_preview_options": preview}

    def _where(self, address: Address) -> Where:
        where: Where = {"chat_id": self._moved.get(address.chat, address.chat)}
        if address.thread.startswith(BUSINESS):
            where["business_connection_id"] = address.thread.removeprefix(BUSINESS)
        elif address.thread and address.thread != _GENERAL:
            where["message_thread_id"] = int(address.thread)
        return where

    def _there(self, address: Address, fields: dict[str, Any]) -> dict[str, Any]:
        """What is replied to stays behind where the chat goes on under another id."""
        if address.chat not in self._moved:
            return fields
        return {name: value for name, value in fields.items() if name != "reply_parameters"}

    async def _call(
        self,
        address: Address,
        call: Callable[[Where], Awaitable[T]],
        *,
        about: str = "",
        markup: bool = False,
        fine: Callable[[TelegramError], bool] = lambda error: False,
    ) -> T | None:
        """The call's result; None where the refusal is `fine`. `about` is the message that it
        changes. Raises ChannelError."""
        if about and address.chat in self._moved and (address.chat, about) not in self._followed:
            raise MessageGone("the message stayed behind in the chat's old place")
        if self._shut.get(address.chat, 0.0) > self._clock.monotonic():
            raise ChatGone("the bot was shut out of this chat")
        try:
            return await call(self._where(address))
        except ChatMigrated as error:
            if self._moved.get(address.chat) == str(error.new_chat_id):
                raise channel_error(error) from error
            _remember(self._moved, address.chat, str(error.new_chat_id))
            return await self._call(address, call, about=about, markup=markup, fine=fine)
        except TelegramError as error:
            if fine(error):
                return None
            if closes_chat(error):
                self._shut_out(address.chat)
            raise channel_error(error, markup=markup) from error

    def _shut_out(self, chat: str) -> None:
        _remember(self._shut, chat, self._clock.monotonic() + SHUT_SECONDS)

    def _sent(self, address: Address, message: Message | None) -> str:
        assert message is not None
        message_id = str(message.message_id)
        if address.chat in self._moved:
            _remember(self._followed, (address.chat, message_id), None)
        if address.thread and not address.thread.startswith(BUSINESS):
            _remember(self._topics, (address.chat, message_id), address.thread)
        return message_id

    def _takes_drafts(self, address: Address) -> bool:
        return self._drafts and address.chat not in self._draftless

    def _refuses_drafts(self, address: Address, error: TelegramError) -> bool:
        """Whether that is what the refusal says: of this chat, or of an old Bot API server, which
        does not know drafts. It is remembered."""
        if isinstance(error, InvalidToken) and says(error, "not found"):
            log.info("this Bot API server knows no drafts; growing answers are edited instead")
            self._drafts = False
            return True
        if isinstance(error, BadRequest) and not blames_text(error):
            log.info("chat %s takes no drafts: %s", address.chat, without_token(error.message))
            _remember(self._draftless, address.chat, None)
            return True
        return False


K = TypeVar("K")
V = TypeVar("V")


def _remember(store: OrderedDict[K, V], key: K, value: V) -> None:
    store[key] = value
    store.move_to_end(key)
    if len(store) > _MANY:
        store.popitem(last=False)


def _draft_id(key: str) -> int:
    """The same for a key, and never 0."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) % (2**31 - 1) + 1
