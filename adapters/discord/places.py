"""Guilds as the library keeps them: their channels, roles, and the bot's place in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_

from adapters.discord.library import discord
from adapters.discord.world import ADMINISTRATOR


class Places:
    """`world.World` over the client's cache. Raises ValueError for what is no id."""

    def __init__(self, client: discord.Client, me: str) -> None:
        self._client = client
        self._me = int(me)

    def guild(self, guild: str) -> str:
        found = self._guild(guild)
        return found.name if found is not None else ""

    def channel(self, guild: str, channel: str) -> str:
        found = self._channel(guild, channel)
        return found.name if found is not None else ""

    def role(self, guild: str, role: str) -> str:
        found = self._role(guild, role)
        return found.name if found is not None else ""

    def rights(self, guild: str, channel: str, user: str, roles: tuple[str, ...]) -> int:
        """https://discord.com/developers/docs/topics/permissions#permission-overwrites"""
        home, found = self._guild(guild), self._channel(guild, channel)
        if home is None:
            return 0
        if home.owner_id == int(user):
            return discord.Permissions.all().value
        own = filter(None, (self._role(guild, role) for role in (guild, *roles)))
        rights = reduce(or_, (role.permissions.value for role in own), 0)
        place = found.parent if isinstance(found, discord.Thread) else found
        if rights & ADMINISTRATOR or place is None:
            return rights
        overwrites = {whom.id: given.pair() for whom, given in place.overwrites.items()}
        for step in ((guild,), roles, (user,)):
            pairs = [overwrites[int(whom)] for whom in step if int(whom) in overwrites]
            rights &= ~reduce(or_, (deny.value for _, deny in pairs), 0)
            rights |= reduce(or_, (allow.value for allow, _ in pairs), 0)
        return rights

    def is_my_role(self, guild: str, role: str) -> bool:
        found = self._role(guild, role)
        return found is not None and found.tags is not None and found.tags.bot_id == self._me

    def parent(self, guild: str, channel: str) -> str:
        found = self._channel(guild, channel)
        return str(found.parent_id) if isinstance(found, discord.Thread) else ""

    def threads(self, guild: str, channel: str) -> Iterator[str]:
        """The threads that lie in a channel."""
        home = self._guild(guild)
        for thread in home.threads if home is not None else ():
            if thread.parent_id == int(channel):
                yield str(thread.id)

    def author(self, guild: str, channel: str) -> str:
        found = self._channel(guild, channel)
        if isinstance(found, discord.Thread) and isinstance(found.parent, discord.ForumChannel):
            return str(found.owner_id)
        return ""

    def is_my_thread(self, guild: str, channel: str) -> bool:
        found = self._channel(guild, channel)
        return isinstance(found, discord.Thread) and (found.owner_id == self._me or found.me is not None)

    def is_plain(self, guild: str, channel: str) -> bool:
        """Whether it is a text channel, in which threads can be made of messages."""
        return isinstance(self._channel(guild, channel), discord.TextChannel)

    def readable(self, guild: str) -> Iterator[tuple[str, int]]:
        """(channel, newest message in it) of all that the bot may read; 0 where nothing was said."""
        home = self._guild(guild)
        if home is None:
            return
        for channel in (*home.channels, *home.threads):
            if isinstance(channel, discord.CategoryChannel | discord.ForumChannel):
                continue
            if _may_read(home, channel):
                yield str(channel.id), channel.last_message_id or 0

    def _guild(self, guild: str) -> discord.Guild | None:
        return self._client.get_guild(int(guild)) if guild else None

    def _channel(self, guild: str, channel: str) -> discord.abc.GuildChannel | discord.Thread | None:
        home = self._guild(guild)
        return home.get_channel_or_thread(int(channel)) if home is not None else None

    def _role(self, guild: str, role: str) -> discord.Role | None:
        home = self._guild(guild)
        return home.get_role(int(role)) if home is not None else None


def _may_read(guild: discord.Guild, channel: discord.abc.GuildChannel | discord.Thread) -> bool:
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return False
    rights = channel.permissions_for(guild.me)
    return rights.view_channel and rights.read_message_history
