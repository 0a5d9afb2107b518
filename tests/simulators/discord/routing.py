"""Routes, and finding what they name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulators.discord.forms import Asked, snowflake
from tests.simulators.discord.messages import Message
from tests.simulators.discord.model import Channel, Guild, User
from tests.simulators.discord.permissions import Permission, granted, may_send, permissions_in
from tests.simulators.discord.refusals import (
    bad,
    cannot_send,
    missing_access,
    missing_permissions,
    unknown,
)
from tests.simulators.discord.world import World

Handler = Callable[[World, Asked], Any]
MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token")


@dataclass(frozen=True, slots=True)
class Created:
    """An answer with 201."""

    body: Any


class Route:
    """`template` is spelt as in the library. `rate`: the field of `RateLimits` that it is under, if any.
    `token`: whether the bot's own is needed; without it, it is not under the limit over all either."""

    def __init__(
        self, method: str, template: str, handle: Handler, rate: str = "other", *, token: bool = True
    ) -> None:
        self.method, self.template, self.handle = method, template, handle
        self.rate, self.token = rate, token
        self.pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template) + "$")

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    def major(self, ids: dict[str, str]) -> str:
        """What its limits are counted apart for."""
        return "+".join(ids[k] for k in MAJOR if k in ids)


def channel_at(world: World, asked: Asked) -> Channel:
    """The channel that the path names, which the bot may see."""
    return visible_channel(world, asked.id("channel_id"))


def visible_channel(world: World, number: int) -> Channel:
    channel = world.channels.get(number)
    if channel is None:
        raise unknown("Channel", gone=number in world.gone)
    if channel.guild is not None and world.bot.user.id not in channel.guild.members:
        raise missing_access()
    if not permissions_in(channel, world.bot.user) & Permission.VIEW_CHANNEL:
        raise missing_access()
    return channel


def message_at(world: World, asked: Asked, channel: Channel) -> Message:
    """The message that the path names, which everybody in the channel sees."""
    message = channel.log.get(asked.id("message_id"))
    if message is None or message.deleted or message.only_for is not None:
        raise unknown("Message", gone=message is not None and message.deleted)
    return message


def guild_at(world: World, asked: Asked) -> Guild:
    guild = world.guilds.get(asked.id("guild_id"))
    if guild is None:
        raise unknown("Guild")
    if world.bot.user.id not in guild.members:
        raise missing_access()
    return guild


def need(world: World, channel: Channel, *permissions: Permission) -> None:
    """The bot may do this there, or is refused."""
    may = permissions_in(channel, world.bot.user)
    if any(not may & p for p in permissions):
        raise missing_permissions()


def need_in_guild(world: World, guild: Guild, permission: Permission) -> None:
    if not granted(guild, world.bot.user) & permission:
        raise missing_permissions()


def need_to_write(world: World, channel: Channel, *, files: bool = False) -> None:
    """The bot may write there, with files or without; private channels take what their person lets in."""
    if channel.guild is None:
        if any(not reachable(world, u) for u in channel.people if u is not world.bot.user):
            raise cannot_send()
        return
    may = permissions_in(channel, world.bot.user)
    if not may_send(channel, may) or (files and not may & Permission.ATTACH_FILES):
        raise missing_permissions()
    thread = channel.thread
    if thread is not None and thread.locked and not may & Permission.MANAGE_THREADS:
        raise bad(160005, "Thread is locked")


def reachable(world: World, user: User) -> bool:
    """Whether the bot may write to somebody: they have something to do with it, and have not blocked it."""
    if user.blocked or user.id not in world.strangers:
        return not user.blocked
    bot = world.bot.user.id
    shared = any(bot in g.members and user.id in g.members for g in world.guilds.values())
    return shared or user.id in world.installed


def optional_id(asked: Asked, name: str) -> int | None:
    value = asked.query.get(name)
    return None if value is None else snowflake(value, name)
