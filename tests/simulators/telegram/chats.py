"""Who and what there is on the platform: users, chats, topics, messages and all that people saw of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.simulators.telegram.entity import Entity, Text, entity_json

ChatType = Literal["private", "group", "supergroup", "channel"]
Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
DRAFT_SECONDS = 30


@dataclass(eq=False, slots=True)
class User:
    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language: str = ""
    is_bot: bool = False

    def json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        optional = {"last_name": self.last_name, "username": self.username, "language_code": self.language}
        return shown | {k: v for k, v in optional.items() if v}


@dataclass(slots=True)
class Member:
    """A user's standing in a chat. `rights`: an administrator's, or what a restricted member may do."""

    user: User
    status: Status
    rights: set[str] = field(default_factory=set)

    @property
    def inside(self) -> bool:
        return self.status not in ("left", "kicked")

    @property
    def administers(self) -> bool:
        return self.status in ("creator", "administrator")


@dataclass(eq=False, slots=True)
class Topic:
    id: int
    name: str
    icon_color: int = 0x6FB9F0
    closed: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """What a message showed from `at` (the simulator's clock) on."""

    text: Text
    media: dict[str, Any]
    markup: dict[str, Any] | None
    at: float


@dataclass(eq=False, slots=True)
class Message:
    """`versions` holds every state that people saw, the last one now. `extra` goes into the JSON as it is."""

    chat: Chat
    id: int
    date: int
    sender: User | Chat
    versions: list[Version]
    thread_id: int = 0
    reply_to: Message | None = None
    quote: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    edit_date: int = 0
    deleted: bool = False
    silent: bool = False
    by_bot: bool = False
    reactions: dict[int, list[str]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Its text or caption now."""
        return self.versions[-1].text.text

    @property
    def entities(self) -> tuple[Entity, ...]:
        return self.versions[-1].text.entities

    @property
    def marked(self) -> Text:
        return self.versions[-1].text

    @property
    def texts(self) -> list[str]:
        """Every text it ever showed, in order."""
        return [v.text.text for v in self.versions]

    @property
    def media(self) -> dict[str, Any]:
        return self.versions[-1].media

    @property
    def markup(self) -> dict[str, Any] | None:
        return self.versions[-1].markup

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """Those under the message, row by row."""
        return [b for row in (self.markup or {}).get("inline_keyboard", ()) for b in row]

    @property
    def service(self) -> bool:
        """It tells of something that happened, and holds nothing that somebody wrote."""
        return bool(_SERVICE & set(self.extra))

    @property
    def plain(self) -> str:
        """As one would read it aloud: media in brackets, text, buttons in brackets below."""
        media = [f"[{kind}]" for kind in self.media]
        rows = (self.markup or {}).get("inline_keyboard", ())
        buttons = [" ".join(f"[{b['text']}]" for b in row) for row in rows]
        return "\n".join(line for line in (*media, self.text, *buttons) if line)


_SERVICE = {
    *("new_chat_members", "left_chat_member", "group_chat_created", "supergroup_chat_created"),
    *("migrate_to_chat_id", "migrate_from_chat_id", "forum_topic_created", "forum_topic_closed"),
    *("forum_topic_reopened", "forum_topic_edited", "new_chat_title", "pinned_message"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """One state of what the bot was seen writing."""

    id: int
    text: Text
    thread_id: int
    at: float


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing that people in a chat saw happen."""

    kind: Literal["message", "edit", "delete", "draft"]
    text: str
    at: float
    message: Message | None = None


@dataclass(eq=False, slots=True)
class Chat:
    id: int
    type: ChatType
    title: str = ""
    username: str = ""
    forum: bool = False
    user: User | None = None
    members: dict[int, Member] = field(default_factory=dict)
    log: dict[int, Message] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    sights: list[Sight] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    met: bool = False
    blocked: bool = False
    migrated_to: int = 0
    connection: str = ""
    permissions: set[str] = field(default_factory=set)
    drafting: Draft | None = None

    @property
    def chat(self) -> Chat:
        """Itself; so that a chat can stand wherever something that has a chat can."""
        return self

    @property
    def budget(self) -> str:
        """Whose flood control it is under."""
        return f"{self.connection}:{self.id}"

    @property
    def messages(self) -> list[Message]:
        """What people see in it now, in order."""
        return [m for m in self.log.values() if not m.deleted]

    @property
    def answers(self) -> list[Message]:
        """What the bot wrote and has not deleted, in order."""
        return [m for m in self.messages if m.by_bot and not m.service]

    @property
    def last(self) -> Message | None:
        """The bot's latest message."""
        return next((m for m in reversed(self.log.values()) if m.by_bot and not m.deleted), None)

    @property
    def texts(self) -> list[str]:
        """The bot's messages as they stand."""
        return [m.text for m in self.answers]

    @property
    def transcript(self) -> str:
        """The chat as it reads now."""

        def name(message: Message) -> str:
            sender = message.sender
            return sender.first_name if isinstance(sender, User) else sender.title

        return "\n".join(f"{name(m)}: {m.plain}" for m in self.messages if not m.service)

    def answers_to(self, message: Message) -> list[Message]:
        """The bot's messages that reply to it."""
        return [m for m in self.answers if m.reply_to is message]

    def draft(self, now: float) -> Draft | None:
        """What is seen of an answer that is being written at `now`."""
        seen = self.drafting
        return seen if seen and seen.text and now - seen.at < DRAFT_SECONDS else None

    def json(self) -> dict[str, Any]:
        if self.user is not None:
            named = {
                k: v for k, v in self.user.json().items() if k in ("first_name", "last_name", "username")
            }
            return {"id": self.id, **named, "type": "private"}
        shown: dict[str, Any] = {"id": self.id, "title": self.title}
        if self.username:
            shown["username"] = self.username
        shown["type"] = self.type
        return shown | ({"is_forum": True} if self.forum else {})


def reply_thread(chat: Chat, replied: Message | None) -> int:
    """The thread that a reply stands in: its topic, or in a supergroup without topics, the first message
    of the conversation."""
    if replied is None or replied.chat is not chat:
        return 0
    if chat.type == "supergroup" and not chat.forum:
        return replied.thread_id or replied.id
    return replied.thread_id


def message_json(message: Message, users: Mapping[int, User], *, replied: bool = True) -> dict[str, Any]:
    """As the Bot API shows it; a reply carries the message it replies to, and that one no more."""
    chat, version = message.chat, message.versions[-1]
    shown: dict[str, Any] = {"message_id": message.id}
    sender = message.sender
    shown |= {"from": sender.json()} if isinstance(sender, User) else {"sender_chat": sender.json()}
    shown |= {"chat": chat.json(), "date": message.date}
    if chat.connection:
        shown["business_connection_id"] = chat.connection
    if message.edit_date:
        shown["edit_date"] = message.edit_date
    if message.thread_id:
        shown["message_thread_id"] = message.thread_id
        if message.thread_id in chat.topics:
            shown["is_topic_message"] = True
    if replied:
        shown |= _reply_json(message, users)
    shown |= version.media
    shown |= _text_json(version, users)
    if version.markup and "inline_keyboard" in version.markup:
        shown["reply_markup"] = version.markup
    return shown | message.extra


def _reply_json(message: Message, users: Mapping[int, User]) -> dict[str, Any]:
    """What is replied to; in a topic that is the message which began it, where nothing else is."""
    replied = message.reply_to
    if replied is None and message.chat.forum and message.thread_id != message.id:
        replied = message.chat.log.get(message.thread_id)
    if replied is None or replied.deleted:
        return {}
    if replied.chat is not message.chat:
        return _external_json(replied) | ({"quote": message.quote} if message.quote else {})
    shown = {"reply_to_message": message_json(replied, users, replied=False)}
    return shown | ({"quote": message.quote} if message.quote else {})


def _external_json(replied: Message) -> dict[str, Any]:
    """A reply to a message in another chat."""
    info: dict[str, Any] = {"origin": origin_json(replied), "message_id": replied.id}
    return {"external_reply": info | {"chat": replied.chat.json()} | replied.media}


def origin_json(message: Message) -> dict[str, Any]:
    """Where a forwarded message comes from: from whoever wrote it first."""
    if "forward_origin" in message.extra:
        known: dict[str, Any] = message.extra["forward_origin"]
        return known
    if isinstance(message.sender, User):
        return {"type": "user", "date": message.date, "sender_user": message.sender.json()}
    chat = message.sender
    if chat.type == "channel":
        return {"type": "channel", "date": message.date, "chat": chat.json(), "message_id": message.id}
    return {"type": "chat", "date": message.date, "sender_chat": chat.json()}


def _text_json(version: Version, users: Mapping[int, User]) -> dict[str, Any]:
    if not version.text:
        return {}
    text, entities = ("caption", "caption_entities") if version.media else ("text", "entities")
    shown: dict[str, Any] = {text: version.text.text}
    if version.text.entities:
        shown[entities] = list(entities_json(version.text.entities, users))
    return shown


def entities_json(entities: tuple[Entity, ...], users: Mapping[int, User]) -> Iterator[dict[str, Any]]:
    for entity in entities:
        user = users.get(entity.user_id)
        yield entity_json(entity, user.json() if user else None)
