"""Who may read a collection of documents that is not for everybody.

Its audience is a list of roles; who has one of them may read it, nobody else. A role is `owner` or
`operator`, which the bot gives, or a platform's by its number, `role:ID`. A platform's role by its name
is none: whoever sets up a server of their own can name a role there as they like.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bot.types import Person, PersonRole, Sender

EVERYBODY = "everybody"
_BY_ID = re.compile(r"role:\S{1,64}")
_RUNS_BOT = (PersonRole.OWNER, PersonRole.OPERATOR)


def audience_of(given: Sequence[str]) -> tuple[str, ...]:
    """The roles as they are stored; none where `everybody` is meant. Raises ValueError, which names
    what is no role."""
    if tuple(given) == (EVERYBODY,):
        return ()
    for role in given:
        if role not in _RUNS_BOT and not _BY_ID.fullmatch(role):
            raise ValueError(f"{role!r} is no role; use role:ID, operator, owner, or {EVERYBODY} alone")
    return tuple(dict.fromkeys(given))


def roles_of(sender: Sender, person: Person) -> tuple[str, ...]:
    """What this sender is, of all that an audience can name; an owner is an operator too."""
    own = _RUNS_BOT[_RUNS_BOT.index(person.role) :] if person.role in _RUNS_BOT else ()
    return (*filter(_BY_ID.fullmatch, sender.roles), *own)


def may_read(audience: Collection[str], roles: Collection[str]) -> bool:
    """Whether somebody with these roles may read what has this audience."""
    return not audience or not set(audience).isdisjoint(roles)
