"""What people may see and do with their own conversations, and with nobody else's."""

from __future__ import annotations

from typing import Protocol

from bot.types import Conversation, OwnConversation, OwnFound


class OwnConversations(Protocol):
    """One person's conversations: those in which they asked and nobody else ever did. The person
    stands in each query, so that no id reaches another's. Costs depend on how much this person has,
    not on how much there is."""

    async def listing(
        self, person_id: str, *, limit: int = 30, before: tuple[float, int] | None = None
    ) -> list[OwnConversation]:
        """The last active first; `before` is (active_at, id) of the last one seen."""
        ...

    async def search(
        self, person_id: str, query: str, *, limit: int = 30, before: tuple[float, int, int] | None = None
    ) -> OwnFound:
        """Those with a turn since `/new`, or else a title, that has every word of the query, in any
        language, and for its last one, which may be half typed, a word that it begins (`sought` of
        `bot.words`); a query without words finds nothing. Each call looks through so many conversations
        and turns at most, the newest first, so that none is slow: `older` says where to go on, be it
        amid a long conversation."""
        ...

    async def get(self, person_id: str, conversation_id: int) -> Conversation | None:
        """None if it is not the person's own, or there is none."""
        ...

    async def delete(self, person_id: str, conversation_id: int) -> bool:
        """Remove it with its turns, messages, index, feedback, plugins' values and shares. False, and
        nothing happens, if it is not the person's own."""
        ...
