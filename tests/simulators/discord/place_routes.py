"""Threads, forum posts, guilds, members and roles."""

from __future__ import annotations

from tests.simulators.discord.forms import Asked, allowed_mentions, new_body, snowflake
from tests.simulators.discord.message_routes import SENDABLE_FLAGS, shown
from tests.simulators.discord.model import (
    FORUM,
    NEWS,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    Channel,
    Json,
    User,
)
from tests.simulators.discord.permissions import Permission, permissions_in
from tests.simulators.discord.refusals import bad, invalid, missing_permissions, unknown
from tests.simulators.discord.routing import (
    Created,
    Route,
    channel_at,
    guild_at,
    message_at,
    need,
    need_in_guild,
    need_to_write,
)
from tests.simulators.discord.threads import begin_thread, change_thread, join, leave
from tests.simulators.discord.world import World

MOST_TAGS = 5
ARCHIVE_MINUTES = (60, 1440, 4320, 10080)


def thread_from_message(world: World, asked: Asked) -> Created:
    channel = channel_at(world, asked)
    message = message_at(world, asked, channel)
    _may_have_threads(channel)
    need(world, channel, Permission.CREATE_PUBLIC_THREADS, Permission.READ_MESSAGE_HISTORY)
    if message.thread is not None:
        raise bad(160004, "A thread has already been created for this message")
    name, minutes = _named(asked.form)
    bot = world.bot.user
    return Created(begin_thread(world, channel, bot, name, message=message, auto_archive=minutes).json(bot))


def thread_alone(world: World, asked: Asked) -> Created:
    """A thread without a message; in a forum, a post."""
    channel, form, bot = channel_at(world, asked), asked.form, world.bot.user
    if channel.type == FORUM:
        return Created(_post(world, asked, channel))
    _may_have_threads(channel)
    kind = int(form.get("type") or PRIVATE_THREAD)
    if kind not in (PUBLIC_THREAD, PRIVATE_THREAD):
        raise invalid(("type", "BASE_TYPE_CHOICES", "Value must be one of {10, 11, 12}."))
    public = kind == PUBLIC_THREAD
    need(world, channel, Permission.CREATE_PUBLIC_THREADS if public else Permission.CREATE_PRIVATE_THREADS)
    name, minutes = _named(form)
    invitable = bool(form.get("invitable", True))
    thread = begin_thread(world, channel, bot, name, kind=kind, auto_archive=minutes, invitable=invitable)
    return Created(thread.json(bot))


def _post(world: World, asked: Asked, forum: Channel) -> Json:
    form, bot = asked.form, world.bot.user
    need(world, forum, Permission.SEND_MESSAGES)
    name, minutes = _named(form)
    if not isinstance(form.get("message"), dict):
        raise invalid(("message", "BASE_TYPE_REQUIRED", "This field is required"))
    body = new_body(world, asked, form["message"], forum)
    tags = tuple(snowflake(t, "applied_tags") for t in form.get("applied_tags") or ())
    if set(tags) - {int(t["id"]) for t in forum.tags}:
        raise bad(10087, "Unknown tag")
    if forum.tag_required and not tags:
        raise bad(40067, "A tag is required to create a forum post in this channel")
    thread = begin_thread(world, forum, bot, name, auto_archive=minutes, tags=tags)
    flags = int(form["message"].get("flags") or 0) & SENDABLE_FLAGS
    allowed = allowed_mentions(form["message"])
    message = world.write(thread, bot, body, allowed=allowed, message_id=thread.id, flags=flags)
    return thread.json(bot) | {"message": shown(world, message)}


def _may_have_threads(channel: Channel) -> None:
    if channel.type not in (TEXT, NEWS):
        raise bad(50024, "Cannot execute action on this channel type")


def _named(form: Json) -> tuple[str, int]:
    name, minutes = str(form.get("name") or ""), int(form.get("auto_archive_duration") or 1440)
    if not name:
        raise invalid(("name", "BASE_TYPE_REQUIRED", "This field is required"))
    if len(name) > 100:
        raise invalid(("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."))
    if minutes not in ARCHIVE_MINUTES:
        message = "Value must be one of (60, 1440, 4320, 10080)."
        raise invalid(("auto_archive_duration", "BASE_TYPE_CHOICES", message))
    return name, minutes


