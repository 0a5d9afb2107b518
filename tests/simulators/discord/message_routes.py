"""Messages: written, changed, deleted, read and reacted to."""

from __future__ import annotations

from typing import Any

from tests.simulators.discord.forms import Asked, allowed_mentions, changed_body, new_body, snowflake
from tests.simulators.discord.messages import (
    DEFAULT,
    HAS_THREAD,
    LOADING,
    REPLY,
    V2,
    Allowed,
    Message,
    message_json,
)
from tests.simulators.discord.model import CATEGORY, FORUM, Channel, Json
from tests.simulators.discord.permissions import Permission, permissions_in
from tests.simulators.discord.refusals import bad, invalid, missing_permissions, unknown
from tests.simulators.discord.routing import (
    Route,
    channel_at,
    message_at,
    need,
    need_to_write,
    optional_id,
    visible_channel,
)
from tests.simulators.discord.threads import join, unarchive
from tests.simulators.discord.world import World

NONCE_SECONDS = 300.0
SENDABLE_FLAGS = 1 << 2 | 1 << 12 | 1 << 13 | V2


def shown(world: World, message: Message) -> Json:
    """A message as the REST API shows it: with what others wrote only if the portal's switch is on."""
    return message_json(message, world.bot.user, full="content" in world.bot.privileged)


def read_again(world: World, message: Message) -> Json:
    """The same, read later: Discord does not keep what it was sent with to tell it from others."""
    return {name: value for name, value in shown(world, message).items() if name != "nonce"}


def create_message(world: World, asked: Asked) -> Json:
    channel, form = channel_at(world, asked), asked.form
    if channel.type in (CATEGORY, FORUM):
        raise bad(50008, "Cannot send messages in a non-text channel")
    need_to_write(world, channel, files=bool(asked.uploads))
    body = new_body(world, asked, form, channel)
    known = _known_nonce(world, form)
    if known is not None:
        return shown(world, known)
    reply_to = _replied(world, channel, form.get("message_reference"))
    unarchive(world, channel)
    message = world.write(
        channel,
        world.bot.user,
        body,
        allowed=allowed_mentions(form),
        reply_to=reply_to,
        type=REPLY if reply_to else DEFAULT,
        flags=int(form.get("flags") or 0) & SENDABLE_FLAGS,
        nonce=form.get("nonce"),
    )
    if message.nonce is not None:
        world.nonces[str(message.nonce)] = world.clock(), message
    join(world, channel, world.bot.user)
    return shown(world, message)


def _known_nonce(world: World, form: Json) -> Message | None:
    """What was sent with this nonce in the last minutes, where the bot wants no second message."""
    if not form.get("enforce_nonce") or form.get("nonce") is None:
        return None
    at, message = world.nonces.get(str(form["nonce"]), (0.0, None))
    return message if message is not None and world.clock() - at < NONCE_SECONDS else None


def _replied(world: World, channel: Channel, reference: Json | None) -> Message | None:
    if not reference or reference.get("message_id") is None:
        return None
    if reference.get("type", 0) != 0:
        raise invalid(("message_reference.type", "BASE_TYPE_CHOICES", "The simulator forwards nothing."))
    where = reference.get("channel_id")
    if where is not None and snowflake(where, "message_reference.channel_id") != channel.id:
        code = "MESSAGE_REFERENCE_CHANNEL_MISMATCH"
        raise invalid(("message_reference", code, "Cannot reply to a message in a different channel"))
    if channel.guild is not None:
        if not permissions_in(channel, world.bot.user) & Permission.READ_MESSAGE_HISTORY:
            raise bad(160002, "Cannot reply without permission to read message history")
    message = channel.log.get(snowflake(reference["message_id"], "message_reference.message_id"))
    if message is None or message.deleted or message.only_for is not None:
        if not reference.get("fail_if_not_exists", True):
            return None
        refusal = invalid(("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message"))
        refusal.blame = message is None
        raise refusal
    if message.service:
        code = "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE"
        raise invalid(("message_reference", code, "Cannot reply to a system message"))
    return message


def edit_message(world: World, asked: Asked) -> Json:
    channel = channel_at(world, asked)
    message = message_at(world, asked, channel)
    if message.author is not world.bot.user:
        raise bad(50005, "Cannot edit a message authored by another user")
    if channel.thread is not None and channel.thread.archived:
        raise bad(50083, "Thread is archived")
    change_message(world, asked, message, asked.form)
    return shown(world, message)


def change_message(world: World, asked: Asked, message: Message, form: Json) -> None:
    body = changed_body(world, asked, form, message)
    kept = message.flags & (HAS_THREAD | 1 << 6)
    if "flags" in form:
        message.flags = int(form["flags"] or 0) & SENDABLE_FLAGS | kept
    message.flags &= ~LOADING
    allowed = allowed_mentions(form) if form.get("allowed_mentions") else Allowed()
    world.rewrite(message, body, allowed=allowed)


