"""A conversation as an operator reads it: turns with their questions, in pages, and who said what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from markupsafe import Markup

from adapters.web.blocks import Renderer
from adapters.web.console.render import called
from adapters.web.history import Asked, Fate, every_turn, fitting, own_words, with_questions
from bot.ports import Archive, Conversations, People, Turns
from bot.types import Conversation, ListedConversation, Person, Turn, Vote

SHOWN = 20
TOLD = 2 * SHOWN
"""The most turns that an open page is told of at once."""
HUMAN = "human:"
"""Before the name of who answered in the bot's place, where a model's name stands."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What somebody said of an answer, and who they are, if they are still known."""

    vote: Vote
    person: Person | None


@dataclass(frozen=True, slots=True)
class Said:
    """A turn as it is shown. `blocks` are safe HTML; `seconds` is 0.0 while it is under way."""

    turn: Turn
    question: str
    files: tuple[str, ...]
    speaker: str
    person: Person | None
    blocks: Sequence[Markup]
    ratings: Sequence[Rating]
    operator: str
    seconds: float
    fate: Fate


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads for all operators; whoever calls it writes into the audit log."""

    archive: Archive
    conversations: Conversations
    turns: Turns
    people: People
    renderer: Renderer

    async def find(self, id: str) -> Conversation | None:
        """By the number in an address."""
        number = int(id) if id.isascii() and id.isdigit() and len(id) < 19 else 0
        return await self.conversations.get(number) if number else None

    async def page(self, conversation: Conversation, *, before: int = 0) -> tuple[list[Asked], bool]:
        """The newest turns (before this number), the oldest first, and whether there are older ones."""
        found = await self.turns.listing(conversation.id, limit=SHOWN + 1, before=before)
        shown = fitting(found[:SHOWN])
        return await self._asked(conversation, shown[::-1]), len(shown) < len(found)

    async def since(self, conversation: Conversation, first: int) -> tuple[list[Turn], int]:
        """The turns from this number on, the oldest first and at most TOLD, and from which number on to ask
        the next time: whoever does has been told of all before it."""
        newest = await self.turns.listing(conversation.id, limit=TOLD)
        turns = [turn for turn in newest if turn.number >= first][::-1]
        if len(turns) < TOLD or turns[0].number == first:
            # there is room for what comes until then
            return turns, turns[-SHOWN].number if len(turns) > TOLD - SHOWN // 2 else first
        found = await self.turns.listing(conversation.id, limit=TOLD, before=first + TOLD)
        # none, where so many were deleted
        turns = [turn for turn in found if turn.number >= first][::-1] or turns
        return turns, max(first + SHOWN, turns[-SHOWN:][0].number)

    def all(self, conversation: Conversation) -> AsyncIterator[Asked]:
        """Every turn, as `every_turn` reads it."""
        return every_turn(self.conversations, self.turns, conversation)

    async def said(self, conversation: Conversation, turns: Sequence[Turn]) -> list[Said]:
        return await self.shown(await self._asked(conversation, list(turns)))

    async def shown(self, rows: Sequence[Asked]) -> list[Said]:
        votes = await self.archive.votes([row.turn.id for row in rows])
        ids = {row.turn.person_id for row in rows} | {vote.person_id for vote in votes}
        people = {id: await self.people.get(id) for id in ids if id}
        return [
            await self._said(row, [Rating(v, people.get(v.person_id)) for v in votes], people) for row in rows
        ]

    async def _said(self, row: Asked, ratings: list[Rating], people: dict[str, Person | None]) -> Said:
        turn = row.turn
        operator = turn.model.removeprefix(HUMAN) if turn.model.startswith(HUMAN) else ""
        html, _ = await self.renderer.blocks((operator and row.answer) or turn.text)
        return Said(
            turn=turn,
            question=own_words(row.question),
            files=tuple(part.name or part.kind for part in row.question.attachments),
            speaker=row.question.name,
            person=people.get(turn.person_id),
            blocks=[Markup(block) for block in html],
            ratings=[rating for rating in ratings if rating.vote.turn_id == turn.id],
            operator=operator,
            seconds=max(0.0, turn.ended_at - turn.started_at) if turn.state.ended else 0.0,
            fate=row.fate,
        )

    async def _asked(self, conversation: Conversation, turns: list[Turn]) -> list[Asked]:
        return await with_questions(self.conversations, self.turns, conversation, turns)


async def with_visitors(
    people: People, rows: Sequence[ListedConversation], language: str
) -> list[ListedConversation]:
    """The lines, with what visitors of the chat page are called who told no name."""

    async def named(row: ListedConversation) -> ListedConversation:
        address = row.conversation.address
        if row.people or address.platform != "web":
            return row
        person = await people.find("web", address.chat.partition(":")[0])
        return row if person is None else replace(row, people=(called(language, person.name, person.id),))

    return list(await asyncio.gather(*map(named, rows)))


def heard(said: Sequence[Said], reader: str, other: str) -> str:
    """Another one where there is something new for this reader: a question, the end of an answer, or that
    an `other` operator has the conversation. What they say themselves is not."""
    own = [one.operator == reader for one in said]
    told = [
        (one.turn.number, mine or one.fate == "waits" or one.turn.state.ended)
        for one, mine in zip(said, own, strict=True)
        if not mine or one.question or one.files
    ]
    return _short((told, other))


def digest(turns: Sequence[Turn]) -> str:
    """Another one where what is shown of these turns changes."""
    return _short([(t.id, t.state, t.finish_reason, len(t.text), t.ended_at) for t in turns])


def _short(what: object) -> str:
    return sha256(repr(what).encode("utf-8", "replace")).hexdigest()[:16]