def edit_channel(world: World, asked: Asked) -> Json:
    channel, form, bot = channel_at(world, asked), asked.form, world.bot.user
    thread = channel.thread
    if thread is None:
        need(world, channel, Permission.MANAGE_CHANNELS)
        channel.name = str(form.get("name") or channel.name)
        channel.topic = form.get("topic", channel.topic)
        world.tell("CHANNEL_UPDATE", channel.json(bot), channel=channel)
        return channel.json(bot)
    may = permissions_in(channel, bot)
    owns = thread.owner_id == bot.id and not thread.locked
    if not may & Permission.MANAGE_THREADS and (not owns or "locked" in form):
        raise missing_permissions()
    if thread.archived and form.get("archived") is not False:
        raise bad(50083, "Thread is archived")
    if "applied_tags" in form:
        thread.tags = _tags(channel, form["applied_tags"])
    archived, locked = form.get("archived"), form.get("locked")
    change_thread(world, channel, archived=archived, locked=locked, name=str(form.get("name") or ""))
    return channel.json(bot)


def _tags(post: Channel, given: Json) -> list[int]:
    tags = [snowflake(t, "applied_tags") for t in given]
    if (
        post.parent is None
        or post.parent.type != FORUM
        or set(tags) - {int(t["id"]) for t in post.parent.tags}
    ):
        raise bad(10087, "Unknown tag")
    if len(tags) > MOST_TAGS:
        raise invalid(("applied_tags", "BASE_TYPE_MAX_LENGTH", "Must be 5 or fewer in length."))
    return tags


def join_thread(world: World, asked: Asked) -> None:
    channel = _thread(world, asked)
    join(world, channel, world.bot.user)


def leave_thread(world: World, asked: Asked) -> None:
    leave(world, _thread(world, asked), world.bot.user)


def add_to_thread(world: World, asked: Asked) -> None:
    channel = _thread(world, asked)
    need_to_write(world, channel)
    join(world, channel, _user(world, asked))


def remove_from_thread(world: World, asked: Asked) -> None:
    channel = _thread(world, asked)
    need(world, channel, Permission.MANAGE_THREADS)
    leave(world, channel, _user(world, asked))


def _thread(world: World, asked: Asked) -> Channel:
    channel = channel_at(world, asked)
    if channel.thread is None:
        raise bad(50024, "Cannot execute action on this channel type")
    if channel.thread.archived:
        raise bad(50083, "Thread is archived")
    return channel


def _user(world: World, asked: Asked) -> User:
    user = world.users.get(asked.id("user_id"))
    if user is None:
        raise unknown("User")
    return user


def get_guild(world: World, asked: Asked) -> Json:
    guild = guild_at(world, asked)
    counted: Json = {}
    if asked.query.get("with_counts") in ("1", "true"):
        counted = {"approximate_member_count": len(guild.members), "approximate_presence_count": 1}
    return guild.json() | counted


def get_guild_channels(world: World, asked: Asked) -> list[Json]:
    return [c.json(world.bot.user) for c in guild_at(world, asked).channels.values()]


def active_threads(world: World, asked: Asked) -> Json:
    guild, bot = guild_at(world, asked), world.bot.user
    threads = [t for t in guild.threads.values() if t.thread and not t.thread.archived and world.sees(t)]
    mine = [t.json(bot)["member"] for t in threads if t.thread and bot.id in t.thread.members]
    return {"threads": [t.json(bot) for t in threads], "members": mine}


def archived_public(world: World, asked: Asked) -> Json:
    return _archived(world, asked, PUBLIC_THREAD)


def archived_private(world: World, asked: Asked) -> Json:
    need(world, channel_at(world, asked), Permission.MANAGE_THREADS)
    return _archived(world, asked, PRIVATE_THREAD)


