"""One command under way, and the words for it."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bot.locale import Catalogue
from bot.types import ADMIN, MANAGER, Capabilities, Conversation, Event, Person, PersonRole, Reply

RUNS_BOT = (PersonRole.OWNER, PersonRole.OPERATOR)


@dataclass(frozen=True, slots=True)
class Call:
    """Who called what, where, and with which arguments. `caps` are the chat's."""

    event: Event
    person: Person
    conversation: Conversation
    catalogue: Catalogue
    language: str
    arguments: str
    caps: Capabilities = Capabilities()
    wide: bool = False
    """It is about a place around, not about the chat itself."""
    top: bool = False
    """And that place lies in no other."""

    @property
    def link(self) -> str:
        """Where a person begins to talk to the bot with a code, with ``{code}`` in it; "" where the
        platform has no such links."""
        return self.caps.start_link

    @property
    def may_change(self) -> bool:
        """Whether this person may change what holds for the whole chat, or for the place around it."""
        return may_change(self.event, self.person.role, wide=self.wide, top=self.top)

    def refused(self) -> Reply:
        """That they may not, and whom they have to ask."""
        right = self.caps.admin_right if self.top else self.caps.manager_right
        if not right:
            return self.reply("group.operators")
        return self.reply("group.right", right=self.say(right))

    def say(self, key: str, /, **values: object) -> str:
        """The text of the key in the person's language."""
        return self.catalogue.say(self.language, key, **values)

    def reply(self, key: str, /, **values: object) -> Reply:
        """The same as a reply."""
        return Reply(self.say(key, **values))

    def role(self, role: PersonRole) -> str:
        """The role's name for people."""
        return self.say(f"role.{role}")

    def nearest(self, what: str, name: str, known: Collection[str]) -> Reply:
        """That there is no such thing, and which one may have been meant."""
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        shown_as = {"key" if what == "settings" else "name": plain(name)}
        if near:
            return self.reply(f"{what}.nearest", near=near[0], **shown_as)
        listed = ", ".join(f"`{k}`" for k in known)
        return self.reply(f"{what}.unknown", known=listed, **shown_as)


def may_change(event: Event, role: PersonRole, *, wide: bool = False, top: bool = False) -> bool:
    """Whether the event's sender, who has this role, may change what holds for the whole chat, for the
    place around it (`wide`), or for one that lies in no other (`top`)."""
    needed = {ADMIN} if top else {ADMIN, MANAGER}
    inside = event.private and not wide
    return inside or role in RUNS_BOT or not needed.isdisjoint(event.sender.roles)


def plain(text: str) -> str:
    """Somebody's text, short and fit to stand in Markdown."""
    line = " ".join(text.split())
    return "".join(c for c in line if c not in "`*[]<>\\")[:80]


def shown(value: Any) -> str:
    """A setting's value as people read it."""
    return ", ".join(f"`{v}`" for v in value) if isinstance(value, list | tuple) else f"`{value}`"
