"""Answers to interactions: in the place of what says that one comes, or beside it.

The first answer to a deferred interaction is an edit of its message, which may be repeated. What follows
is a new message each. Discord takes no nonce there, and lists to nobody what an interaction has said (a
message is read by its id alone): what was sent is noted, and a crash between the call and the note (some
milliseconds) is the one window in which a message can be shown twice. It is open for asides, and, where the
bot is no member, for files and for all parts of an answer but its first.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from adapters.discord import files
from adapters.discord.connection import Connection
from adapters.discord.errors import (
    TOO_MANY_FOLLOW,
    UNKNOWN_MESSAGE,
    DiscordError,
    channel_error,
    has_code,
    is_over,
)
from adapters.discord.memory import Recent
from adapters.discord.parts import Json
from adapters.discord.render import ASIDE, PLACEHOLDER, body_of
from adapters.discord.tokens import Asked, Tokens
from bot.errors import ChannelError
from bot.types import Markup, Outgoing

log = logging.getLogger(__name__)
_HOOK = "/webhooks/{webhook_id}/{webhook_token}"
_ORIGINAL = _HOOK + "/messages/@original"
_MESSAGE = _HOOK + "/messages/{message_id}"


class Answers:
    """Methods raise ChannelError and StorageError."""

    def __init__(self, connection: Connection, tokens: Tokens) -> None:
        self._connection = connection
        self._tokens = tokens
        self._outside: Recent[str, bool] = Recent()
        self._bound: Recent[str, bool] = Recent()

    def outside(self, chat: str) -> bool:
        """Whether the chat is known to be one that only interactions lead to."""
        return bool(self._outside.get(chat))

    def bound(self, message_id: str) -> bool:
        """Whether the message is known to be one that only its interaction can change."""
        return bool(self._bound.get(message_id))

    async def asked(self, chat: str, reply_to: str, follows: str) -> Asked | None:
        """The interaction that a message to this chat answers, or goes through, as the one that it
        follows did; None if none does."""
        found = await self._tokens.of(reply_to)
        if found is None and follows:
            found = await self._tokens.via(follows)
        if found is None and not reply_to and self.outside(chat):
            found = await self._tokens.only(chat)
        if found is not None and found.outside:
            self._outside.put(chat, True)
        return found

    async def is_aside(self, message_id: str) -> bool:
        """Whether the message was sent through an interaction, as asides are."""
        return self.bound(message_id) or await self._tokens.via(message_id) is not None

    async def send(self, asked: Asked, out: Outgoing, key: str) -> str:
        """The message's id; "" if the interaction takes no answer (any more), and none was sent."""
        if earlier := await self._tokens.earlier(key):
            return earlier
        waits = asked.deferred and not asked.answered
        if not self._tokens.alive(asked) or not (waits or out.aside or asked.outside):
            return ""
        try:
            message = await (self._fill(asked, out) if waits else self._follow(asked, out))
        except DiscordError as error:
            if is_over(error) or has_code(error, UNKNOWN_MESSAGE):
                self._tokens.over(asked)
                return ""
            if has_code(error, TOO_MANY_FOLLOW):
                return ""
            raise _told(error, out) from error
        sent = str(message["id"])
        await self._sent(asked, out, key, sent)
        if waits and out.aside:
            await self._clear(asked)
        return sent

    async def change(self, message_id: str, method: str, body: Json | None) -> bool:
        """PATCH or DELETE a message through its interaction; False if it has none that is alive."""
        asked = await self._tokens.via(message_id)
        if asked is None or not self._tokens.alive(asked):
            return False
        try:
            await self._call(method, _MESSAGE, asked, body, message_id=message_id)
        except DiscordError as error:
            if is_over(error):
                self._tokens.over(asked)
                return False
            raise channel_error(error) from error
        return True

    async def _fill(self, asked: Asked, out: Outgoing) -> Any:
        """Put the answer in the place of what says that it comes. That is for all to see, and the next
        message only takes its place: for an aside something else must have taken it before."""
        if out.attachment is not None:
            return await self._follow(asked, out)
        if not out.aside:
            return await self._call("PATCH", _ORIGINAL, asked, body_of(out))
        await self._call("PATCH", _ORIGINAL, asked, {"content": PLACEHOLDER})
        return await self._follow(asked, out)

    async def _clear(self, asked: Asked) -> None:
        """Take away what stood for all to see. That it stays does no harm."""
        try:
            await self._call("DELETE", _ORIGINAL, asked, None)
        except DiscordError as error:
            log.info("what stood for interaction %s stays: %s", asked.id, error)

    async def _follow(self, asked: Asked, out: Outgoing) -> Any:
        body = body_of(out)
        body["flags"] |= ASIDE if out.aside else 0
        part = out.attachment
        if part is None:
            return await self._call("POST", _HOOK, asked, body)
        if files.is_link(part):
            body["content"] = "\n".join(filter(None, (out.text, part.ref)))
            return await self._call("POST", _HOOK, asked, body)
        body["content"] = out.text
        name, content = await files.content_of(part)
        where = {"webhook_id": asked.application, "webhook_token": asked.token}
        return await self._connection.rest.upload(_HOOK, body, name, content, **where)

    async def _sent(self, asked: Asked, out: Outgoing, key: str, message_id: str) -> None:
        bound = asked.outside or out.aside
        if bound:
            self._bound.put(message_id, True)
        await self._tokens.sent(asked, key, message_id, bound=bound)
        if asked.deferred and not asked.answered:
            await self._tokens.remember(replace(asked, answered=True))

    async def _call(self, method: str, path: str, asked: Asked, body: Json | None, **more: str) -> Any:
        where = {"webhook_id": asked.application, "webhook_token": asked.token, **more}
        return await self._connection.rest.call(method, path, body, **where)


def _told(error: DiscordError, out: Outgoing) -> ChannelError:
    return channel_error(error, markup=out.markup is not Markup.PLAIN)
