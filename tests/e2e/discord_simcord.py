"""SimCord's Discord, driven as `DiscordPlace`.

Where SimCord is not as Discord is, and how it is met here:

* `mentions` of a message names those whom its text names, even if `allowed_mentions` keeps them from being
  called. Whom a message calls is read from SimCord's own list.
* A thread begun from a message always leaves a note (THREAD_CREATED) in its channel, which refers to the
  message; Discord leaves one if the message is an old one, and it refers to the thread. Notes are not shown.
* Such a thread has no first message (THREAD_STARTER_MESSAGE) that shows what it was begun from, the message
  does not tell that it has one, and THREAD_CREATE does not say that the bot is in it.
* An answer to a command has no `webhook_id`, a reaction no `message_author_id`, and in a guild a reply's
  reference no `guild_id` and whoever is mentioned no `member`: the bot must do without, and does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import discord
from simcord.actors import MemberActor
from simcord.backend.models import AllowedMentions, Message
from simcord.builders import ChannelHandle, UserHandle
from simcord.components import walk_components
from simcord.results import InteractionResult

from tests.e2e.discord_place import Shown
from tests.simulators.discord_second_opinion import SimCord, simcord

T = TypeVar("T")
SAID = (0, 19, 20, 23)
"""Types of messages that somebody wrote, and answers to commands."""


class Came:
    """What came of an interaction."""

    def __init__(self, result: InteractionResult) -> None:
        self._result = result

    @property
    def acknowledged(self) -> bool:
        return self._result.acknowledged

    @property
    def texts(self) -> list[str]:
        first = self._result.response
        return [m.content for m in ([first] if first else []) + self._result.followups]


class BySimCord:
    def __init__(self, server: SimCord) -> None:
        self._server = server
        self._env = env = server.env
        self.token = server.token
        self._ana, ben, robot = (
            env.create_user("Ana"),
            env.create_user("Ben"),
            env.create_user("Robot", bot=True),
        )
        self._guild = env.create_guild("Friends", owner=self._ana)
        crew = self._guild.create_role("crew", mentionable=True)
        members = [self._guild.add_member(user) for user in (ben, robot)]
        self._members = {"Ben": members[0], "Robot": members[1]}
        self._members["Ana"] = MemberActor(env, self._guild, self._ana)
        self._general = self._guild.create_text_channel("general")
        self._hook = self._guild.create_webhook(self._general, "Hook")
        self.general, self.private = self._general.id, self._ana.dm_channel.id
        self.mention = f"<@{env.backend.bot_user.id}>"
        self.others: tuple[str, ...] = (ben.mention, crew.mention, "@everyone", "@here")

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def connected(self) -> int:
        return self._server.connected

    @property
    def errors(self) -> list[str]:
        return self._server.errors

    async def until(self, predicate: Callable[[], T | None], within: float = 10.0) -> T:
        return await self._server.until(predicate, within)

    async def say(
        self, text: str, place: int, *, by: str = "Ana", reply_to: Shown | None = None, ping: bool = True
    ) -> Shown:
        said: discord.Message | Message
        reference = {"message_id": str(reply_to.id)} if reply_to else None
        if reply_to and not ping:  # its people always call whom they reply to
            quiet = AllowedMentions(replied_user=False)
            said = self._env.backend.create_message(
                place, self.user(by), text, reference=reference, allowed_mentions=quiet
            )
        elif by == "Hook":
            said = await self._hook.send(text)
        elif place == self.private:
            said = await self._ana.send_dm(text, reference=reference)
        else:
            to = self._message(reply_to) if reply_to else None
            said = await self._members[by].send(self._channel(place), text, reply_to=to)
        return self._shown(self._env.backend.get_message(place, said.id))

    async def edit(self, message: Shown, text: str) -> None:
        await self._person(message.place).edit(self._message(message), text)

    async def delete(self, message: Shown) -> None:
        await self._person(message.place).delete(self._message(message))

    async def react(self, message: Shown, emoji: str) -> None:
        await self._person(message.place).set_reaction(self._message(message), emoji, reacted=True)

    async def slash(self, name: str, place: int, *, text: str = "") -> Came:
        given = {"text": text} if text else {}
        if place == self.private:
            return Came(await self._ana.slash(name, **given))
        return Came(await self._members["Ana"].slash(self._channel(place), name, **given))

    async def press(self, message: Shown, button: str) -> Came:
        return Came(await self._person(message.place).click(self._message(message), custom_id=button))

    def drop(self) -> None:
        self._server.drop()

    def commands(self) -> list[str]:
        return list(self._members["Ana"].available_commands(self._general))

    def sees(self, place: int, by: str = "Ana") -> list[Shown]:
        messages = sorted(self._env.backend.messages[place].values(), key=lambda m: m.id)
        seen = [m for m in messages if m.visible_to(self.user(by)) and m.type in SAID]
        return [self._shown(message) for message in seen]

    def thread(self, question: Shown) -> int:
        return question.id if question.id in self._env.backend.channels else 0

    def user(self, name: str) -> int:
        return self._members[name].id

    def _person(self, place: int) -> UserHandle | MemberActor:
        return self._ana if place == self.private else self._members["Ana"]

    def _channel(self, place: int) -> ChannelHandle:
        return ChannelHandle(self._env, self._guild, self._env.backend.get_channel(place))

    def _message(self, shown: Shown) -> Any:
        return next(m for m in self._channel(shown.place).history() if m.id == shown.id)

    def _shown(self, message: Message) -> Shown:
        called = message.ping_user_ids or message.ping_role_ids or message.mention_everyone
        files = [self._env.backend.cdn.get(file["url"]) or b"" for file in message.attachments]
        buttons = [str(c["custom_id"]) for c in walk_components(message.components) if c.get("custom_id")]
        return Shown(
            message.id,
            message.channel_id,
            message.author_id == self._env.backend.bot_user.id,
            message.content,
            tuple(buttons),
            int((message.reference or {}).get("message_id", 0)),
            bool(called),
            tuple(file.decode() for file in files),
        )


@asynccontextmanager
async def by_simcord() -> AsyncIterator[BySimCord]:
    async with simcord() as server:
        yield BySimCord(server)
