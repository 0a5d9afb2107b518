"""A person on the platform: what they do, the bot is told; what they see, a test can look at."""

from __future__ import annotations

from typing import Any

from tests.simulators.telegram.asked import Press
from tests.simulators.telegram.chats import Chat, Draft, Member, Message, Topic, User, Version
from tests.simulators.telegram.entity import Text, units
from tests.simulators.telegram.parameters import CAPTION_LIMIT, TEXT_LIMIT
from tests.simulators.telegram.tidy import tidy
from tests.simulators.telegram.world import World


class Person:
    """`chat` is their private chat with the bot. Everything they do happens there unless `chat` (and
    `topic`) say where else."""

    def __init__(self, world: World, user: User) -> None:
        self._world = world
        self.user = user
        self.chat = world.add_chat(Chat(user.id, "private", user=user))

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def messages(self) -> list[Message]:
        """What they see in their private chat."""
        return self.chat.messages

    @property
    def texts(self) -> list[str]:
        """The bot's messages in their private chat as they stand."""
        return self.chat.texts

    @property
    def draft(self) -> Draft | None:
        """What they see the bot writing now."""
        return self.chat.draft(self._world.clock())

    async def start(self, payload: str = "") -> Message:
        """Open the bot and press its start button."""
        self.chat.blocked = False
        return await self.say(f"/start {payload}".strip())

    async def say(
        self,
        text: str | Text,
        *,
        chat: Chat | None = None,
        topic: Topic | None = None,
        reply_to: Message | None = None,
        quote: str = "",
        **extra: Any,
    ) -> Message:
        """Write a message; `extra` fields go into its JSON as they are."""
        shown = tidy(text if isinstance(text, Text) else Text(text))
        if not shown or units(shown.text) > TEXT_LIMIT:
            raise ValueError("Telegram lets nobody write an empty message, or one so long")
        return self._write(shown, chat, topic, reply_to, quote, extra=extra)

    async def paste(self, text: str, *, chat: Chat | None = None) -> list[Message]:
        """Write something long, which the app cuts into several messages at the limit."""
        pieces, rest = [], text
        while rest:
            cut = len(rest)
            while units(rest[:cut]) > TEXT_LIMIT:
                cut -= max(1, (units(rest[:cut]) - TEXT_LIMIT) // 2)
            pieces.append(rest[:cut])
            rest = rest[cut:]
        return [await self.say(piece, chat=chat) for piece in pieces]

    async def reply(self, to: Message, text: str | Text, *, quote: str = "") -> Message:
        """Answer a message where it stands, quoting a part of it or not."""
        topic = to.chat.topics.get(to.thread_id)
        return await self.say(text, chat=to.chat, topic=topic, reply_to=to, quote=quote)

    async def edit(self, message: Message, text: str | Text) -> Message:
        """Change the text or caption of something they wrote."""
        shown = tidy(text if isinstance(text, Text) else Text(text))
        limit = CAPTION_LIMIT if message.media else TEXT_LIMIT
        if not (shown or message.media) or units(shown.text) > limit:
            raise ValueError("Telegram lets nobody write this")
        if message.sender is not self.user:
            raise ValueError("people edit their own messages only")
        version = Version(shown, message.media, message.markup, self._world.clock())
        self._world.rewrite(message, version)
        self._world.tell_message(message, edited=True)
        return message

    async def press(self, message: Message, button: str) -> Press:
        """Press the button with this label or data; `answer` on what is returned tells what they see."""
        chosen = next((b for b in message.buttons if button in (b["text"], b.get("callback_data"))), None)
        if chosen is None or message.deleted:
            raise LookupError(f"no button {button!r} under {message.plain!r}")
        if "callback_data" not in chosen:
            raise LookupError(f"pressing {chosen} does not reach the bot")
        world = self._world
        press = Press(
            str(world.serial() + 4 * 10**17), self.user, message, chosen["callback_data"], world.clock()
        )
        world.presses[press.id] = press
        world.tell("callback_query", press.json(world.json(message)))
        return press

    async def block_bot(self) -> None:
        """Stop the bot: it can send nothing any more."""
        self._set_blocked(True)

    async def unblock_bot(self) -> None:
        self._set_blocked(False)

    def _set_blocked(self, blocked: bool) -> None:
        self.chat.blocked = blocked
        states = ("member", "kicked") if blocked else ("kicked", "member")
        old, new = (membership_json(Member(self._world.bot.user, s)) for s in states)  # type: ignore[arg-type]
        self._world.tell("my_chat_member", self._change(self.chat, old, new))

    def _change(self, chat: Chat, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        change = {"chat": chat.json(), "from": self.user.json(), "date": self._world.date()}
        return change | {"old_chat_member": old, "new_chat_member": new}

    def _write(
        self,
        text: Text,
        chat: Chat | None,
        topic: Topic | None = None,
        reply_to: Message | None = None,
        quote: str = "",
        *,
        media: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Message:
        where = chat or self.chat
        self._may_write(where, topic)
        shown = None
        if quote and reply_to is not None:
            place = units(reply_to.text[: reply_to.text.index(quote)])
            shown = {"text": quote, "position": place, "is_manual": True}
        message = self._world.write(
            where,
            where if where.type == "channel" else self.user,
            text,
            media=media,
            thread_id=topic.id if topic else 0,
            reply_to=reply_to,
            quote=shown,
            extra=extra or {},
        )
        self._world.tell_message(message)
        return message

    def _may_write(self, chat: Chat, topic: Topic | None) -> None:
        if chat is self.chat:
            if chat.blocked:
                raise ValueError(f"{self.user.first_name} has blocked the bot")
            chat.met = True
        elif not self._world.member(chat, self.user).inside or chat.migrated_to:
            raise ValueError(f"{self.user.first_name} is not in {chat.title}")
        elif topic is not None and topic.closed:
            raise ValueError(f"the topic {topic.name} is closed")


def membership_json(member: Member) -> dict[str, Any]:
    """A ChatMember, as the Bot API shows it."""
    return {"user": member.user.json(), "status": member.status} | (
        {"until_date": 0} if member.status == "kicked" else {}
    )
