"""Conversations as the page shows them again after a reload."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import asdict

from adapters.web.blocks import Renderer
from adapters.web.identity import conversation_of
from adapters.web.models import CitationOut, ConversationOut, FileOut, MessageOut
from bot.ports import Conversations, People, Turns
from bot.types import Conversation, Message, Part, PartKind, Role, Turn

SHOWN_CONVERSATIONS = 50
SHOWN_TURNS = 50
SHOWN_CHARACTERS = 50_000
"""Of answers in one response, unless a single one is longer: all of them are made into HTML."""
_PAGES = 20


class Histories:
    """Reads, each scoped to one visitor."""

    def __init__(
        self, people: People, conversations: Conversations, turns: Turns, renderer: Renderer
    ) -> None:
        self._renderer = renderer
        self._people = people
        self._conversations = conversations
        self._turns = turns

    async def listing(self, visitor: str) -> list[ConversationOut]:
        """The visitor's newest conversations."""
        shown: list[ConversationOut] = []
        async for name, conversation in self._of(visitor):
            shown.append(ConversationOut(id=name, title=conversation.title))
            if len(shown) == SHOWN_CONVERSATIONS:
                break
        return shown

    async def messages(
        self, visitor: str, name: str, *, before: int = 0
    ) -> tuple[list[MessageOut], bool] | None:
        """The newest turns (before this number) of the visitor's conversation, oldest first, and
        whether there are older ones; None if it is not theirs.

        A turn under way has no stored question yet; the page remembers what it asked.
        """
        conversation = await self._find(visitor, name)
        if conversation is None:
            return None
        found = await self._turns.listing(conversation.id, limit=SHOWN_TURNS + 1, before=before)
        found = [t for t in found if t.number >= conversation.start_turn and _event_id(t)]
        turns = _fitting(found)[::-1]
        if not turns:
            return [], False
        history = await self._conversations.history(
            conversation.id, first_turn=turns[0].number, before_turn=turns[-1].number + 1
        )
        asked = {m.turn: m for m in reversed(history) if m.role is Role.USER}
        shown = [await self._message(turn, asked.get(turn.number)) for turn in turns]
        return shown, len(turns) < len(found)

    async def _message(self, turn: Turn, asked: Message | None) -> MessageOut:
        asked = asked or await self._turns.question(turn) or Message(Role.USER)
        return MessageOut(
            id=_event_id(turn),
            question=_own_words(asked),
            answer=turn.text,
            html=(await self._renderer.blocks(turn.text))[0],
            citations=[CitationOut(**asdict(c)) for c in turn.citations],
            state=turn.state.value,
            finish_reason=turn.finish_reason,
            attachments=[_file(part) for part in asked.attachments],
        )

    async def _find(self, visitor: str, name: str) -> Conversation | None:
        async for found, conversation in self._of(visitor):
            if found == name:
                return conversation
        return None

    async def _of(self, visitor: str) -> AsyncIterator[tuple[str, Conversation]]:
        """The visitor's conversations, newest first, by name; those that the person has by other
        accounts are not the page's."""
        person = await self._people.find("web", visitor)
        before = 0
        for _ in range(_PAGES if person is not None else 0):
            assert person is not None
            page = await self._conversations.listing(person.id, before=before)
            for conversation in page:
                if name := _name(visitor, conversation):
                    yield name, conversation
            if not page:
                return
            before = page[-1].id


def _own_words(asked: Message) -> str:
    """The question without the lines in which the model reads that files came with it."""
    text = asked.text
    for part in reversed(asked.attachments):
        text = re.sub(rf"\n*\[[a-z]+ ?{re.escape(part.name)}\]\Z", "", text)
    return text


def _file(part: Part) -> FileOut:
    return FileOut(
        id=part.ref.rpartition("/")[2],
        name=part.name,
        media_type=part.media_type,
        size=part.size,
        image=part.kind is PartKind.IMAGE,
    )


def _fitting(turns: list[Turn]) -> list[Turn]:
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


def _event_id(turn: Turn) -> str:
    """The page's id of the turn: ids of the page need no quoting in an event's key."""
    return turn.event_key.removeprefix("web/web/") if turn.event_key.startswith("web/web/") else ""
