"""Conversations as the page shows them: whoever asks for one is asked for in the query.

A conversation of this page has its name as its id. One that the person has by another account, or
in another browser, is `@` with its number: it can be read here, and goes on where it is.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from adapters.web.blocks import Renderer
from adapters.web.channel import WebChannel
from adapters.web.identity import chat_of, conversation_of
from adapters.web.models import CitationOut, ConversationOut, FileOut, MessageOut
from bot.ports import Conversations, OwnConversations, People, Turns
from bot.types import Address, Conversation, Message, OwnConversation, Part, PartKind, Person, Role, Turn

SHOWN_CONVERSATIONS = 30
SHOWN_TURNS = 50
SHOWN_CHARACTERS = 50_000
"""Of answers in one response, unless a single one is longer: all of them are made into HTML."""
EXCERPT = 70
"""Characters on both sides of what was looked for."""
_MARKS = re.compile(r"[*_`#>|~\[\]]+|\s+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn, and what was asked."""

    turn: Turn
    question: Message


class Histories:
    """Reads, each scoped to one visitor."""

    def __init__(
        self,
        people: People,
        conversations: Conversations,
        own: OwnConversations,
        turns: Turns,
        channel: WebChannel,
        renderer: Renderer,
    ) -> None:
        self._people = people
        self._conversations = conversations
        self._own = own
        self._turns = turns
        self._channel = channel
        self._renderer = renderer

    async def listing(
        self,
        visitor: str,
        *,
        query: str = "",
        before: tuple[float, int] | None = None,
        limit: int = SHOWN_CONVERSATIONS,
    ) -> tuple[list[ConversationOut], str]:
        """The visitor's conversations, the last active first, and where the next page goes on."""
        person = await self.person(visitor)
        if person is None:
            return [], ""
        rows = await self._own.listing(person.id, query=query, limit=limit + 1, before=before)
        shown = rows[:limit]
        older = f"{shown[-1].active_at!r}_{shown[-1].conversation.id}" if len(rows) > limit else ""
        return [_out(visitor, row, query) for row in shown], older

    async def person(self, visitor: str) -> Person | None:
        return await self._people.find("web", visitor)

    async def find(self, visitor: str, id: str) -> Conversation | None:
        """The visitor's own conversation of this id; None if there is none, or it is another's."""
        person = await self.person(visitor)
        if person is None:
            return None
        number = int(id[1:]) if id.startswith("@") else 0
        if not number:
            named = await self._conversations.find(Address("web", "web", chat_of(visitor, id)))
            number = named.id if named is not None else 0
        return await self._own.get(person.id, number) if number else None

    async def messages(
        self, visitor: str, conversation: Conversation, *, before: int = 0
    ) -> tuple[list[MessageOut], bool]:
        """The newest turns (before this number), oldest first, and whether there are older ones."""
        rows, older = await self.turns(conversation, before=before)
        return [await self._message(visitor, conversation, row) for row in rows], older

    async def turns(self, conversation: Conversation, *, before: int = 0) -> tuple[list[Asked], bool]:
        """As many of the newest (before this number) as one response may show, oldest first, and
        whether there are older ones since `/new`.

        A turn under way has no stored question yet; the page remembers what it asked.
        """
        found = await self._turns.listing(conversation.id, limit=SHOWN_TURNS + 1, before=before)
        found = [t for t in found if t.number >= conversation.start_turn]
        turns = fitting(found)[::-1]
        return await self._asked(conversation, turns), len(turns) < len(found)

    async def all(self, conversation: Conversation) -> AsyncIterator[Asked]:
        """Every turn since `/new`, oldest first, a page at a time."""
        newest = await self._turns.listing(conversation.id, limit=1)
        last = newest[0].number if newest else 0
        for first in range(conversation.start_turn, last + 1, SHOWN_TURNS):
            end = first + SHOWN_TURNS
            found = await self._turns.listing(conversation.id, limit=SHOWN_TURNS, before=end)
            for row in await self._asked(conversation, [t for t in found if t.number >= first][::-1]):
                yield row

    async def _asked(self, conversation: Conversation, turns: list[Turn]) -> list[Asked]:
        return await with_questions(self._conversations, self._turns, conversation, turns)

    async def _message(self, visitor: str, conversation: Conversation, row: Asked) -> MessageOut:
        turn, id = row.turn, answer_id(row.turn.event_key) if _name(visitor, conversation) else ""
        under_way = "" if turn.state.ended else self._channel.asked(id)
        return MessageOut(
            id=id or f"@{turn.number}",
            question=under_way or own_words(row.question),
            answer=turn.text,
            html=(await self._renderer.blocks(turn.text))[0],
            citations=[CitationOut(**asdict(c)) for c in turn.citations],
            state=turn.state.value,
            finish_reason=turn.finish_reason,
            attachments=[_file(part) for part in row.question.attachments],
        )


