"""The way back to Discord."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from adapters.discord import files, solved
from adapters.discord.answers import Answers
from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.earlier import Earlier
from adapters.discord.errors import (
    ARCHIVED,
    NO_HISTORY,
    DiscordError,
    channel_error,
    closes_chat,
    has_code,
)
from adapters.discord.memory import Recent
from adapters.discord.parts import Json
from adapters.discord.render import TEXT_LIMIT, body_of, calling, keyed
from adapters.discord.threads import Threads
from adapters.discord.tokens import Asked, Tokens
from adapters.discord.translate import INTERACTION, PLATFORM
from bot.errors import ChannelError, ChannelUnavailable, ChatGone, MessageGone, StorageError
from bot.types import JOINED, LEFT, Address, Capabilities, Event, EventKind, Markup, Outgoing, Part

log = logging.getLogger(__name__)
SHUT_SECONDS = 3600.0
"""So long a chat that is closed to the bot is not called."""
MOST_PARTS = 4
"""Messages of an answer; what is longer is better read as a file."""
_MESSAGES = "/channels/{channel_id}/messages"
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"


class DiscordChannel:
    """`bot.ports.Channel`. A message that is not an interaction's answer is sent with a nonce made of its
    key: repeated, it is no second message; one that comes too late for nonces is looked for first
    (`earlier`). Remembers for an hour which chats are closed to the bot."""

    platform = PLATFORM

    def __init__(self, deps: DiscordDeps, connection: Connection, threads: Threads, tokens: Tokens) -> None:
        self._deps = deps
        self._connection = connection
        self._threads = threads
        self._answers = Answers(connection, tokens)
        self._earlier = Earlier(connection, deps.clock)
        self._shut: Recent[str, float] = Recent()
        limits = deps.limits
        self._capabilities = Capabilities(
            markup=Markup.DISCORD,
            text_limit=TEXT_LIMIT,
            edits=True,
            idempotent_sends=True,
            threads=True,
            buttons=True,
            preview_buttons=True,
            attachments=True,
            asides=True,
            most_parts=MOST_PARTS,
            typing=True,
            chat_paces=limits.chat,
            account_paces=limits.account,
            min_edit_interval=limits.edit_interval,
            activity=True,
            acknowledges=bool(deps.seen),
            solves=True,
            admin_right="discord.manage_guild",
            manager_right="discord.manage_channels",
        )

    def capabilities(self, address: Address) -> Capabilities:
        return self._capabilities

    async def send(self, address: Address, out: Outgoing, *, key: str, reply_to: str = "") -> str:
        try:
            asked = await self._answers.asked(address.chat, reply_to, out.follows)
            if asked is not None and (sent := await self._answers.send(asked, out, key)):
                return sent
            if out.aside:
                return await self._hint(address, out, key, reply_to, asked)
            sent = await self._send(address, out, key, reply_to, asked)
            if address.thread:
                await self._threads.continues(sent)
            return sent
        except StorageError as error:
            raise ChannelUnavailable(f"the database cannot be used: {error}") from error

    async def edit(self, address: Address, message_id: str, out: Outgoing) -> None:
        if out.aside and not await self._is_aside(message_id):
            return  # a hint stands for it
        body = body_of(out)
        if out.attachment is not None:
            del body["components"]

        def call(chat: str) -> Awaitable[Any]:
            return self._rest("PATCH", _MESSAGE, body, channel_id=chat, message_id=message_id)

        await self._change(address, message_id, call, "PATCH", body, markup=out.markup is not Markup.PLAIN)

    async def delete(self, address: Address, message_id: str) -> None:
        def call(chat: str) -> Awaitable[Any]:
            return self._connection.rest.delete_message(int(chat), int(message_id))

        try:
            await self._change(address, message_id, call, "DELETE", None)
        except MessageGone as error:
            log.debug("message %s: %s", message_id, error)

    async def typing(self, address: Address) -> None:
        def call(chat: str) -> Awaitable[Any]:
            return self._connection.rest.send_typing(int(chat))

        if not self._answers.outside(address.chat):
            await self._call(address, call)

    async def acknowledge(self, address: Address, message_id: str) -> None:
        if message_id.startswith(INTERACTION):  # that it was taken is shown already
            return
        planned = None
        if message_id == address.chat:  # what a thread is made of is not in it
            try:
                planned = await self._threads.of(message_id)
            except StorageError as error:
                raise ChannelUnavailable(f"the database cannot be used: {error}") from error

        def call(chat: str) -> Awaitable[Any]:
            return self._connection.rest.add_reaction(int(chat), int(message_id), self._deps.seen)

        await self._call(replace(address, chat=planned.parent) if planned else address, call, extra=True)

    async def solve(self, address: Address, message_id: str, *, close: bool) -> None:
        def call(chat: str) -> Awaitable[Any]:
            return solved.mark(self._connection, chat, message_id, close=close)

        await self._call(address, call, extra=True)

    async def continue_under(self, address: Address, message_id: str, title: str) -> Address:
        if self._answers.outside(address.chat):
            return address
        try:
            threaded = await self._threads.plan_under(address.chat, message_id, title)
        except StorageError as error:
            raise ChannelUnavailable(f"the database cannot be used: {error}") from error
        return replace(address, thread=message_id) if threaded else address

    async def draft(self, address: Address, key: str, out: Outgoing) -> None:
        """Discord has none."""

    async def fetch(self, part: Part, limit: int) -> bytes:
        return await files.fetch(self._connection, part, limit)

    # what the intake tells

    def heard(self, event: Event) -> None:
        """Something happened: what is remembered of its chat may not hold any more. That somebody
        writes in a guild's channel does not say that the bot may."""
        if event.private:
            self._shut.forget(event.address.chat)
        elif event.kind is EventKind.MEMBERSHIP and event.data in (JOINED, LEFT):
            self.reopened()

    def reopened(self, chat: str = "") -> None:
        """Rights have changed in this channel, or (without one) in some."""
        self._threads.allow(chat)
        if chat:
            self._shut.forget(chat)
        else:
            self._shut.clear()

    # inside

    async def _is_aside(self, message_id: str) -> bool:
        try:
            return await self._answers.is_aside(message_id)
        except StorageError as error:
            raise ChannelUnavailable(f"the database cannot be used: {error}") from error

    async def _hint(
        self, address: Address, out: Outgoing, key: str, reply_to: str, asked: Asked | None
    ) -> str:
        """What stands in the channel for an aside that cannot be one, once for all its parts."""
        if out.follows and asked is None:
            return ""
        text = self._deps.say(
            asked.language if asked is not None else self._deps.languages[0], "discord.aside"
        )
        hint = Outgoing(text, text, follows=out.follows)
        return await self._send(address, hint, key, reply_to, asked, call=True)

    async def _send(
        self,
        address: Address,
        out: Outgoing,
        key: str,
        reply_to: str,
        asked: Asked | None,
        *,
        call: bool = False,
    ) -> str:
        body = keyed(body_of(out), key)
        if asked is not None and (call or (asked.deferred and not asked.answered)):
            body = calling(body, asked.user)
        file = None
        if out.attachment is not None and files.is_link(out.attachment):
            body["content"] = "\n".join(filter(None, (out.text, out.attachment.ref)))
        elif out.attachment is not None:
            body["content"] = out.text
            file = await files.content_of(out.attachment)
        question = "" if reply_to.startswith(INTERACTION) else reply_to
        after = (reply_to or out.follows).removeprefix(INTERACTION)

        async def post(chat: str) -> str:
            reference = {"message_id": question, "fail_if_not_exists": False}
            replying = question and question != chat  # a thread's first message is shown above it anyway
            told = {**body, "message_reference": reference} if replying else body
            return await self._repeated(address, chat, after, key, told, file) or await self._create(
                chat, told, file
            )

        markup = out.markup is not Markup.PLAIN
        return str(await self._call(address, post, markup=markup, extra=file is not None))

    async def _repeated(
        self, address: Address, chat: str, after: str, key: str, body: Json, file: tuple[str, bytes] | None
    ) -> str:
        """The message that was sent for this key long ago, which shows the body now; "" if none was."""
        found = await self._earlier.find(address.account, chat, after, key, body, file) if after else ""
        if found and file is None:
            changed = {name: body[name] for name in ("content", "components", "allowed_mentions", "flags")}
            await self._rest("PATCH", _MESSAGE, changed, channel_id=chat, message_id=found)
        return found

    async def _create(self, chat: str, body: Json, file: tuple[str, bytes] | None) -> str:
        try:
            if file is not None:
                message = await self._connection.rest.upload(_MESSAGES, body, *file, channel_id=chat)
            else:
                message = await self._rest("POST", _MESSAGES, body, channel_id=chat)
        except DiscordError as error:
            if "message_reference" not in body or not has_code(error, NO_HISTORY):
                raise
            unreferred = {name: value for name, value in body.items() if name != "message_reference"}
            return await self._create(chat, unreferred, file)
        return str(message["id"])

    async def _change(
        self,
        address: Address,
        message_id: str,
        call: Callable[[str], Awaitable[Any]],
        method: str,
        body: Json | None,
        *,
        markup: bool = False,
    ) -> None:
        """Change a message as the bot, or, where only that goes, as the interaction it answered."""
        try:
            if self._answers.bound(message_id) and await self._answers.change(message_id, method, body):
                return
            try:
                await self._call(address, call, markup=markup)
            except (MessageGone, ChatGone):
                if not await self._answers.change(message_id, method, body):
                    raise
        except StorageError as error:
            raise ChannelUnavailable(f"the database cannot be used: {error}") from error

    async def _call(
        self,
        address: Address,
        call: Callable[[str], Awaitable[Any]],
        *,
        markup: bool = False,
        extra: bool = False,
    ) -> Any:
        """The call's result. An archived thread is opened once. Raises ChannelError. `extra`: it is a
        file or a reaction."""
        opened = False
        while True:
            chat = address.thread or address.chat
            try:
                chat = await self._threads.reach(chat)
                if (self._shut.get(chat) or 0.0) > self._deps.clock.monotonic():
                    raise ChatGone("this chat is closed to the bot")
                return await call(chat)
            except DiscordError as error:
                if opened or not has_code(error, ARCHIVED):
                    raise self._ended(chat, error, markup=markup, extra=extra) from error
            opened = True
            await self._reopen(chat)

    async def _reopen(self, chat: str) -> None:
        try:
            await self._rest("PATCH", "/channels/{channel_id}", {"archived": False}, channel_id=chat)
        except DiscordError as error:
            raise self._ended(chat, error) from error

    def _ended(
        self, chat: str, error: DiscordError, *, markup: bool = False, extra: bool = False
    ) -> ChannelError:
        """What the refusal is to the core. A chat that is closed is remembered."""
        if closes_chat(error, extra=extra):
            self._shut.put(chat, self._deps.clock.monotonic() + SHUT_SECONDS)
        return channel_error(error, markup=markup)

    def _rest(self, method: str, path: str, body: Json | None = None, **parameters: Any) -> Awaitable[Any]:
        return self._connection.rest.call(method, path, body, **parameters)
