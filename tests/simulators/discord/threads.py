"""Threads come to be, are joined and closed, whoever does it."""

from __future__ import annotations

from tests.simulators.discord.messages import HAS_THREAD, STARTER, THREAD_CREATED, Body, Message
from tests.simulators.discord.model import (
    FORUM,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    Channel,
    Json,
    Thread,
    User,
    thread_member_json,
)
from tests.simulators.discord.world import World


def begin_thread(
    world: World,
    parent: Channel,
    owner: User,
    name: str,
    *,
    kind: int = PUBLIC_THREAD,
    message: Message | None = None,
    auto_archive: int = 1440,
    invitable: bool = True,
    tags: tuple[int, ...] = (),
) -> Channel:
    """A thread, from a message or without; in a forum the message is still to be written into it."""
    thread = Thread(
        owner.id, world.now_iso(), auto_archive=auto_archive, invitable=invitable, tags=list(tags)
    )
    thread.starter = message
    thread.members[owner.id] = world.now_iso()
    number = message.id if message is not None else world.snowflake()
    channel = Channel(number, kind, name, guild=parent.guild, parent=parent, thread=thread)
    world.add_channel(channel)
    world.tell("THREAD_CREATE", channel.json(world.bot.user) | {"newly_created": True}, channel=channel)
    if message is not None:
        message.thread, message.flags = channel, message.flags | HAS_THREAD
        world.tell_message("MESSAGE_UPDATE", message)
        world.write(channel, message.author, Body(), reply_to=message, type=STARTER)
    elif kind == PUBLIC_THREAD and parent.type != FORUM:
        world.write(parent, owner, Body(name), type=THREAD_CREATED, thread=channel)
    return channel


def join(world: World, channel: Channel, user: User) -> None:
    """Somebody comes into a thread; whoever writes there does so by that."""
    if channel.thread is None or user.id in channel.thread.members:
        return
    channel.thread.members[user.id] = world.now_iso()
    bot = world.bot.user
    if user is bot and channel.type == PRIVATE_THREAD:
        world.tell("THREAD_CREATE", channel.json(bot), channel=channel)
    added: Json = {"id": str(channel.id), "member_count": len(channel.thread.members)}
    added["added_members"] = [thread_member_json(channel, user.id)]
    world.tell("THREAD_MEMBERS_UPDATE", added, channel=channel)


def leave(world: World, channel: Channel, user: User) -> None:
    if channel.thread is None or user.id not in channel.thread.members:
        return
    gone: Json = {"id": str(channel.id), "member_count": len(channel.thread.members) - 1}
    gone["removed_member_ids"] = [str(user.id)]
    world.tell("THREAD_MEMBERS_UPDATE", gone, channel=channel)
    del channel.thread.members[user.id]


def change_thread(
    world: World,
    channel: Channel,
    *,
    archived: bool | None = None,
    locked: bool | None = None,
    name: str = "",
) -> None:
    thread = channel.thread
    assert thread is not None
    thread.archived = thread.archived if archived is None else archived
    thread.locked = thread.locked if locked is None else locked
    channel.name = name or channel.name
    world.tell("THREAD_UPDATE", channel.json(world.bot.user), channel=channel)


def unarchive(world: World, channel: Channel) -> None:
    """Writing into a thread that went to the archive brings it back."""
    if channel.thread is not None and channel.thread.archived:
        change_thread(world, channel, archived=False)
