"""The state of the platform, and the few ways in which it changes; both the bot's calls and the people go
through here."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.discord.commands import Commands
from tests.simulators.discord.faults import Faults, Weather
from tests.simulators.discord.gateway import Gateway, GatewayRules
from tests.simulators.discord.intents import MESSAGE_CONTENT
from tests.simulators.discord.interactions import Interaction
from tests.simulators.discord.limits import Buckets, RateLimits
from tests.simulators.discord.messages import (
    Allowed,
    Attachment,
    Body,
    Mentions,
    Message,
    Sight,
    Version,
    gateway_json,
    pinged,
)
from tests.simulators.discord.model import DM, EPOCH_MS, Channel, Guild, Json, Typing, User, iso
from tests.simulators.discord.permissions import Permission, permissions_in
from tests.simulators.telegram.news import News

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the bot's: when it came, by the simulator's clock, and what it was told.
    `status` 0: nothing, the connection was dropped."""

    route: str
    path: str
    arguments: Json
    at: float
    status: int
    code: int = 0
    description: str = ""


@dataclass(slots=True)
class BotState:
    """The bot's account; `privileged` are the intents that its owner switched on: "content", …; `page`
    is what else they set on the application's page, in Discord's words."""

    user: User
    token: str
    owner: User
    privileged: set[str] = field(default_factory=set)
    page: Json = field(default_factory=dict)


