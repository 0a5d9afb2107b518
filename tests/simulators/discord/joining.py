"""What a bot is told of the guilds it is in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulators.discord.intents import GUILD_MEMBERS
from tests.simulators.discord.model import Guild, Json

if TYPE_CHECKING:
    from tests.simulators.discord.world import World


def guild_create_json(world: World, guild: Guild, intents: int) -> Json:
    """All of a guild that the bot may see; of its members only itself, unless it may know them all.
    Guilds that the bot was in before it came are marked as available besides."""
    bot = world.bot.user
    knows = [m for m in guild.members.values() if intents & GUILD_MEMBERS or m.user is bot]
    shown = guild.json() | {"joined_at": guild.members[bot.id].joined_at, "large": False}
    shown |= {"member_count": len(guild.members), "members": [m.json() for m in knows]}
    shown["channels"] = [c.json(bot) for c in guild.channels.values()]
    active = [t for t in guild.threads.values() if t.thread and not t.thread.archived and world.sees(t)]
    shown["threads"] = [t.json(bot) for t in active]
    empty = ("presences", "voice_states", "stage_instances", "guild_scheduled_events", "soundboard_sounds")
    return shown | {name: [] for name in empty}


def members_chunks(world: World, given: Json, intents: int) -> Iterator[Json]:
    """Answers to a request for members: all of them only with the privileged intent."""
    guild = world.guilds.get(int(given.get("guild_id", 0)))
    if guild is None or world.bot.user.id not in guild.members:
        return
    ids = given.get("user_ids", [])
    wanted = {int(i) for i in (ids if isinstance(ids, list) else [ids])}
    query, limit = given.get("query"), int(given.get("limit", 0))
    if query == "" and not limit and not intents & GUILD_MEMBERS:
        return
    found = [
        m
        for m in guild.members.values()
        if m.user.id in wanted or (query is not None and m.user.username.startswith(query.lower()))
    ]
    found = found[: limit or None]
    pages = [found[i : i + 1000] for i in range(0, len(found), 1000)] or [[]]
    missing = sorted(wanted - {m.user.id for m in found})
    for number, page in enumerate(pages):
        shown: Json = {"guild_id": str(guild.id), "members": [m.json() for m in page], "chunk_index": number}
        shown |= {"chunk_count": len(pages), "not_found": [str(i) for i in missing]}
        yield shown | ({"nonce": given["nonce"]} if "nonce" in given else {})
