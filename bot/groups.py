"""Messages in a group that nobody addressed to the bot: answered, remembered, or passed over.

A group's conversation has settings of its own: `trigger` (``mention``: the bot answers where it is
mentioned, replied to or commanded; ``all``: every message), `overhear` (whether what is said around
it is remembered for a while, so that a question can be about it), and where the platform can,
`threads` (``on``: each question is answered in a thread of its own; ``long``: an answer of several messages
goes on in a thread of its first) and `support` (``on``: the
question that opens a post is answered without being asked to, and a button says that the answer
helped; ``close``: which then also closes the post). `files` (whether what is too long for a few
messages comes as a file) is for private chats, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.places import Places
from bot.ports import Overheard
from bot.reading import question_of
from bot.types import Capabilities, Conversation, Event, EventKind, Person, PersonRole

TRIGGER, OVERHEAR, THREADS, SUPPORT, FILES = "trigger", "overhear", "threads", "support", "files"
CLOSE, LONG = "close", "long"
CHOICES: Mapping[str, tuple[str, ...]] = {
    TRIGGER: ("mention", "all"),
    OVERHEAR: ("on", "off"),
    THREADS: ("off", "on", LONG),
    SUPPORT: ("off", "on", CLOSE),
    FILES: ("on", "off"),
}
"""What each setting can be; the first is the default."""
LANGUAGE, COLLECTIONS = "language", "collections"
"""A group's language, whoever asks; and the names of the collections that it is answered from."""


def choices(caps: Capabilities, private: bool) -> tuple[str, ...]:
    """The settings of CHOICES that a chat of these capabilities has."""
    able = {THREADS: caps.threads, SUPPORT: caps.solves, FILES: caps.most_parts > 0}
    return tuple(name for name in CHOICES if able.get(name, True) and (name == FILES or not private))


def choice(conversation: Conversation, name: str) -> str:
    """What a group's setting is."""
    chosen: Any = conversation.settings.get(name)
    return chosen if chosen in CHOICES[name] else CHOICES[name][0]


def languages(event: Event, person: Person, conversation: Conversation) -> tuple[str, ...]:
    """The languages to speak in, the first that is known: a group's own, the person's choice, the
    platform's word."""
    chosen = "" if event.private else str(conversation.settings.get(LANGUAGE, ""))
    return (chosen, person.language, event.sender.language)


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
        if choice(rules, TRIGGER) == "all" or (event.opens and choice(rules, SUPPORT) != "off"):
            return True
        if conversation is None:
            return False
        said = question_of(event)
        if said and choice(conversation, OVERHEAR) == "on":
            await self._overheard.put(
                conversation.id, event.address.platform, event.sender, event.message_id, said
            )
        return False
