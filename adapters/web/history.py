"""Conversations as the page shows them again after a reload."""

from __future__ import annotations

from dataclasses import asdict

from adapters.web.answers import html_blocks
from adapters.web.identity import Signer, conversation_of
from adapters.web.models import CitationOut, ConversationOut, MessageOut
from bot.ports import Conversations, People, Turns
from bot.types import Conversation, Role, Turn

SHOWN_TURNS = 50
_PAGES = 20


class Histories:
    """Reads, each scoped to one visitor."""

    def __init__(self, people: People, conversations: Conversations, turns: Turns) -> None:
        self._people = people
        self._conversations = conversations
        self._turns = turns

    async def listing(self, visitor: str) -> list[ConversationOut]:
        """The visitor's newest conversations."""
        person = await self._people.find("web", visitor)
        if person is None:
            return []
        found = await self._conversations.listing(person.id)
        return [ConversationOut(id=name, title=c.title) for c in found if (name := _name(visitor, c))]

    async def messages(self, visitor: str, name: str, signer: Signer) -> list[MessageOut] | None:
        """The newest turns of the visitor's conversation, oldest first; None if it is not theirs.

        A turn under way has no stored question yet; the page remembers what it asked.
        """
        conversation = await self._find(visitor, name)
        if conversation is None:
            return None
        turns = await self._turns.listing(conversation.id, limit=SHOWN_TURNS)
        turns = [t for t in reversed(turns) if t.number >= conversation.start_turn]
        if not turns:
            return []
        history = await self._conversations.history(conversation.id, first_turn=turns[0].number)
        asked = {m.turn: m.text for m in reversed(history) if m.role is Role.USER}
        return [await self._message(turn, asked.get(turn.number)) for turn in turns if _event_id(turn)]

    async def _message(self, turn: Turn, asked: str | None) -> MessageOut:
        if asked is None:
            question = await self._turns.question(turn)
            asked = question.text if question else ""
        return MessageOut(
            id=_event_id(turn),
            question=asked,
            answer=turn.text,
            html=html_blocks(turn.text),
            citations=[CitationOut(**asdict(c)) for c in turn.citations],
            state=turn.state.value,
            finish_reason=turn.finish_reason,
        )

    async def _find(self, visitor: str, name: str) -> Conversation | None:
        person = await self._people.find("web", visitor)
        before = 0
        for _ in range(_PAGES if person is not None else 0):
            assert person is not None
            page = await self._conversations.listing(person.id, before=before)
            for conversation in page:
                if _name(visitor, conversation) == name:
                    return conversation
            if not page:
                break
            before = page[-1].id
        return None


def _name(visitor: str, conversation: Conversation) -> str:
    address = conversation.address
    return conversation_of(visitor, address.chat) if address.platform == "web" else ""


def _event_id(turn: Turn) -> str:
    """The page's id of the turn: ids of the page need no quoting in an event's key."""
    return turn.event_key.removeprefix("web/web/") if turn.event_key.startswith("web/web/") else ""