def delete_message(world: World, asked: Asked) -> None:
    channel = channel_at(world, asked)
    message = message_at(world, asked, channel)
    may = permissions_in(channel, world.bot.user)
    if message.author is not world.bot.user and (
        channel.guild is None or not may & Permission.MANAGE_MESSAGES
    ):
        raise missing_permissions()
    world.erase(message)


def get_message(world: World, asked: Asked) -> Json:
    channel = channel_at(world, asked)
    need(world, channel, Permission.READ_MESSAGE_HISTORY)
    return read_again(world, message_at(world, asked, channel))


def get_messages(world: World, asked: Asked) -> list[Json]:
    channel = channel_at(world, asked)
    limit = int(asked.query.get("limit", 50))
    if limit < 1:
        message = "int value should be greater than or equal to 1."
        raise invalid(("limit", "NUMBER_TYPE_MIN", message))
    if limit > 100:
        raise invalid(("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100."))
    if not permissions_in(channel, world.bot.user) & Permission.READ_MESSAGE_HISTORY:
        return []
    page = _page(channel.messages, limit, *(optional_id(asked, k) for k in ("before", "after", "around")))
    return [read_again(world, m) for m in reversed(page)]


def _page(
    messages: list[Message], limit: int, before: int | None, after: int | None, around: int | None
) -> list[Message]:
    messages = sorted(messages, key=lambda m: m.id)
    if around is not None:
        half = limit // 2
        older = [m for m in messages if m.id < around][-half:] if half else []
        return older + [m for m in messages if m.id >= around][: limit - len(older)]
    if before is not None:
        return [m for m in messages if m.id < before][-limit:]
    if after is not None:
        return [m for m in messages if m.id > after][:limit]
    return messages[-limit:]


def typing(world: World, asked: Asked) -> None:
    channel = channel_at(world, asked)
    need_to_write(world, channel)
    world.type(channel, world.bot.user)


def add_reaction(world: World, asked: Asked) -> None:
    channel = channel_at(world, asked)
    message, emoji = message_at(world, asked, channel), _emoji(asked)
    _thread_open(channel)
    need(world, channel, Permission.READ_MESSAGE_HISTORY)
    if not message.reactions.get(emoji):
        need(world, channel, Permission.ADD_REACTIONS)
    world.react(message, world.bot.user, emoji, on=True)


def remove_own_reaction(world: World, asked: Asked) -> None:
    channel = channel_at(world, asked)
    message = message_at(world, asked, channel)
    _thread_open(channel)
    world.react(message, world.bot.user, _emoji(asked), on=False)


def remove_reaction(world: World, asked: Asked) -> None:
    channel = channel_at(world, asked)
    message, user = message_at(world, asked, channel), world.users.get(asked.id("member_id"))
    if user is not world.bot.user:
        need(world, channel, Permission.MANAGE_MESSAGES)
    if user is None:
        raise unknown("User")
    world.react(message, user, _emoji(asked), on=False)


def _emoji(asked: Asked) -> str:
    """A character, or name:id. What is written with letters alone is none."""
    emoji = asked.ids["emoji"]
    if emoji.isascii() and ":" not in emoji:
        raise unknown("Emoji")
    return emoji


def _thread_open(channel: Channel) -> None:
    if channel.thread is not None and channel.thread.archived:
        raise bad(50083, "Thread is archived")


def open_private(world: World, asked: Asked) -> Json:
    user = world.users.get(snowflake(asked.form.get("recipient_id"), "recipient_id"))
    if user is None or user.is_bot:
        raise bad(50033, "Invalid Recipient(s)")
    return world.private(world.bot.user, user).json(world.bot.user)


def get_channel(world: World, asked: Asked) -> Any:
    return visible_channel(world, asked.id("channel_id")).json(world.bot.user)


_CHANNEL = "/channels/{channel_id}"
_MESSAGE = f"{_CHANNEL}/messages/{{message_id}}"
ROUTES = [
    Route("GET", _CHANNEL, get_channel),
    Route("POST", f"{_CHANNEL}/messages", create_message, "messages"),
    Route("GET", f"{_CHANNEL}/messages", get_messages, "history"),
    Route("GET", _MESSAGE, get_message, "history"),
    Route("PATCH", _MESSAGE, edit_message, "edits"),
    Route("DELETE", _MESSAGE, delete_message, "deletes"),
    Route("POST", f"{_CHANNEL}/typing", typing, "typing"),
    Route("PUT", f"{_MESSAGE}/reactions/{{emoji}}/@me", add_reaction, "reactions"),
    Route("DELETE", f"{_MESSAGE}/reactions/{{emoji}}/@me", remove_own_reaction, "reactions"),
    Route("DELETE", f"{_MESSAGE}/reactions/{{emoji}}/{{member_id}}", remove_reaction, "reactions"),
    Route("POST", "/users/@me/channels", open_private, "channels"),
]
