"""Messages, with every state that people saw of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tests.simulators.discord.model import Channel, Guild, Json, Role, User, moment
from tests.simulators.discord.permissions import Permission, permissions_in

if TYPE_CHECKING:
    from tests.simulators.discord.interactions import Interaction

DEFAULT, THREAD_CREATED, REPLY, COMMAND, STARTER, MENU = 0, 18, 19, 20, 21, 23
HAS_THREAD, EPHEMERAL, LOADING, V2 = 1 << 5, 1 << 6, 1 << 7, 1 << 15
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(?:everyone|here)\b")


@dataclass(frozen=True, slots=True)
class Attachment:
    id: int
    filename: str
    data: bytes
    content_type: str
    url: str
    description: str | None = None
    ephemeral: bool = False

    def json(self) -> Json:
        shown: Json = {"id": str(self.id), "filename": self.filename, "size": len(self.data)}
        shown |= {"url": self.url, "proxy_url": self.url, "content_type": self.content_type}
        if self.description is not None:
            shown["description"] = self.description
        if self.content_type.startswith("image/"):
            shown |= {"width": 64, "height": 64}
        return shown | ({"ephemeral": True} if self.ephemeral else {})


@dataclass(frozen=True, slots=True)
class Body:
    """What a message holds."""

    content: str = ""
    embeds: tuple[Json, ...] = ()
    components: tuple[Json, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.content or self.embeds or self.components or self.attachments)


@dataclass(frozen=True, slots=True)
class Version:
    """What a message held from `at` (the simulator's clock) on."""

    body: Body
    at: float


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a message pinged."""

    users: tuple[User, ...] = ()
    roles: tuple[Role, ...] = ()
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """Whom a message may ping; by default everybody whom it names."""

    parse: frozenset[str] = frozenset({"users", "roles", "everyone"})
    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    replied_user: bool = True


@dataclass(eq=False, repr=False, slots=True)
class Message:
    """`versions` holds every state that people saw, the last one now. `only_for`: nobody else sees it."""

    channel: Channel
    id: int
    author: User
    versions: list[Version]
    type: int = DEFAULT
    flags: int = 0
    reply_to: Message | None = None
    mentions: Mentions = Mentions()
    nonce: str | int | None = None
    webhook_id: int = 0
    interaction: Interaction | None = None
    only_for: User | None = None
    by_bot: bool = False
    edited: str | None = None
    deleted: bool = False
    thread: Channel | None = None
    reactions: dict[str, list[int]] = field(default_factory=dict)

    @property
    def body(self) -> Body:
        return self.versions[-1].body

    @property
    def content(self) -> str:
        """Its text now."""
        return self.body.content

    @property
    def texts(self) -> list[str]:
        """Every text it ever showed, in order."""
        return [v.body.content for v in self.versions]

    @property
    def service(self) -> bool:
        """It tells of something that happened, and holds nothing that somebody wrote."""
        return self.type in (THREAD_CREATED, STARTER)

    @property
    def loading(self) -> bool:
        """It shows that the bot is thinking."""
        return bool(self.flags & LOADING)

    @property
    def buttons(self) -> list[Json]:
        """Those under the message, row by row."""
        return [c for c in walk(self.body.components) if c["type"] == 2]

    @property
    def menus(self) -> list[Json]:
        return [c for c in walk(self.body.components) if c["type"] in (3, 5, 6, 7, 8)]

    @property
    def link(self) -> str:
        guild = self.channel.guild
        return f"https://discord.com/channels/{guild.id if guild else '@me'}/{self.channel.id}/{self.id}"

    @property
    def plain(self) -> str:
        """As one would read it aloud: files in brackets, text, buttons in brackets below."""
        body = self.body
        files = [f"[{a.filename}]" for a in body.attachments]
        shown = [c["content"] for c in walk(body.components) if c["type"] == 10]
        embeds = [" ".join(filter(None, (e.get("title"), e.get("description")))) for e in body.embeds]
        buttons = " ".join(f"[{b.get('label', '')}]" for b in self.buttons)
        return "\n".join(line for line in (*files, body.content, *shown, *embeds, buttons) if line)


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing that people in a channel saw happen."""

    kind: Literal["message", "edit", "delete"]
    text: str
    at: float
    message: Message


def walk(components: Any) -> Iterator[Json]:
    """Components and all that are in them."""
    for component in components:
        yield component
        yield from walk(component.get("components", ()))
        for name in ("accessory", "component"):
            if isinstance(component.get(name), dict):
                yield from walk([component[name]])


def pinged(
    channel: Channel,
    author: User,
    body: Body,
    allowed: Allowed,
    users: dict[int, User],
    replied: Message | None,
) -> Mentions:
    """Whom a text pings: those it names and may ping."""
    texts = " ".join([body.content, *(c["content"] for c in walk(body.components) if c["type"] == 10)])
    named = {int(found): None for found in _USER.findall(texts)}
    may = [i for i in named if i in users and ("users" in allowed.parse or i in allowed.users)]
    if replied is not None and allowed.replied_user and replied.author.id not in may:
        may += [replied.author.id] if replied.author.id in users else []
    guild = channel.guild
    if guild is None:
        return Mentions(tuple(users[i] for i in may))
    everyone_allowed = author.webhook or permissions_in(channel, author) & Permission.MENTION_EVERYONE
    roles = [guild.roles[int(i)] for i in _ROLE.findall(texts) if int(i) in guild.roles]
    roles = [r for r in roles if "roles" in allowed.parse or r.id in allowed.roles]
    roles = [r for r in roles if r.mentionable or everyone_allowed]
    everyone = "everyone" in allowed.parse and bool(everyone_allowed and _EVERYONE.search(texts))
    return Mentions(tuple(users[i] for i in may), tuple(roles), everyone)


def message_json(message: Message, bot: User, *, full: bool, replied: bool = True) -> Json:
    """As the bot sees it. `full`: it may read what others write to others."""
    channel, body = message.channel, message.body
    shown: Json = {"id": str(message.id), "channel_id": str(channel.id), "type": message.type}
    shown |= {"author": _author_json(message), "timestamp": moment(message.id)}
    shown |= {"edited_timestamp": message.edited, "tts": False, "pinned": False, "flags": message.flags}
    shown |= _mentions_json(message)
    visible = full or readable(message, bot)
    shown |= _body_json(body) if visible else _body_json(Body())
    if message.nonce is not None:
        shown["nonce"] = message.nonce
    if message.webhook_id:
        shown["webhook_id"] = str(message.webhook_id)
    if message.interaction is not None:
        shown["application_id"] = str(message.interaction.application_id)
        shown["interaction_metadata"] = message.interaction.metadata_json()
    if message.reactions:
        shown["reactions"] = [_reaction_json(e, who, bot) for e, who in message.reactions.items() if who]
    if message.thread is not None and message.type != THREAD_CREATED:
        shown["thread"] = message.thread.json(bot)
    return shown | _reference_json(message, bot, full=full, replied=replied)


def readable(message: Message, bot: User) -> bool:
    """Whether a bot without the Message Content intent is shown what is in it."""
    return message.channel.guild is None or message.author is bot or bot in message.mentions.users


def gateway_json(message: Message, bot: User, *, full: bool) -> Json:
    """As an event tells of it."""
    shown, guild = message_json(message, bot, full=full), message.channel.guild
    if guild is None:
        return shown | {"channel_type": message.channel.type}
    shown |= {"guild_id": str(guild.id), "channel_type": message.channel.type}
    member = guild.members.get(message.author.id)
    return shown | ({"member": member.json(user=False)} if member else {})


def _author_json(message: Message) -> Json:
    if not message.author.webhook:
        return message.author.json()
    shown: Json = {"id": str(message.webhook_id), "username": message.author.name, "avatar": None}
    return shown | {"discriminator": "0000", "bot": True, "global_name": None, "public_flags": 0, "flags": 0}


def _body_json(body: Body) -> Json:
    return {
        "content": body.content,
        "embeds": list(body.embeds),
        "attachments": [a.json() for a in body.attachments],
        "components": list(body.components),
    }


def _mentions_json(message: Message) -> Json:
    mentions, guild = message.mentions, message.channel.guild
    return {
        "mentions": [_mentioned_json(u, guild) for u in mentions.users],
        "mention_roles": [str(r.id) for r in mentions.roles],
        "mention_everyone": mentions.everyone,
    }


def _mentioned_json(user: User, guild: Guild | None) -> Json:
    member = guild.members.get(user.id) if guild else None
    return user.json() | ({"member": member.json(user=False)} if member else {})


def _reaction_json(emoji: str, who: list[int], bot: User) -> Json:
    shown: Json = {"emoji": emoji_json(emoji), "count": len(who), "me": bot.id in who, "me_burst": False}
    return shown | {"count_details": {"burst": 0, "normal": len(who)}, "burst_colors": [], "burst_me": False}


def emoji_json(emoji: str) -> Json:
    name, _, number = emoji.partition(":")
    return {"id": number or None, "name": name}


def _reference_json(message: Message, bot: User, *, full: bool, replied: bool) -> Json:
    to, guild = message.reply_to, message.channel.guild
    place = {"guild_id": str(guild.id)} if guild else {}
    if message.type == THREAD_CREATED and message.thread is not None:
        return {"message_reference": {"type": 0, "channel_id": str(message.thread.id)} | place}
    if to is None:
        return {}
    reference = {"type": 0, "channel_id": str(to.channel.id), "message_id": str(to.id)} | place
    shown: Json = {"message_reference": reference}
    if replied:
        shown["referenced_message"] = None if to.deleted else message_json(to, bot, full=full, replied=False)
    return shown
