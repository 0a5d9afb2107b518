"""The state of the platform, and the few ways in which it changes; both the bot's methods and the people
go through here."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulators.telegram.asked import Connection, InlineQuery, Press
from tests.simulators.telegram.chats import Chat, Draft, Member, Message, Sight, User, Version, message_json
from tests.simulators.telegram.entity import Text
from tests.simulators.telegram.faults import Faults, Weather
from tests.simulators.telegram.files import Files
from tests.simulators.telegram.limits import Flood, FloodLimits
from tests.simulators.telegram.news import News
from tests.simulators.telegram.updates import Updates
from tests.simulators.telegram.webhook import Webhook

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the bot's: when it came, by the simulator's clock, and what it was told.
    `code` 0: nothing, the connection was dropped."""

    method: str
    arguments: dict[str, str]
    at: float
    code: int
    description: str = ""


@dataclass(slots=True)
class BotState:
    """What the bot can, and what it told the platform about itself."""

    user: User
    token: str
    reads_all: bool = False
    inline: bool = True
    topics: bool = False
    business: bool = True
    logged_out: bool = False
    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)


class World:
    def __init__(
        self, bot: BotState, flood: FloodLimits, faults: Faults, clock: Clock, seed: int, pause: float
    ) -> None:
        self.bot, self.clock = bot, clock
        self.weather = Weather(faults)
        self.flood = Flood(flood, clock)
        self.random = random.Random(seed)
        self.files = Files()
        self.news = News()
        first = self.random.randrange(10**8, 10**9)
        self.updates = Updates(first, self.weather.repeats, self.news.tell)
        self.webhook = Webhook(self.updates, self.news, self.weather, self.date, pause)
        self.users: dict[int, User] = {bot.user.id: bot.user}
        self.chats: dict[int, Chat] = {}
        self.presses: dict[str, Press] = {}
        self.inline: dict[str, InlineQuery] = {}
        self.inline_messages: dict[str, Message] = {}
        self.connections: dict[str, Connection] = {}
        self.calls: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.forbidden: dict[str, str] = {}
        self.log: list[Call] = []
        self.errors: list[str] = []
        self._ids: Counter[int] = Counter()
        self._serial = 0

    def date(self) -> int:
        return int(time.time())

    def serial(self) -> int:
        """A number that is given once."""
        self._serial += 1
        return self._serial

    def add_chat(self, chat: Chat) -> Chat:
        self.chats[chat.id] = chat
        return chat

    def add_user(self, name: str, *, username: str = "", language: str = "", is_bot: bool = False) -> User:
        user = User(5_000_000_000 + self.serial() * 7, name, "", username, language, is_bot)
        self.users[user.id] = user
        return user

    def new_id(self, chat: Chat) -> int:
        """Private chats and basic groups share one counter of the bot's; others have their own."""
        own = chat.type in ("supergroup", "channel")
        key = chat.id if own else 0
        self._ids[key] += 1
        return self._ids[key] + (0 if own else 1000)

    def member(self, chat: Chat, user: User) -> Member:
        return chat.members.get(user.id) or Member(user, "left")

    def write(
        self,
        chat: Chat,
        sender: User | Chat,
        text: Text,
        *,
        media: dict[str, Any] | None = None,
        markup: dict[str, Any] | None = None,
        **more: Any,
    ) -> Message:
        """A new message, seen by all in the chat. The bot is told of those by others."""
        version = Version(self._known(text), media or {}, markup, self.clock())
        message = Message(chat, self.new_id(chat), self.date(), sender, [version], **more)
        chat.log[message.id] = message
        chat.sights.append(Sight("message", message.text, version.at, message))
        if message.by_bot and chat.drafting is not None and chat.drafting.thread_id == message.thread_id:
            chat.drafting = None
        self.news.tell()
        return message

    def rewrite(self, message: Message, version: Version) -> None:
        message.versions.append(replace(version, text=self._known(version.text)))
        message.edit_date = self.date()
        message.chat.sights.append(Sight("edit", version.text.text, version.at, message))
        self.news.tell()

    def _known(self, text: Text) -> Text:
        """Mentions of people that nobody knows are plain text."""
        known = (e for e in text.entities if e.type != "text_mention" or e.user_id in self.users)
        return Text(text.text, tuple(known))

    def delete(self, message: Message) -> None:
        message.deleted = True
        message.chat.sights.append(Sight("delete", message.text, self.clock(), message))
        self.news.tell()

    def draft(self, chat: Chat, draft: Draft) -> None:
        chat.drafts.append(draft)
        chat.drafting = draft
        chat.sights.append(Sight("draft", draft.text.text, draft.at))
        self.news.tell()

    def json(self, message: Message) -> dict[str, Any]:
        return message_json(message, self.users)

    def tell(self, kind: str, payload: dict[str, Any], **extra: Any) -> int:
        """Give the bot an update; returns its number."""
        number = self.updates.put({kind: payload, **extra})
        self.news.tell()
        return number

    def tell_message(self, message: Message, *, edited: bool = False) -> int:
        """Give the bot a message that somebody wrote or edited, where it may see it."""
        if not self.visible(message):
            return 0
        kind = "message"
        if message.chat.connection:
            kind = "business_message"
        elif message.chat.type == "channel":
            kind = "channel_post"
        return self.tell(f"edited_{kind}" if edited else kind, self.json(message))

    def visible(self, message: Message) -> bool:
        """Whether the bot is told: in groups, without the right to read all, only what is meant for it."""
        chat, bot = message.chat, self.bot.user
        if chat.connection or chat.type == "private":
            return True
        member = self.member(chat, bot)
        if not member.inside:
            return False
        if chat.type == "channel" or self.bot.reads_all or member.administers or message.service:
            return True
        replied = message.reply_to is not None and message.reply_to.by_bot
        via = message.extra.get("via_bot", {}).get("id") == bot.id
        return replied or via or self._addressed(message)

    def _addressed(self, message: Message) -> bool:
        name = f"@{self.bot.user.username}".lower()
        marked = message.marked
        if name in (m.lower() for m in marked.of("mention")):
            return True
        if any(e.user_id == self.bot.user.id for e in marked.entities):
            return True
        commands = [c.lower().partition("@") for c in marked.of("bot_command")]
        return any(not at or f"@{whom}" == name for _, at, whom in commands)
