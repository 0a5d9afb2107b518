"""What every method of the bot's needs: its name, its parameters, and the chat it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.simulators.telegram.asked import Connection
from tests.simulators.telegram.chats import Chat, Message, Topic
from tests.simulators.telegram.parameters import Args
from tests.simulators.telegram.refusals import bad, forbidden
from tests.simulators.telegram.world import World

Access = Literal["read", "edit", "write"]
Handler = Callable[[World, Args], Any]


@dataclass(frozen=True, slots=True)
class Noted:
    """A result that the server adds a remark to."""

    result: Any
    description: str


@dataclass(frozen=True, slots=True)
class Method:
    """`handle` gives the result or an awaitable of it. Parameters that are not named are refused."""

    name: str
    handle: Handler
    parameters: frozenset[str]


def method(name: str, handle: Handler, parameters: str = "") -> Method:
    return Method(name, handle, frozenset(parameters.split()))


def find_chat(world: World, args: Args, *, access: Access = "write", name: str = "chat_id") -> Chat:
    """The chat of a call, where the bot may do this in it."""
    given = args.text(name)
    if not given:
        raise bad(f"{name} is empty")
    if given.startswith("@"):
        known = (c for c in world.chats.values() if c.username.lower() == given[1:].lower() and c.username)
        chat = next(known, None)
    else:
        chat = world.chats.get(args.integer(name))
    if chat is None or (chat.type == "private" and not _knows(world, chat)):
        raise bad("chat not found")
    check_access(world, chat, access)
    return chat


def find_connection(world: World, args: Args) -> Connection | None:
    """The business connection that a call is made through, if any."""
    given = args.text("business_connection_id")
    if given and given not in world.connections:
        raise bad("business connection not found")
    return world.connections.get(given)


def _knows(world: World, chat: Chat) -> bool:
    """The bot has met this person somewhere."""
    assert chat.user is not None
    shared = (c for c in world.chats.values() if c.type != "private")
    return chat.met or any(world.member(c, chat.user).inside for c in shared)


def check_access(world: World, chat: Chat, access: Access) -> None:
    if chat.type == "private":
        if access != "read":
            _check_private(chat)
        return
    member = world.member(chat, world.bot.user)
    if chat.type == "group":
        _check_group(chat, member.status, access)
        return
    kind = chat.type
    if member.status == "kicked":
        raise forbidden(f"bot was kicked from the {kind} chat")
    if not member.inside and (access != "read" or not chat.username):
        raise forbidden(f"bot is not a member of the {kind} chat")


def _check_private(chat: Chat) -> None:
    if chat.blocked:
        raise forbidden("bot was blocked by the user")
    if not chat.met:
        raise forbidden("bot can't initiate conversation with a user")


def _check_group(chat: Chat, status: str, access: Access) -> None:
    if chat.migrated_to:
        if access == "write":
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
        return
    if access == "read":
        return
    if status == "kicked":
        raise forbidden("bot was kicked from the group chat")
    if status == "left":
        raise forbidden("bot is not a member of the group chat")


def find_topic(chat: Chat, args: Args) -> Topic | None:
    """The topic a message goes to; None for none, or the general one."""
    thread = args.integer("message_thread_id")
    if not thread:
        return None
    if not (chat.forum or chat.type == "private"):
        return None
    topic = chat.topics.get(thread)
    if topic is None or topic.deleted:
        raise bad("message thread not found")
    return topic


def find_message(world: World, chat: Chat, message_id: int, what: str = "message to edit") -> Message:
    message = chat.log.get(message_id)
    if message is None or message.deleted:
        raise bad(f"{what} not found")
    return message


def may_send(world: World, chat: Chat, right: str, what: str) -> None:
    """Whether the chat lets the bot send things of this kind."""
    if chat.type == "private" or chat.connection:
        return
    member = world.member(chat, world.bot.user)
    if chat.type == "channel":
        if not (member.administers and "can_post_messages" in member.rights):
            raise bad("need administrator rights in the channel chat")
        return
    if member.administers:
        return
    allowed = member.rights if member.status == "restricted" else chat.permissions
    if right not in allowed:
        raise bad(f"not enough rights to send {what} to the chat")
