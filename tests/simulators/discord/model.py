"""Who and what there is on the platform: users, guilds, roles, channels and threads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.simulators.discord.messages import Message, Sight

Json = dict[str, Any]
EPOCH_MS = 1_420_070_400_000
TEXT, DM, VOICE, GROUP, CATEGORY, NEWS, FORUM = 0, 1, 2, 3, 4, 5, 15
PUBLIC_THREAD, PRIVATE_THREAD = 11, 12
TYPING_SECONDS = 10
_LOCALES = {"en": "en-US", "es": "es-ES", "sv": "sv-SE", "pt": "pt-BR", "zh": "zh-CN"}


def moment(snowflake: int) -> str:
    """When something with this id came to be, as Discord writes times."""
    return iso(((snowflake >> 22) + EPOCH_MS) / 1000)


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


@dataclass(eq=False, repr=False, slots=True)
class User:
    """`webhook`: not an account, but a name that a webhook writes under."""

    id: int
    name: str
    language: str = "en"
    is_bot: bool = False
    webhook: bool = False
    blocked: bool = False

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    @property
    def locale(self) -> str:
        return _LOCALES.get(self.language, self.language)

    @property
    def username(self) -> str:
        return self.name if self.is_bot else self.name.lower().replace(" ", "_")

    def json(self) -> Json:
        shown: Json = {"id": str(self.id), "username": self.username, "avatar": None}
        shown |= {"discriminator": "0000" if self.is_bot else "0", "public_flags": 0, "flags": 0}
        shown |= {"global_name": None if self.is_bot else self.name, "primary_guild": None}
        shown |= {"collectibles": None, "avatar_decoration_data": None}
        return shown | ({"bot": True} if self.is_bot else {})


@dataclass(eq=False, repr=False, slots=True)
class Role:
    id: int
    name: str
    permissions: int = 0
    position: int = 0
    mentionable: bool = False
    bot_id: int = 0

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"

    def json(self) -> Json:
        colors = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
        shown: Json = {"id": str(self.id), "name": self.name, "color": 0, "colors": colors, "hoist": False}
        shown |= {"position": self.position, "permissions": str(int(self.permissions)), "flags": 0}
        shown |= {"managed": bool(self.bot_id), "mentionable": self.mentionable, "icon": None}
        shown |= {"unicode_emoji": None}
        return shown | ({"tags": {"bot_id": str(self.bot_id)}} if self.bot_id else {})


@dataclass(eq=False, repr=False, slots=True)
class Member:
    user: User
    joined_at: str
    roles: list[int] = field(default_factory=list)
    nick: str | None = None

    def json(self, *, user: bool = True) -> Json:
        shown: Json = {"nick": self.nick, "avatar": None, "banner": None, "joined_at": self.joined_at}
        shown |= {"roles": [str(r) for r in self.roles], "premium_since": None, "deaf": False, "mute": False}
        shown |= {"flags": 0, "pending": False, "communication_disabled_until": None}
        return shown | ({"user": self.user.json()} if user else {})


@dataclass(frozen=True, slots=True)
class Overwrite:
    kind: Literal["role", "member"]
    allow: int
    deny: int


@dataclass(eq=False, repr=False, slots=True)
class Guild:
    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    threads: dict[int, Channel] = field(default_factory=dict)
    locale: str = "en-US"

    def json(self) -> Json:
        nothing = "icon splash discovery_splash description afk_channel_id application_id banner"
        nothing += " system_channel_id rules_channel_id vanity_url_code public_updates_channel_id"
        nothing += " incidents_data safety_alerts_channel_id widget_channel_id hub_type max_presences"
        shown: Json = {"id": str(self.id), "name": self.name, "owner_id": str(self.owner_id)}
        shown |= {"roles": [r.json() for r in self.roles.values()], "preferred_locale": self.locale}
        shown |= dict.fromkeys(nothing.split(), None)
        shown |= {"emojis": [], "stickers": [], "features": [], "region": "deprecated", "afk_timeout": 300}
        shown |= {"verification_level": 0, "default_message_notifications": 0, "mfa_level": 0}
        shown |= {"explicit_content_filter": 0, "nsfw_level": 0, "nsfw": False, "premium_tier": 0}
        shown |= {"premium_subscription_count": 0, "system_channel_flags": 0, "max_members": 500_000}
        shown |= {"premium_progress_bar_enabled": False, "widget_enabled": False}
        return shown | {"max_video_channel_users": 25, "max_stage_video_channel_users": 50}


@dataclass(eq=False, repr=False, slots=True)
class Thread:
    """What a channel that is a thread has besides. `members`: when each of them came in."""

    owner_id: int
    created: str
    archived: bool = False
    locked: bool = False
    invitable: bool = True
    auto_archive: int = 1440
    members: dict[int, str] = field(default_factory=dict)
    tags: list[int] = field(default_factory=list)
    starter: Message | None = None

    def json(self, *, private: bool) -> Json:
        shown: Json = {"archived": self.archived, "locked": self.locked, "create_timestamp": self.created}
        shown |= {"auto_archive_duration": self.auto_archive, "archive_timestamp": self.created}
        return shown | ({"invitable": self.invitable} if private else {})


@dataclass(frozen=True, slots=True)
class Typing:
    user: User
    at: float


@dataclass(eq=False, repr=False, slots=True)
class Channel:
    """`people`: of private channels, everybody in them. `typing`: all who were ever seen typing."""

    id: int
    type: int
    name: str = ""
    guild: Guild | None = None
    parent: Channel | None = None
    people: list[User] = field(default_factory=list)
    topic: str | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    tags: list[Json] = field(default_factory=list)
    tag_required: bool = False
    thread: Thread | None = None
    log: dict[int, Message] = field(default_factory=dict)
    sights: list[Sight] = field(default_factory=list)
    typing: list[Typing] = field(default_factory=list)

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def messages(self) -> list[Message]:
        """What everybody in it sees now, in order."""
        return [m for m in self.log.values() if not m.deleted and m.only_for is None]

    def messages_for(self, person: Seer) -> list[Message]:
        """What one person sees: those that are shown to them only, too."""
        return [m for m in self.log.values() if not m.deleted and m.only_for in (None, person.user)]

    @property
    def answers(self) -> list[Message]:
        """What the bot wrote for all and has not deleted, in order."""
        return [m for m in self.messages if m.by_bot and not m.service]

    @property
    def texts(self) -> list[str]:
        """The bot's messages as they stand."""
        return [m.content for m in self.answers]

    @property
    def last(self) -> Message | None:
        """The bot's latest message."""
        return next(reversed(self.answers), None)

    @property
    def transcript(self) -> str:
        """The channel as it reads now."""
        return "\n".join(f"{m.author.name}: {m.plain}" for m in self.messages if not m.service)

    def answers_to(self, message: Message) -> list[Message]:
        """The bot's messages that reply to it."""
        return [m for m in self.answers if m.reply_to is message]

    def typists(self, now: float) -> list[User]:
        """Who is seen typing at `now`."""
        return [t.user for t in self.typing if now - t.at < TYPING_SECONDS]

    def json(self, bot: User) -> Json:
        """As the REST API shows it to the bot."""
        shown: Json = {"id": str(self.id), "type": self.type, "flags": 0}
        last = max((m.id for m in self.log.values() if m.only_for is None), default=None)
        shown["last_message_id"] = str(last) if last else None
        if self.guild is None:
            return shown | {"recipients": [u.json() for u in self.people if u is not bot]}
        parent = str(self.parent.id) if self.parent else None
        shown |= {"name": self.name, "guild_id": str(self.guild.id), "parent_id": parent}
        shown |= {"rate_limit_per_user": 0, "nsfw": False}
        return shown | (self._thread_json(bot) if self.thread else self._place_json())

    def _place_json(self) -> Json:
        overwrites = [
            {
                "id": str(i),
                "type": int(o.kind == "member"),
                "allow": str(int(o.allow)),
                "deny": str(int(o.deny)),
            }
            for i, o in self.overwrites.items()
        ]
        shown: Json = {"position": 0, "permission_overwrites": overwrites, "topic": self.topic}
        if self.type == FORUM:
            shown |= {"available_tags": self.tags, "default_reaction_emoji": None}
            shown |= {"default_sort_order": None, "default_forum_layout": 0, "template": ""}
            shown |= {"flags": 16 if self.tag_required else 0}
        return shown

    def _thread_json(self, bot: User) -> Json:
        thread = self.thread
        assert thread is not None
        written = sum(1 for m in self.log.values() if not m.service and m is not thread.starter)
        shown: Json = {"owner_id": str(thread.owner_id), "message_count": written}
        shown |= {"thread_metadata": thread.json(private=self.type == PRIVATE_THREAD)}
        shown |= {"member_count": len(thread.members), "total_message_sent": written}
        if self.parent is not None and self.parent.type == FORUM:
            shown["applied_tags"] = [str(t) for t in thread.tags]
        if bot.id in thread.members:
            shown["member"] = thread_member_json(self, bot.id)
        return shown


class Seer:
    """Somebody who looks at channels."""

    user: User


def thread_member_json(channel: Channel, user_id: int) -> Json:
    assert channel.thread is not None
    joined = channel.thread.members[user_id]
    return {"id": str(channel.id), "user_id": str(user_id), "join_timestamp": joined, "flags": 1}


def by_id(users: Iterable[User]) -> dict[str, Json]:
    return {str(u.id): u.json() for u in users}
