"""A person on the platform: what they do, the bot is told; what they see, a test can look at."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.simulators.telegram.asked import InlineQuery, Press
from tests.simulators.telegram.chats import Member, Message, Topic, Version, origin_json
from tests.simulators.telegram.entity import Text, units
from tests.simulators.telegram.keyboards import markup
from tests.simulators.telegram.members import change_json
from tests.simulators.telegram.parameters import TEXT_LIMIT, read_text
from tests.simulators.telegram.sharing import Sharing
from tests.simulators.telegram.writing import Place, written


class Person(Sharing):
    """Somebody with the app in hand."""

    async def start(self, payload: str = "") -> Message:
        """Open the bot and press its start button."""
        self.chat.blocked = False
        return await self.say(f"/start {payload}".strip())

    async def say(
        self,
        text: str | Text,
        *,
        chat: Place | None = None,
        topic: Topic | None = None,
        reply_to: Message | None = None,
        quote: str = "",
        **extra: Any,
    ) -> Message:
        """Write a message; `extra` fields go into its JSON as they are."""
        return self._write(written(text), chat, topic, reply_to, quote, extra=extra)

    async def paste(self, text: str, *, chat: Place | None = None) -> list[Message]:
        """Write something long, which the app cuts into several messages at the limit."""
        pieces, rest = [], text
        while rest:
            cut = len(rest)
            while units(rest[:cut]) > TEXT_LIMIT:
                cut -= max(1, (units(rest[:cut]) - TEXT_LIMIT) // 2)
            pieces.append(rest[:cut])
            rest = rest[cut:]
        return [await self.say(piece, chat=chat) for piece in pieces]

    async def topic(self, name: str) -> Topic:
        """Begin a topic in their private chat, where the bot has topics."""
        if not self._world.bot.topics:
            raise ValueError("the bot's private chats have no topics")
        created = {"name": name, "icon_color": 0x6FB9F0}
        message = self._world.write(self.chat, self.user, Text(), extra={"forum_topic_created": created})
        message.thread_id = message.id
        topic = self.chat.topics[message.id] = Topic(message.id, name)
        self.chat.met = True
        self._world.tell_message(message)
        return topic

    async def reply(self, to: Message, text: str | Text, *, quote: str = "") -> Message:
        """Answer a message where it stands, quoting a part of it or not."""
        topic = to.chat.topics.get(to.thread_id)
        return await self.say(text, chat=to.chat, topic=topic, reply_to=to, quote=quote)

    async def edit(self, message: Message, text: str | Text) -> Message:
        """Change the text or caption of something they wrote."""
        theirs = message.sender is self.user or message.sender is message.chat
        if message.by_bot or not theirs:
            raise ValueError("people edit their own messages only")
        version = Version(
            written(text, media=bool(message.media)), message.media, message.markup, self._world.clock()
        )
        self._world.rewrite(message, version)
        self._world.tell_message(message, edited=True)
        return message

    async def delete(self, message: Message) -> None:
        """Take a message away for everybody; the Bot API tells nobody of that."""
        self._world.delete(message)

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

    async def inline(self, query: str, *, offset: str = "", chat: Place | None = None) -> InlineQuery:
        """Type the bot's name and a query in some chat; `answer` on what is returned gives the results."""
        world = self._world
        if not world.bot.inline:
            raise ValueError("the bot answers no inline queries")
        where = chat.chat if chat else None
        number = str(world.serial() + 3 * 10**17)
        asked = InlineQuery(number, self.user, query, offset, where, world.clock())
        world.inline[asked.id] = asked
        world.tell("inline_query", asked.json())
        return asked

    async def choose(self, query: InlineQuery, result_id: str, *, chat: Place | None = None) -> Message:
        """Take one of the results, which is sent in their name."""
        results = query.answer.results if query.answer else []
        result = next(r for r in results if r["id"] == result_id)
        content = result.get("input_message_content", {})
        if not content.get("message_text"):
            raise ValueError("only results that send a text can be chosen here")
        world = self._world
        text = read_text(content["message_text"], content.get("parse_mode", ""), content.get("entities"))
        extra = {"via_bot": world.bot.user.json()}
        keyboard = markup(result["reply_markup"]) if result.get("reply_markup") else None
        message = self._write(written(text), chat, extra=extra, markup=keyboard)
        chosen = {"result_id": result_id, "from": self.user.json(), "query": query.query}
        if keyboard:
            chosen["inline_message_id"] = inline_id = f"AgAAAB{world.serial():06d}"
            world.inline_messages[inline_id] = message
        world.tell("chosen_inline_result", chosen)
        return message

    async def block_bot(self) -> None:
        """Stop the bot: it can send nothing any more."""
        self._set_blocked(True)

    async def unblock_bot(self) -> None:
        self._set_blocked(False)

    def _set_blocked(self, blocked: bool) -> None:
        self.chat.blocked = blocked
        bot, date = self._world.bot.user, self._world.date()
        free, barred = Member(bot, "member"), Member(bot, "kicked")
        old, new = (free, barred) if blocked else (barred, free)
        self._world.tell("my_chat_member", change_json(self.chat, self.user, old, new, date))

    async def forward(
        self, message: Message, *, chat: Place | None = None, topic: Topic | None = None, hidden: bool = False
    ) -> Message:
        """Pass a message on; `hidden`: its author lets nobody link to them."""
        origin = origin_json(message)
        if hidden and origin["type"] == "user":
            name = origin["sender_user"]["first_name"]
            origin = {"type": "hidden_user", "date": origin["date"], "sender_user_name": name}
        extra = {"forward_origin": origin}
        return self._write(message.marked, chat, topic, media=message.media, extra=extra)

    async def react(self, message: Message, *emojis: str) -> None:
        """Leave these reactions on a message and no others; none: take them away."""
        world, chat = self._world, message.chat
        old = message.reactions.get(self.id, [])
        message.reactions[self.id] = list(emojis)
        world.news.tell()
        if chat.type != "private" and not world.member(chat, world.bot.user).administers:
            return
        about = {"chat": chat.json(), "message_id": message.id, "date": world.date()}
        if chat.type == "channel":
            counts = Counter(e for left in message.reactions.values() for e in left)
            reactions = [{"type": _emoji(e), "total_count": n} for e, n in counts.items()]
            world.tell("message_reaction_count", about | {"reactions": reactions})
            return
        change = {"old_reaction": [_emoji(e) for e in old], "new_reaction": [_emoji(e) for e in emojis]}
        world.tell("message_reaction", about | {"user": self.user.json()} | change)


def _emoji(emoji: str) -> dict[str, str]:
    return {"type": "emoji", "emoji": emoji}