class World:
    def __init__(
        self, bot: BotState, limits: RateLimits, faults: Faults, rules: GatewayRules, clock: Clock
    ) -> None:
        self.bot, self.clock = bot, clock
        self.root = ""
        self.weather = Weather(faults)
        self.buckets = Buckets(limits, clock, self.date)
        self.news = News()
        self.commands = Commands(bot.user.id, self.snowflake)
        self.users: dict[int, User] = {bot.user.id: bot.user, bot.owner.id: bot.owner}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.attachments: dict[int, Attachment] = {}
        self.interactions: dict[int, Interaction] = {}
        self.tokens: dict[str, Interaction] = {}
        self.installed: set[int] = set()
        self.strangers: set[int] = set()
        self.nonces: dict[str, tuple[float, Message]] = {}
        self.gone: set[int] = set()
        self.calls: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.log: list[Call] = []
        self.errors: list[str] = []
        self._private: dict[frozenset[int], Channel] = {}
        self._last_id = 0
        self.gateway = Gateway(self, rules)

    def date(self) -> float:
        return time.time()

    def now_iso(self) -> str:
        return iso(self.date())

    def snowflake(self) -> int:
        """A number that is given once, later ones greater, with the time in it."""
        self._last_id = max(self._last_id + 1, (int(self.date() * 1000) - EPOCH_MS) << 22)
        return self._last_id

    def add_user(
        self, name: str, *, language: str = "en", is_bot: bool = False, webhook: bool = False
    ) -> User:
        user = User(self.snowflake(), name, language, is_bot, webhook)
        if not webhook:
            self.users[user.id] = user
        return user

    def add_channel(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        if channel.guild is not None:
            places = channel.guild.threads if channel.thread else channel.guild.channels
            places[channel.id] = channel
        return channel

    def private(self, one: User, other: User) -> Channel:
        """The channel of two, which is made when one of them opens it."""
        pair = frozenset((one.id, other.id))
        if pair not in self._private:
            self._private[pair] = self.add_channel(Channel(self.snowflake(), DM, people=[one, other]))
        return self._private[pair]

    def attach(
        self, filename: str, data: bytes, mime: str, description: str | None, channel: Channel
    ) -> Attachment:
        """A file on the platform's web, whose address holds only with its signature."""
        number, mark = self.snowflake(), secrets.token_hex(16)
        url = f"{self.root}/attachments/{channel.id}/{number}/{filename}?ex=7fffffff&is=0&hm={mark}"
        attachment = Attachment(number, filename, data, mime, url, description)
        self.attachments[number] = attachment
        return attachment

    # messages

    def write(
        self,
        channel: Channel,
        author: User,
        body: Body,
        *,
        allowed: Allowed | None = None,
        reply_to: Message | None = None,
        message_id: int = 0,
        **more: Any,
    ) -> Message:
        """A new message, seen by all in the channel unless it is `only_for` one; the bot is told of it."""
        mentions = pinged(channel, author, body, allowed or Allowed(), self.users, reply_to)
        versions = [Version(body, self.clock())]
        message = Message(
            channel,
            message_id or self.snowflake(),
            author,
            versions,
            reply_to=reply_to,
            mentions=mentions,
            **more,
        )
        message.by_bot = author is self.bot.user
        channel.log[message.id] = message
        channel.typing = [t for t in channel.typing if t.user is not author]
        channel.sights.append(Sight("message", body.content, self.clock(), message))
        self.tell_message("MESSAGE_CREATE", message)
        return message

    def rewrite(self, message: Message, body: Body, *, allowed: Allowed | None = None) -> None:
        message.versions.append(Version(body, self.clock()))
        named = pinged(
            message.channel, message.author, body, allowed or Allowed(), self.users, message.reply_to
        )
        message.mentions = Mentions(named.users, named.roles, message.mentions.everyone)
        message.edited = self.now_iso()
        message.channel.sights.append(Sight("edit", body.content, self.clock(), message))
        self.tell_message("MESSAGE_UPDATE", message)

    def erase(self, message: Message) -> None:
        message.deleted = True
        message.channel.sights.append(Sight("delete", message.content, self.clock(), message))
        if message.only_for is None:
            place = {"id": str(message.id), "channel_id": str(message.channel.id)}
            self.tell("MESSAGE_DELETE", place, channel=message.channel)
        self.news.tell()

    def react(self, message: Message, user: User, emoji: str, *, on: bool) -> None:
        """Leave a reaction, or take it away."""
        who = message.reactions.setdefault(emoji, [])
        if (user.id in who) == on:
            return
        who.append(user.id) if on else who.remove(user.id)
        name, _, number = emoji.partition(":")
        shown: Json = {"user_id": str(user.id), "channel_id": str(message.channel.id), "type": 0}
        shown |= {
            "message_id": str(message.id),
            "emoji": {"id": number or None, "name": name},
            "burst": False,
        }
        guild = message.channel.guild
        if on:
            shown["message_author_id"] = str(message.author.id)
            if guild is not None and user.id in guild.members:
                shown["member"] = guild.members[user.id].json()
        self.tell(f"MESSAGE_REACTION_{'ADD' if on else 'REMOVE'}", shown, channel=message.channel)

    def type(self, channel: Channel, user: User) -> None:
        channel.typing.append(Typing(user, self.clock()))
        shown: Json = {"channel_id": str(channel.id), "user_id": str(user.id), "timestamp": int(self.date())}
        if channel.guild is not None and user.id in channel.guild.members:
            shown["member"] = channel.guild.members[user.id].json()
        self.tell("TYPING_START", shown, channel=channel)

    def part(self, guild: Guild) -> None:
        """The bot is no longer in a guild."""
        guild.members.pop(self.bot.user.id, None)
        self.tell("GUILD_DELETE", {"id": str(guild.id)}, guild=guild)

    def remove(self, channel: Channel) -> None:
        """A channel or thread is deleted, and nobody can come back to it."""
        del self.channels[channel.id]
        self.gone.add(channel.id)
        if channel.guild is None:
            return
        if channel.thread is not None:
            del channel.guild.threads[channel.id]
            kept = ("id", "parent_id", "type")
            shown = {k: v for k, v in channel.json(self.bot.user).items() if k in kept}
            self.tell("THREAD_DELETE", shown, channel=channel)
            return
        del channel.guild.channels[channel.id]
        for thread in [t for t in channel.guild.threads.values() if t.parent is channel]:
            self.remove(thread)
        self.tell("CHANNEL_DELETE", channel.json(self.bot.user), channel=channel)

    # telling the bot

    def tell(
        self,
        event: str,
        payload: Mapping[str, Any],
        *,
        channel: Channel | None = None,
        guild: Guild | None = None,
    ) -> None:
        """Give the bot an event, if it may know of the place where it happened."""
        place = guild or (channel.guild if channel else None)
        if channel is None or self.sees(channel):
            shown = dict(payload) | ({"guild_id": str(place.id)} if place and channel else {})
            self.gateway.dispatch(event, lambda _: shown, place, private=place is None)
        self.news.tell()

    def tell_message(self, event: str, message: Message) -> None:
        if message.only_for is None and self.sees(message.channel):
            bot, guild = self.bot.user, message.channel.guild
            plain, full = (gateway_json(message, bot, full=full) for full in (False, True))
            self.gateway.dispatch(
                event,
                lambda intents: full if intents & MESSAGE_CONTENT else plain,
                guild,
                private=guild is None,
            )
        self.news.tell()

    def sees(self, channel: Channel) -> bool:
        """Whether the bot is told of what happens in a channel."""
        return bool(permissions_in(channel, self.bot.user) & Permission.VIEW_CHANNEL)

    def fail(self, what: str) -> None:
        """Note that the bot did something wrong."""
        self.errors.append(what)
        self.news.tell()
