"""What is offered while somebody types a command's argument. Deny by default.

Values are shown to those only who may choose them: strangers and people who are shut out are offered
nothing, nor is whoever may not change what the command changes; of collections those that they may read.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.audience import may_read, roles_of
from bot.commands import Commands, parse
from bot.commands.call import may_change
from bot.commands.chat import EVERYWHERE
from bot.groups import COLLECTIONS
from bot.ports import People, Search
from bot.settings import Access
from bot.types import Event, Person, PersonRole

_EVERYBODYS = ("language",)
"""Commands that change what is the person's own."""


class Suggestions:
    def __init__(
        self,
        commands: Commands,
        people: People,
        search: Search,
        collections: Sequence[str],
        *,
        access: Access,
    ) -> None:
        """`collections`: those that the bot answers from."""
        self._commands = commands
        self._people = people
        self._search = search
        self._collections = collections
        self._open = access is Access.OPEN

    async def find(self, event: Event) -> Sequence[str]:
        """Whole arguments for the command in `event.data`, of which the beginning is typed. Raises
        StorageError."""
        person = await self._people.find(event.address.platform, event.sender.id)
        if person is None and self._open:
            person = Person("")
        if person is None or person.role is PersonRole.BLOCKED:
            return ()
        name, typed = parse(event.data)
        top = typed.split(" ")[0].lower() == EVERYWHERE
        if name not in _EVERYBODYS and not may_change(event, person.role, wide=top, top=top):
            return ()
        readable = await self._readable(event, person) if COLLECTIONS in typed.lower() else ()
        return self._commands.suggest(name, typed, readable)

    async def _readable(self, event: Event, person: Person) -> Sequence[str]:
        roles = roles_of(event.sender, person)
        return [name for name in self._collections if may_read(await self._search.audience(name), roles)]