def _archived(world: World, asked: Asked, kind: int) -> Json:
    channel, bot = channel_at(world, asked), world.bot.user
    need(world, channel, Permission.READ_MESSAGE_HISTORY)
    everything = channel.guild.threads.values() if channel.guild else ()
    threads = [
        t for t in everything if t.parent is channel and t.thread and t.thread.archived and t.type == kind
    ]
    threads.sort(key=lambda t: t.id, reverse=True)
    page = threads[: int(asked.query.get("limit", 50))]
    mine = [t.json(bot)["member"] for t in page if t.thread and bot.id in t.thread.members]
    return {"threads": [t.json(bot) for t in page], "members": mine, "has_more": len(page) < len(threads)}


def get_roles(world: World, asked: Asked) -> list[Json]:
    return [r.json() for r in guild_at(world, asked).roles.values()]


def get_member(world: World, asked: Asked) -> Json:
    member = guild_at(world, asked).members.get(asked.id("member_id"))
    if member is None:
        raise unknown("Member", gone=True)
    return member.json()


def get_members(world: World, asked: Asked) -> list[Json]:
    guild = guild_at(world, asked)
    if "members" not in world.bot.privileged:
        raise missing_permissions()
    after, limit = int(asked.query.get("after", 0)), int(asked.query.get("limit", 1))
    members = sorted((m for i, m in guild.members.items() if i > after), key=lambda m: m.user.id)
    return [m.json() for m in members[: min(limit, 1000)]]


def leave_guild(world: World, asked: Asked) -> None:
    guild = guild_at(world, asked)
    world.part(guild)


def get_user(world: World, asked: Asked) -> Json:
    return _user(world, asked).json()


def add_role(world: World, asked: Asked) -> None:
    _change_role(world, asked, on=True)


def remove_role(world: World, asked: Asked) -> None:
    _change_role(world, asked, on=False)


def _change_role(world: World, asked: Asked, *, on: bool) -> None:
    guild = guild_at(world, asked)
    need_in_guild(world, guild, Permission.MANAGE_ROLES)
    member, role = guild.members.get(asked.id("user_id")), asked.id("role_id")
    if member is None or role not in guild.roles:
        raise unknown("Role" if member else "Member")
    member.roles = [r for r in member.roles if r != role] + [role] * on
    world.tell("GUILD_MEMBER_UPDATE", member.json() | {"guild_id": str(guild.id)}, guild=guild)


_CHANNEL, _GUILD = "/channels/{channel_id}", "/guilds/{guild_id}"
_ROLE = f"{_GUILD}/members/{{user_id}}/roles/{{role_id}}"
ROUTES = [
    Route("PATCH", _CHANNEL, edit_channel, "channels"),
    Route("POST", f"{_CHANNEL}/messages/{{message_id}}/threads", thread_from_message, "threads"),
    Route("POST", f"{_CHANNEL}/threads", thread_alone, "threads"),
    Route("PUT", f"{_CHANNEL}/thread-members/@me", join_thread),
    Route("DELETE", f"{_CHANNEL}/thread-members/@me", leave_thread),
    Route("PUT", f"{_CHANNEL}/thread-members/{{user_id}}", add_to_thread),
    Route("DELETE", f"{_CHANNEL}/thread-members/{{user_id}}", remove_from_thread),
    Route("GET", f"{_CHANNEL}/threads/archived/public", archived_public),
    Route("GET", f"{_CHANNEL}/threads/archived/private", archived_private),
    Route("GET", _GUILD, get_guild),
    Route("GET", f"{_GUILD}/channels", get_guild_channels),
    Route("GET", f"{_GUILD}/threads/active", active_threads),
    Route("GET", f"{_GUILD}/roles", get_roles),
    Route("GET", f"{_GUILD}/members", get_members),
    Route("GET", f"{_GUILD}/members/{{member_id}}", get_member),
    Route("PUT", _ROLE, add_role),
    Route("DELETE", _ROLE, remove_role),
    Route("DELETE", "/users/@me/guilds/{guild_id}", leave_guild),
    Route("GET", "/users/{user_id}", get_user),
]
