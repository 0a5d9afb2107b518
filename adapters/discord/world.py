"""What is known of guilds, as far as events need it. Nothing here calls Discord."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

ADMINISTRATOR, MANAGE_CHANNELS, MANAGE_GUILD, MANAGE_THREADS = 1 << 3, 1 << 4, 1 << 5, 1 << 34
"""Permissions: all of them, of whoever runs a channel, a guild, and what is said in a channel's threads."""

_EPOCH = 1_420_070_400.0


@dataclass(frozen=True, slots=True)
class Me:
    """The bot itself, as Discord tells."""

    id: str
    name: str
    application: str = ""


def moment(snowflake: str) -> float:
    """When something with this id came to be, in Unix seconds."""
    return (int(snowflake) >> 22) / 1000 + _EPOCH


class World(Protocol):
    """Names and rights by id; an unknown id is "" or False. `guild` is "" outside of guilds."""

    def guild(self, guild: str) -> str:
        """A guild's name."""
        ...

    def channel(self, guild: str, channel: str) -> str:
        """A channel's or thread's name."""
        ...

    def role(self, guild: str, role: str) -> str:
        """A role's name."""
        ...

    def rights(self, guild: str, channel: str, user: str, roles: tuple[str, ...]) -> int:
        """What a member with these roles may do in the channel, as permissions."""
        ...

    def is_my_role(self, guild: str, role: str) -> bool:
        """Whether it is the role that the bot brought with it."""
        ...

    def parent(self, guild: str, channel: str) -> str:
        """The channel that a thread lies in; "" for what is no thread."""
        ...

    def author(self, guild: str, channel: str) -> str:
        """Who wrote the forum's post that this thread is; "" for what is none."""
        ...

    def is_my_thread(self, guild: str, channel: str) -> bool:
        """Whether it is a thread that the bot made or takes part in."""
        ...
