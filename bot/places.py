"""Conversations with what they inherit from the places around them.

A topic lies in its group, a thread in its channel, a channel in its server (`Event.within`). What is
chosen for a place holds in all that lies in it, unless something else is chosen there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.ports import Conversations
from bot.summaries import KEY as OWN_SUMMARY
from bot.takeover import KEYS as OWN_TAKEOVER
from bot.types import Address, Conversation, Event

_OWN = frozenset({OWN_SUMMARY, *OWN_TAKEOVER})


class Places:
    """One for the whole process. Methods raise StorageError."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    async def open(self, event: Event) -> Conversation:
        """The event's conversation, made if there is none, with what it inherits."""
        return await self._inheriting(await self._conversations.open(event.address), event.within)

    async def find(self, event: Event) -> Conversation | None:
        """The same, if there is one."""
        found = await self._conversations.find(event.address)
        return None if found is None else await self._inheriting(found, event.within)

    async def around(self, event: Event) -> Conversation | None:
        """The nearest place around that something was chosen for, with what it inherits itself."""
        for index, address in enumerate(event.within):
            found = await self._conversations.find(address)
            if found is not None:
                return await self._inheriting(found, event.within[index + 1 :])
        return None

    async def _inheriting(self, conversation: Conversation, within: Sequence[Address]) -> Conversation:
        for address in within:
            if (outer := await self._conversations.find(address)) is not None:
                given = {k: v for k, v in outer.settings.items() if k not in _OWN}
                conversation = replace(
                    conversation,
                    settings={**given, **conversation.settings},
                    model=conversation.model or outer.model,
                    persona=conversation.persona or outer.persona,
                )
        return conversation