async def with_questions(
    conversations: Conversations, turns: Turns, conversation: Conversation, page: list[Turn]
) -> list[Asked]:
    """Some turns of the conversation that follow one another, the oldest first, with what was asked."""
    if not page:
        return []
    history = await conversations.history(
        conversation.id, first_turn=page[0].number, before_turn=page[-1].number + 1
    )
    asked = {m.turn: m for m in reversed(history) if m.role is Role.USER}
    return [Asked(t, asked.get(t.number) or await turns.question(t) or Message(Role.USER)) for t in page]


def page_id(visitor: str, conversation: Conversation) -> str:
    """What the conversation is called on this visitor's page."""
    return _name(visitor, conversation) or f"@{conversation.id}"


def own_words(asked: Message) -> str:
    """The question without the lines in which the model reads that files came with it."""
    text = asked.text
    for part in reversed(asked.attachments):
        text = re.sub(rf"\n*\[[a-z]+ ?{re.escape(part.name)}\]\Z", "", text)
    return text


def excerpt(text: str, query: str) -> str:
    """What stands around the first of the query's words that occurs as it is written."""
    text = _MARKS.sub(" ", text).strip()
    folded = text.casefold()
    places = [at for at in (folded.find(word) for word in query.casefold().split()) if at >= 0]
    begin = max(0, min(places, default=0) - EXCERPT)
    piece = text[begin : begin + 2 * EXCERPT]
    return f"{'…' if begin else ''}{piece.strip()}{'…' if begin + 2 * EXCERPT < len(text) else ''}"


def _out(visitor: str, row: OwnConversation, query: str) -> ConversationOut:
    conversation, here = row.conversation, bool(_name(visitor, row.conversation))
    return ConversationOut(
        id=page_id(visitor, conversation),
        title=conversation.title,
        active_at=row.active_at,
        platform=conversation.address.platform,
        here=here,
        answering=answer_id(row.last_event) if here and row.answering else "",
        excerpt=excerpt(row.found, query) if row.found else "",
    )


def _file(part: Part) -> FileOut:
    return FileOut(
        id=part.ref.rpartition("/")[2],
        name=part.name,
        media_type=part.media_type,
        size=part.size,
        image=part.kind is PartKind.IMAGE,
    )


def fitting(turns: list[Turn]) -> list[Turn]:
    """As many from the front as one response may show, at least one."""
    shown, characters = 0, 0
    for turn in turns[:SHOWN_TURNS]:
        characters += len(turn.text)
        if shown and characters > SHOWN_CHARACTERS:
            break
        shown += 1
    return turns[:shown]


def _name(visitor: str, conversation: Conversation) -> str:
    address = conversation.address
    return conversation_of(visitor, address.chat) if address.platform == "web" else ""


def answer_id(event_key: str) -> str:
    """The page's id of what answers this event of the page, or of what a person said here in the bot's
    place; "" if it is neither. Such ids need no quoting in an event's key."""
    return event_key.removeprefix("web/web/") if event_key.startswith("web/web/") else ""
