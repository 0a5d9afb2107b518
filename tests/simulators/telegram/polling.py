"""getMe, getUpdates, and leaving."""

from __future__ import annotations

from typing import Any

from tests.simulators.telegram.methods import Method, method
from tests.simulators.telegram.parameters import Args
from tests.simulators.telegram.refusals import bad
from tests.simulators.telegram.world import World

LONGEST_POLL = 50


def get_me(world: World, args: Args) -> dict[str, Any]:
    bot = world.bot
    return bot.user.json() | {
        "can_join_groups": True,
        "can_read_all_group_messages": bot.reads_all,
        "supports_inline_queries": bot.inline,
        "can_connect_to_business": bot.business,
        "has_main_web_app": False,
        "has_topics_enabled": bot.topics,
        "allows_users_to_create_topics": bot.topics,
        "can_manage_bots": False,
    }


async def get_updates(world: World, args: Args) -> list[dict[str, Any]]:
    allow(world, args)
    limit = args.bounded("limit", 100, 1, 100)
    timeout = args.bounded("timeout", 0, 0, LONGEST_POLL)
    return await world.updates.poll(args.integer("offset"), limit, timeout)


def allow(world: World, args: Args) -> None:
    """Remember which kinds of updates the bot wants; those it has not named stay as they were."""
    allowed = args.json("allowed_updates", "allowed_updates")
    if allowed is None:
        return
    if not isinstance(allowed, list):
        raise bad("can't parse allowed_updates: array expected")
    world.updates.allowed = {str(kind) for kind in allowed}


METHODS: tuple[Method, ...] = (
    method("getMe", get_me),
    method("getUpdates", get_updates, "offset limit timeout allowed_updates"),
)
