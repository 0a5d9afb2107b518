"""Which events a bot subscribes to with its intents."""

from __future__ import annotations

GUILDS, GUILD_MEMBERS, PRESENCES = 1 << 0, 1 << 1, 1 << 8
GUILD_MESSAGES, GUILD_REACTIONS, GUILD_TYPING = 1 << 9, 1 << 10, 1 << 11
DIRECT_MESSAGES, DIRECT_REACTIONS, DIRECT_TYPING = 1 << 12, 1 << 13, 1 << 14
MESSAGE_CONTENT = 1 << 15
KNOWN = 0x1FFFF | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25
PRIVILEGED = {"members": GUILD_MEMBERS, "presences": PRESENCES, "content": MESSAGE_CONTENT}
LIMITED_FLAGS = {"presences": 1 << 13, "members": 1 << 15, "content": 1 << 19}

_EVENTS: dict[str, int | tuple[int, int]] = {
    **dict.fromkeys(
        ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"), (GUILD_MESSAGES, DIRECT_MESSAGES)
    ),
    "MESSAGE_DELETE_BULK": GUILD_MESSAGES,
    **dict.fromkeys(
        ("MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE", "MESSAGE_REACTION_REMOVE_ALL"),
        (GUILD_REACTIONS, DIRECT_REACTIONS),
    ),
    "TYPING_START": (GUILD_TYPING, DIRECT_TYPING),
    **dict.fromkeys(("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"), GUILDS),
    **dict.fromkeys(("GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE"), GUILDS),
    **dict.fromkeys(("CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"), GUILDS),
    **dict.fromkeys(("THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE", "THREAD_LIST_SYNC"), GUILDS),
    **dict.fromkeys(("THREAD_MEMBER_UPDATE", "THREAD_MEMBERS_UPDATE"), GUILDS),
    **dict.fromkeys(("GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE"), GUILD_MEMBERS),
    **dict.fromkeys(("INTERACTION_CREATE", "GUILD_MEMBERS_CHUNK", "READY", "RESUMED", "USER_UPDATE"), 0),
}


def wanted(event: str, intents: int, *, private: bool) -> bool:
    """Whether somebody with these intents is told of an event, in private channels or in guilds."""
    needed = _EVENTS[event]
    if isinstance(needed, tuple):
        needed = needed[private]
    return not needed or bool(intents & needed)
