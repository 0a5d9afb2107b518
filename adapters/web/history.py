"""Conversations as the page shows them: whoever asks for one is asked for in the query.

A conversation of this page has its name as its id. One that the person has by another account, or
in another browser, is `@` with its number: it can be read here, and goes on where it is.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Literal

from adapters.web.blocks import Renderer
from adapters.web.channel import WebChannel
from adapters.web.identity import chat_of, conversation_of
from adapters.web.models import CitationOut, ConversationOut, FileOut, MessageOut, ThoughtsOut
from bot.errors import StorageGone
from bot.ports import Conversations, OwnConversations, People, Turns
from bot.types import (
    Address,
    Conversation,
    FinishReason,
    Message,
    OwnConversation,
    Part,
    PartKind,
    Person,
    Role,
    Turn,
    TurnState,
)

SHOWN_CONVERSATIONS = 30
SHOWN_TURNS = 50
SHOWN_CHARACTERS = 50_000
"""Of answers in one response, unless a single one is longer: all of them are made into HTML."""
THOUGHTS_WEIGH = 5
"""So many characters of thoughts count as one: they are sent as they are."""
READ_TURNS = 20
"""Turns that are held at once where all are read."""
EXCERPT = 70
"""Characters on both sides of what was looked for."""
_MARKS = re.compile(r"[*_`#>|~\[\]]+|\s+")


Fate = Literal["", "waits", "later", "unanswered"]
"""Of a question that was kept for a person: it waits for one, a later answer was for it, too, or nobody has
answered it. "" of any other."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn, and what was asked. `answer` is what was said there without who says so; "" if it is not told
    apart (any more)."""

    turn: Turn
    question: Message
    answer: str = ""
    fate: Fate = ""


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
        before: tuple[float, int, int] | None = None,
        limit: int = SHOWN_CONVERSATIONS,
    ) -> tuple[list[ConversationOut], str]:
        """The visitor's conversations, the last active first, and where the next page goes on; of a
        search that may be so though it found none yet."""
        person = await self.person(visitor)
        if person is None:
            return [], ""
        if query:
            found = await self._own.search(person.id, query, limit=limit, before=before)
            return [_out(visitor, row, query) for row in found.conversations], _cursor(found.older)
        rows = await self._own.listing(person.id, limit=limit + 1, before=before and before[:2])
        last = rows[limit - 1] if len(rows) > limit else None
        older = _cursor((last.active_at, last.conversation.id, 0) if last else None)
        return [_out(visitor, row, "") for row in rows[:limit]], older

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
        person = await self.person(visitor)
        rated = await self._turns.ratings([row.turn.id for row in rows], person.id) if person else {}
        messages = [
            await self._message(visitor, conversation, row, rated.get(row.turn.id, 0)) for row in rows
        ]
        return messages, older

    async def turns(self, conversation: Conversation, *, before: int = 0) -> tuple[list[Asked], bool]:
        """As many of the newest (before this number) as one response may show, oldest first, and
        whether there are older ones since `/new`.

        A turn under way has no stored question yet; the page remembers what it asked.
        """
        found = await self._turns.listing(conversation.id, limit=SHOWN_TURNS + 1, before=before)
        found = [t for t in found if t.number >= conversation.start_turn]
        turns = fitting(found)[::-1]
        return await self._asked(conversation, turns), len(turns) < len(found)

    def all(self, conversation: Conversation) -> AsyncIterator[Asked]:
        """Every turn since `/new`, as `every_turn` reads it."""
        return every_turn(self._conversations, self._turns, conversation, conversation.start_turn)

    async def _asked(self, conversation: Conversation, turns: list[Turn]) -> list[Asked]:
        return await with_questions(self._conversations, self._turns, conversation, turns)

    async def _message(self, visitor: str, conversation: Conversation, row: Asked, vote: int) -> MessageOut:
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
            fate=row.fate,
            vote=vote,
            attachments=[_file(part) for part in row.question.attachments],
            thoughts=self._thoughts(turn),
        )

    def _thoughts(self, turn: Turn) -> ThoughtsOut | None:
        if not turn.thoughts.text or not self._channel.thoughts:
            return None
        return ThoughtsOut(**asdict(turn.thoughts))


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
    said = {m.turn: m.text for m in history if m.role is Role.ASSISTANT}
    fates = await _fates(turns, conversation, page)
    return [
        Asked(
            turn,
            asked.get(turn.number) or await turns.question(turn) or Message(Role.USER),
            said.get(turn.number, ""),
            fates.get(turn.number, ""),
        )
        for turn in page
    ]


async def _fates(turns: Turns, conversation: Conversation, page: list[Turn]) -> dict[int, Fate]:
    """By number, of those that were kept for a person. What was asked before `/new` is answered by nothing
    that came after."""
    kept = [turn.number for turn in page if _waits(turn)]
    if not kept:
        return {}
    start, answers = conversation.start_turn, [turn.number for turn in page if _answers(turn)]
    if not answers or answers[-1] < kept[-1]:
        newest = await turns.listing(conversation.id, limit=SHOWN_TURNS)
        answers += [turn.number for turn in newest if _answers(turn)]

    def fate(number: int) -> Fate:
        if any(number < later and (number >= start or later < start) for later in answers):
            return "later"
        return "waits" if conversation.taken_by and number >= start else "unanswered"

    return {number: fate(number) for number in kept}


def _waits(turn: Turn) -> bool:
    return turn.state is TurnState.CANCELLED and turn.finish_reason == FinishReason.TAKEN


def _answers(turn: Turn) -> bool:
    """Whether something is said there, or about to be."""
    if _waits(turn) or turn.state is TurnState.FAILED:
        return False
    return bool(turn.text) or not turn.state.ended


async def every_turn(
    conversations: Conversations, turns: Turns, conversation: Conversation, first: int = 1
) -> AsyncIterator[Asked]:
    """Those from this number on that there are now, the oldest first, read a page at a time. Raises
    StorageGone if the conversation is deleted meanwhile."""
    newest = await turns.listing(conversation.id, limit=1)
    for start in range(first, newest[0].number + 1 if newest else first, READ_TURNS):
        found = await turns.listing(conversation.id, limit=READ_TURNS, before=start + READ_TURNS)
        page = [turn for turn in found if turn.number >= start][::-1]
        for row in await with_questions(conversations, turns, conversation, page):
            yield row
    if await conversations.get(conversation.id) is None:
        raise StorageGone("this conversation was deleted")


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
        staff=conversation.taken_by,
        excerpt=excerpt(row.found, query) if row.found else "",
    )


def _cursor(place: tuple[float, int, int] | None) -> str:
    return "" if place is None else f"{place[0]!r}_{place[1]}_{place[2]}"


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
        characters += len(turn.text) + len(turn.thoughts.text) // THOUGHTS_WEIGH
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
