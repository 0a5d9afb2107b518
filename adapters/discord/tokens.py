"""Interactions that wait for their answer: stored, so that any process can give it.

https://discord.com/developers/docs/interactions/receiving-and-responding: a token answers for fifteen
minutes after the interaction was acknowledged.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass

from adapters.discord.memory import Recent
from adapters.discord.translate import INTERACTION
from bot.plugins.api import Scoped
from bot.ports import Clock

LIFE_SECONDS = 14.5 * 60
KEEP_SECONDS = 24 * 3600.0
VIA, CHAT = "via:", "only:"


@dataclass(frozen=True, slots=True)
class Asked:
    """An interaction. `deferred`: a message that says that an answer comes stands for it. `outside`:
    the bot has no other way into its chat."""

    id: str
    token: str
    application: str
    chat: str
    user: str
    at: float
    deferred: bool = False
    outside: bool = False
    answered: bool = False
    language: str = ""


class Tokens:
    """Methods that wait raise StorageError."""

    def __init__(self, store: Scoped, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._asked: Recent[str, Asked] = Recent()
        self._over: Recent[str, bool] = Recent()
        self._telling: dict[str, asyncio.Task[None]] = {}

    async def remember(self, asked: Asked) -> None:
        await self._store.put(INTERACTION + asked.id, asdict(asked))
        self._asked.put(asked.id, asked)
        if asked.outside:
            await self._store.put(CHAT + asked.chat, {"id": asked.id, "at": asked.at})

    def wait_for(self, number: str, telling: asyncio.Task[None]) -> None:
        """Discord is being told that the interaction has come: nothing can be said to it before."""
        self._telling[number] = telling
        telling.add_done_callback(lambda _: self._telling.pop(number, None))

    async def of(self, reply_to: str) -> Asked | None:
        """The interaction that this is the id of, dead or alive, once something can be said to it; None
        if it is none that is known."""
        number = reply_to.removeprefix(INTERACTION)
        if number == reply_to:
            return None
        if (telling := self._telling.get(number)) is not None:
            await asyncio.wait([telling])
        return self._asked.get(number) or await self._stored(number)

    async def only(self, chat: str) -> Asked | None:
        """The newest interaction of a chat that can be reached in no other way."""
        found = await self._store.get(CHAT + chat)
        return await self.of(INTERACTION + found["id"]) if found else None

    async def via(self, message_id: str) -> Asked | None:
        """The interaction that a message must be changed through."""
        found = await self._store.get(VIA + message_id)
        return await self.of(INTERACTION + found["id"]) if found else None

    async def sent(self, asked: Asked, key: str, message_id: str, *, bound: bool) -> None:
        """`message_id` was sent for `key` as an answer. `bound`: only the interaction can change it."""
        await self._store.put(f"sent:{key}", {"id": message_id, "at": asked.at})
        if bound:
            await self._store.put(VIA + message_id, {"id": asked.id, "at": asked.at})

    async def earlier(self, key: str) -> str:
        """The message that was sent for this key as an answer; "" if there is none."""
        found = await self._store.get(f"sent:{key}")
        return str(found["id"]) if found else ""

    def alive(self, asked: Asked) -> bool:
        return self._clock.time() < asked.at + LIFE_SECONDS and not self._over.get(asked.id)

    def over(self, asked: Asked) -> None:
        """Discord says that it takes no answer any more."""
        self.end(asked.id)

    def end(self, number: str) -> None:
        """The interaction takes no answer."""
        self._over.put(number, True)

    async def _stored(self, number: str) -> Asked | None:
        found = await self._store.get(INTERACTION + number)
        if not found:
            return None
        asked = Asked(**found)
        self._asked.put(number, asked)
        return asked

    async def prune(self) -> None:
        """Remove what is older than `KEEP_SECONDS`."""
        before = self._clock.time() - KEEP_SECONDS
        for prefix in (INTERACTION, VIA, CHAT, "sent:"):
            for name, value in (await self._store.items(prefix)).items():
                if value["at"] < before:
                    await self._store.delete(name)
