"""Our own Discord, driven as `DiscordPlace`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from tests.e2e.discord_place import Shown
from tests.e2e.discord_service import calm
from tests.simulators.discord import Discord, Interaction, Message, Person, Room
from tests.simulators.discord.others import Other

T = TypeVar("T")


class Ours:
    def __init__(self, dc: Discord, room: Room, ana: Person, ben: Person, role: str) -> None:
        self._dc = dc
        self.token = dc.token
        self._people = {"Ana": ana, "Ben": ben}
        self._others: dict[str, Other] = {"Robot": dc.other_bot("Robot", room), "Hook": dc.webhook("Hook")}
        self._general = room.general
        self.general, self.private = room.general.id, ana.channel.id
        self.mention = dc.bot.mention
        self.others: tuple[str, ...] = (ben.mention, role, "@everyone", "@here")

    @property
    def url(self) -> str:
        return self._dc.url

    @property
    def connected(self) -> int:
        return self._dc.connected

    @property
    def errors(self) -> list[str]:
        # the first call to a thread that is not there yet finds that out, and makes it
        return [e for e in self._dc.errors if not e.startswith("POST /channels/{channel_id}/typing")]

    async def until(self, predicate: Callable[[], T | None], within: float = 10.0) -> T:
        return await self._dc.until(predicate, within)

    async def say(
        self, text: str, place: int, *, by: str = "Ana", reply_to: Shown | None = None, ping: bool = True
    ) -> Shown:
        if by in self._others:
            return _shown(await self._others[by].say(text, channel=self._general))
        to = self._message(reply_to) if reply_to else None
        where = self._dc.world.channels[place]
        return _shown(await self._people[by].say(text, channel=where, reply_to=to, ping=ping))

    async def edit(self, message: Shown, text: str) -> None:
        await self._people["Ana"].edit(self._message(message), text)

    async def delete(self, message: Shown) -> None:
        await self._people["Ana"].delete(self._message(message))

    async def react(self, message: Shown, emoji: str) -> None:
        await self._people["Ana"].react(self._message(message), emoji)

    async def slash(self, name: str, place: int, *, text: str = "") -> Interaction:
        channel, given = self._dc.world.channels[place], {"text": text} if text else {}
        return await self._people["Ana"].slash(name, channel=channel, **given)

    async def press(self, message: Shown, button: str) -> Interaction:
        return await self._people["Ana"].press(self._message(message), button)

    def drop(self) -> None:
        self._dc.drop_gateway()

    def commands(self) -> list[str]:
        return self._people["Ana"].commands(self._general)

    def sees(self, place: int, by: str = "Ana") -> list[Shown]:
        seen = self._people[by].sees(self._dc.world.channels[place])
        return [_shown(message) for message in seen if not message.service]

    def thread(self, question: Shown) -> int:
        thread = self._message(question).thread
        return thread.id if thread is not None else 0

    def user(self, name: str) -> int:
        return self._people[name].id

    def _message(self, shown: Shown) -> Message:
        return self._dc.world.channels[shown.place].log[shown.id]


def _shown(message: Message) -> Shown:
    called = message.mentions
    return Shown(
        message.id,
        message.channel.id,
        message.by_bot,
        message.content,
        tuple(b["custom_id"] for b in message.buttons if "custom_id" in b),
        message.reply_to.id if message.reply_to else 0,
        bool(called.users or called.roles or called.everyone),
        tuple(file.data.decode() for file in message.body.attachments),
    )


@asynccontextmanager
async def ours(given: Discord | None = None) -> AsyncIterator[Ours]:
    """`given`: another than a calm one, not yet entered."""
    async with given or calm() as dc:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Friends", ana, ben)
        role = await room.role("crew", ben, mentionable=True)
        yield Ours(dc, room, ana, ben, f"<@&{role.id}>")
