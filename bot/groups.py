"""Messages in a group that nobody addressed to the bot: answered, remembered, or passed over.

Each group conversation has two settings of its own: `trigger` (``mention``: the bot answers where
it is mentioned, replied to or commanded; ``all``: every message) and `overhear` (whether what is
said around it is remembered for a while, so that a question can be about it).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.places import Places
from bot.ports import Overheard
from bot.reading import question_of
from bot.types import Conversation, Event, EventKind, PersonRole

TRIGGER, OVERHEAR = "trigger", "overhear"
CHOICES: Mapping[str, tuple[str, ...]] = {TRIGGER: ("mention", "all"), OVERHEAR: ("on", "off")}
"""What each setting can be; the first is the default."""


def choice(conversation: Conversation, name: str) -> str:
    """What a group's setting is."""
    chosen: Any = conversation.settings.get(name)
    return chosen if chosen in CHOICES[name] else CHOICES[name][0]


class Groups:
    """One for the whole process."""

    def __init__(self, places: Places, overheard: Overheard) -> None:
        self._places = places
        self._overheard = overheard

    async def answers(self, event: Event, role: PersonRole | None) -> bool:
        """Whether a group's message that does not address the bot is to be answered all the same.

        One that is not is remembered, if its group is one where the bot is used and its sender was
        not shut out. Raises StorageError.
        """
        if event.kind not in (EventKind.MESSAGE, EventKind.EDIT) or event.sender.is_bot:
            return False
        conversation = await self._places.find(event)
        rules = conversation or await self._places.around(event)
        if rules is None or role is PersonRole.BLOCKED:
            return False
        if choice(rules, TRIGGER) == "all":
            return True
        if conversation is None:
            return False
        said = question_of(event)
        if said and choice(conversation, OVERHEAR) == "on":
            await self._overheard.put(
                conversation.id, event.address.platform, event.sender, event.message_id, said
            )
        return False
