"""Who may do what where, computed as Discord does."""

from __future__ import annotations

from enum import IntFlag

from tests.simulators.discord.model import Channel, Guild, User


class Permission(IntFlag):
    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CHANGE_NICKNAME = 1 << 26
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EXTERNAL_APPS = 1 << 50


NOTHING = Permission(0)
ALL = Permission((1 << 51) - 1)
USUAL = (
    Permission.CREATE_INSTANT_INVITE
    | Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.MENTION_EVERYONE
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.CHANGE_NICKNAME
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_PRIVATE_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.USE_EXTERNAL_APPS
)
IN_PRIVATE = (
    USUAL & ~(Permission.CREATE_PUBLIC_THREADS | Permission.CREATE_PRIVATE_THREADS)
) & ~Permission.SEND_MESSAGES_IN_THREADS


def granted(guild: Guild, user: User) -> Permission:
    """By the roles of a member, before any channel's overwrites."""
    member = guild.members.get(user.id)
    if member is None:
        return Permission(0)
    if guild.owner_id == user.id:
        return ALL
    total = guild.roles[guild.id].permissions
    for role in member.roles:
        total |= guild.roles[role].permissions
    return ALL if total & Permission.ADMINISTRATOR else Permission(total)


def permissions_in(channel: Channel, user: User) -> Permission:
    """What somebody may do in a channel; threads take after the channel they are in."""
    guild = channel.guild
    if guild is None:
        return IN_PRIVATE if user in channel.people else Permission(0)
    may = granted(guild, user)
    if may == ALL or user.id not in guild.members:
        return may
    may = _overwritten(channel.parent or channel, guild, user, may)
    if not may & Permission.VIEW_CHANNEL or not _in_thread(channel, user, may):
        return Permission(0)
    return may


def may_send(channel: Channel, may: Permission) -> bool:
    needed = Permission.SEND_MESSAGES_IN_THREADS if channel.thread else Permission.SEND_MESSAGES
    return bool(may & needed)


def _overwritten(channel: Channel, guild: Guild, user: User, may: Permission) -> Permission:
    everyone = channel.overwrites.get(guild.id)
    if everyone:
        may = may & ~everyone.deny | everyone.allow
    allow = deny = 0
    for role in guild.members[user.id].roles:
        if overwrite := channel.overwrites.get(role):
            allow, deny = allow | overwrite.allow, deny | overwrite.deny
    may = may & ~deny | allow
    if own := channel.overwrites.get(user.id):
        may = may & ~own.deny | own.allow
    return Permission(may)


def _in_thread(channel: Channel, user: User, may: Permission) -> bool:
    """Private threads are for their members, and for those who manage threads."""
    if channel.thread is None or channel.type != 12:
        return True
    return user.id in channel.thread.members or bool(may & Permission.MANAGE_THREADS)
