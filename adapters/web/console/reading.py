"""A conversation as an operator reads it: turns with their questions, in pages, and who said what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import Markup

from adapters.web.blocks import Renderer
from adapters.web.history import Asked, fitting, own_words, with_questions
from bot.ports import Archive, Conversations, People, Turns
from bot.types import Conversation, FinishReason, Person, Turn, TurnState, Vote

SHOWN = 20
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
    waits: bool


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

    async def since(self, conversation: Conversation, first: int) -> list[Turn]:
        """The turns from this number on, the oldest first; of many the newest."""
        found = await self.turns.listing(conversation.id, limit=SHOWN)
        return [turn for turn in found if turn.number >= first][::-1]

    async def all(self, conversation: Conversation) -> AsyncIterator[Asked]:
        """Every turn, the oldest first."""
        newest = await self.turns.listing(conversation.id, limit=1)
        for first in range(1, newest[0].number + 1 if newest else 1, SHOWN):
            found = await self.turns.listing(conversation.id, limit=SHOWN, before=first + SHOWN)
            for row in await self._asked(conversation, [t for t in found if t.number >= first][::-1]):
                yield row

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
        html, _ = await self.renderer.blocks(turn.text)
        return Said(
            turn=turn,
            question=own_words(row.question),
            files=tuple(part.name or part.kind for part in row.question.attachments),
            speaker=row.question.name,
            person=people.get(turn.person_id),
            blocks=[Markup(block) for block in html],
            ratings=[rating for rating in ratings if rating.vote.turn_id == turn.id],
            operator=turn.model.removeprefix(HUMAN) if turn.model.startswith(HUMAN) else "",
            seconds=max(0.0, turn.ended_at - turn.started_at) if turn.state.ended else 0.0,
            waits=turn.state is TurnState.CANCELLED and turn.finish_reason == FinishReason.TAKEN,
        )

    async def _asked(self, conversation: Conversation, turns: list[Turn]) -> list[Asked]:
        return await with_questions(self.conversations, self.turns, conversation, turns)


def digest(turns: Sequence[Turn], holder: str) -> str:
    """Another one where what is shown of these turns, or who holds the conversation, changes."""
    states = [(t.id, t.state, t.finish_reason, len(t.text), t.ended_at) for t in turns]
    return sha256(repr((states, holder)).encode("utf-8", "replace")).hexdigest()[:16]
