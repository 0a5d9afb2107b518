"""Conversations with what they inherit from the places around them.

A topic lies in its group, a thread in its channel, a channel in its server (`Event.within`). What is
chosen for a place holds in all that lies in it, unless something else is chosen there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.ports import Atlas, Conversations
from bot.summaries import KEY as OWN_SUMMARY
from bot.takeover import KEYS as OWN_TAKEOVER
from bot.types import Address, Conversation, Event, Place

SAMPLING = "sampling"
_OWN = frozenset({OWN_SUMMARY, *OWN_TAKEOVER})
_REMEMBERED = 4096


class Places:
    """One for the whole process. Methods raise StorageError. With an `atlas`, places are noted there."""

    def __init__(self, conversations: Conversations, atlas: Atlas | None = None) -> None:
        self._conversations = conversations
        self._atlas = atlas
        self._noted: OrderedDict[Address, Place] = OrderedDict()

    async def open(self, event: Event) -> Conversation:
        """The event's conversation, made if there is none, with what it inherits."""
        await self._note(event)
        return await self._inheriting(await self._conversations.open(event.address), event.within)

    async def find(self, event: Event) -> Conversation | None:
        """The same, if there is one."""
        await self._note(event)
        found = await self._conversations.find(event.address)
        return None if found is None else await self._inheriting(found, event.within)

    async def around(self, event: Event) -> Conversation | None:
        """The nearest place around that something was chosen for, with what it inherits itself."""
        for index, address in enumerate(event.within):
            found = await self._conversations.find(address)
            if found is not None:
                return await self._inheriting(found, event.within[index + 1 :])
        return None

    async def _note(self, event: Event) -> None:
        """Keep what the event tells of places, where it is news."""
        news = [place for place in event.places if self._is_news(place)]
        if not news or self._atlas is None:
            return
        await self._atlas.note(news)
        for place in news:
            self._noted[place.address] = place
            self._noted.move_to_end(place.address)
        while len(self._noted) > _REMEMBERED:
            self._noted.popitem(last=False)

    def _is_news(self, place: Place) -> bool:
        known = self._noted.get(place.address)
        return known is None or known.within != place.within or place.name not in ("", known.name)

    async def _inheriting(self, conversation: Conversation, within: Sequence[Address]) -> Conversation:
        for address in within:
            if (outer := await self._conversations.find(address)) is not None:
                given = {k: v for k, v in outer.settings.items() if k not in _OWN}
                conversation = replace(
                    conversation,
                    settings=_over(given, conversation.settings),
                    model=conversation.model or outer.model,
                    persona=conversation.persona or outer.persona,
                )
        return conversation


def _over(given: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A place's own choices over the given ones; of sampling, too, each by itself."""
    both = {**given, **own}
    if given.get(SAMPLING) and own.get(SAMPLING):
        both[SAMPLING] = {**given[SAMPLING], **own[SAMPLING]}
    return both
