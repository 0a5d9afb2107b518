"""The bot's account and application, the gateway's address, and the application's commands."""

from __future__ import annotations

from tests.simulators.discord.forms import Asked
from tests.simulators.discord.intents import LIMITED_FLAGS
from tests.simulators.discord.model import Json
from tests.simulators.discord.refusals import invalid, missing_access
from tests.simulators.discord.routing import Created, Route
from tests.simulators.discord.world import World


def me(world: World, asked: Asked) -> Json:
    return world.bot.user.json() | {"verified": True, "mfa_enabled": True, "locale": "en-US", "email": None}


def application(world: World, asked: Asked) -> Json:
    bot = world.bot
    flags = sum(bit for name, bit in LIMITED_FLAGS.items() if name in bot.privileged)
    shown: Json = {"id": str(bot.user.id), "name": bot.user.name, "icon": None, "description": ""}
    shown |= {"summary": "", "verify_key": "0" * 64, "flags": flags, "owner": bot.owner.json(), "team": None}
    shown |= {"bot_public": True, "bot_require_code_grant": False, "interactions_endpoint_url": None}
    shown |= {"integration_types_config": {"0": {}, "1": {}}, "approximate_user_install_count": 0}
    shown |= {"approximate_guild_count": len(world.guilds), "redirect_uris": [], "tags": []}
    shown |= {"hook": True, "bot": bot.user.json(), "role_connections_verification_url": None}
    return shown | bot.page


def gateway(world: World, asked: Asked) -> Json:
    return {"url": world.root.replace("http", "ws", 1) + "/gateway"}


def gateway_bot(world: World, asked: Asked) -> Json:
    rules = world.gateway.rules
    told: Json = {"shards": rules.shards, "session_start_limit": world.gateway.start_limit()}
    return gateway(world, asked) | told


def my_guilds(world: World, asked: Asked) -> list[Json]:
    mine = [g for g in world.guilds.values() if world.bot.user.id in g.members]
    return [{"id": str(g.id), "name": g.name, "icon": None, "owner": False, "features": []} for g in mine]


# commands


def _scope(world: World, asked: Asked) -> int:
    """0 for everywhere, or the guild that the path names."""
    if asked.id("application_id") != world.bot.user.id:
        raise missing_access()
    if "guild_id" not in asked.ids:
        return 0
    number = asked.id("guild_id")
    guild = world.guilds.get(number)
    if guild is None or world.bot.user.id not in guild.members:
        raise missing_access()
    return number


def list_commands(world: World, asked: Asked) -> list[Json]:
    return world.commands.all(_scope(world, asked))


def get_command(world: World, asked: Asked) -> Json:
    return world.commands.get(_scope(world, asked), asked.id("command_id"))


def put_command(world: World, asked: Asked) -> Json | Created:
    command, new = world.commands.put(_scope(world, asked), asked.form)
    return Created(command) if new else command


def replace_commands(world: World, asked: Asked) -> list[Json]:
    if not isinstance(asked.body, list):
        raise invalid(("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"))
    return world.commands.replace(_scope(world, asked), asked.body)


def edit_command(world: World, asked: Asked) -> Json:
    return world.commands.edit(_scope(world, asked), asked.id("command_id"), asked.form)


def delete_command(world: World, asked: Asked) -> None:
    world.commands.delete(_scope(world, asked), asked.id("command_id"))


ROUTES = [
    Route("GET", "/users/@me", me),
    Route("GET", "/users/@me/guilds", my_guilds),
    Route("GET", "/applications/@me", application),
    Route("GET", "/oauth2/applications/@me", application),
    Route("GET", "/gateway", gateway, token=False),
    Route("GET", "/gateway/bot", gateway_bot),
]
for _place in (
    "/applications/{application_id}/commands",
    "/applications/{application_id}/guilds/{guild_id}/commands",
):
    ROUTES += [
        Route("GET", _place, list_commands, "commands"),
        Route("PUT", _place, replace_commands, "commands"),
        Route("POST", _place, put_command, "commands"),
        Route("GET", f"{_place}/{{command_id}}", get_command, "commands"),
        Route("PATCH", f"{_place}/{{command_id}}", edit_command, "commands"),
        Route("DELETE", f"{_place}/{{command_id}}", delete_command, "commands"),
    ]
