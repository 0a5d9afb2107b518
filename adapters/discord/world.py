"""What is known of guilds, as far as events need it. Nothing here calls Discord."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

ADMINISTRATOR, MANAGE_GUILD = 1 << 3, 1 << 5
"""Permissions of whoever runs a guild."""

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

    def channel(self, guild: str, channel: str) -> str:
        """A channel's or thread's name."""
        ...

    def role(self, guild: str, role: str) -> str:
        """A role's name."""
        ...

    def runs(self, guild: str, user: str, roles: tuple[str, ...]) -> bool:
        """Whether a member with these roles manages the guild."""
        ...

    def is_my_role(self, guild: str, role: str) -> bool:
        """Whether it is the role that the bot brought with it."""
        ...

    def parent(self, guild: str, channel: str) -> str:
        """The channel that a thread lies in; "" for what is no thread."""
        ...

    def is_my_thread(self, guild: str, channel: str) -> bool:
        """Whether it is a thread that the bot made or takes part in."""
        ...
