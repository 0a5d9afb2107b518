"""Writing a message into a chat, as a person does."""

from __future__ import annotations

from typing import Any, Protocol

from tests.simulators.telegram.chats import Chat, Draft, Message, Topic, User, reply_thread
from tests.simulators.telegram.entity import Text, units
from tests.simulators.telegram.parameters import CAPTION_LIMIT, TEXT_LIMIT
from tests.simulators.telegram.tidy import tidy
from tests.simulators.telegram.world import World


class Place(Protocol):
    """A chat, or something that has one."""

    @property
    def chat(self) -> Chat: ...


class Writer:
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

    def _write(
        self,
        text: Text,
        chat: Place | None,
        topic: Topic | None = None,
        reply_to: Message | None = None,
        quote: str = "",
        *,
        media: dict[str, Any] | None = None,
        markup: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Message:
        where = chat.chat if chat is not None else self.chat
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
            markup=markup,
            thread_id=topic.id if topic else reply_thread(where, reply_to),
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


def written(text: str | Text, *, media: bool = False) -> Text:
    """What an app lets a person write: as much as fits, and not nothing unless media go with it."""
    shown = tidy(text if isinstance(text, Text) else Text(text))
    if not (shown or media) or units(shown.text) > (CAPTION_LIMIT if media else TEXT_LIMIT):
        raise ValueError("Telegram lets nobody write nothing, or so much")
    return shown
