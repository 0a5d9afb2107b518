"""Driving the simulator with the library that the bot uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.simulators.discord.server import Discord


@contextmanager
def pointed_at(dc: Discord) -> Iterator[None]:
    """The library finds this Discord instead of the real one. It knows one for the whole process: two class
    attributes, of which the second is asked for only where no gateway was told of."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = dc.url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(dc.url).with_scheme("ws").with_path("/gateway/")
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


class Bot(discord.Client):
    """Hears everything; between two identifies it does not wait."""

    def __init__(self, dc: Discord, **options: Any) -> None:
        options.setdefault("intents", discord.Intents.default())
        super().__init__(guild_ready_timeout=0.1, **options)
        self.tree = discord.app_commands.CommandTree(self)
        self.events: list[tuple[str, Any]] = []
        self._dc = dc

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        return None

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        self.events.append((event, args[0] if args else None))
        super().dispatch(event, *args, **kwargs)
        self._dc.world.news.tell()

    @property
    def heard(self) -> list[discord.Message]:
        """What others wrote."""
        return [m for m in self.got("message") if m.author != self.user]

    def got(self, event: str) -> list[Any]:
        """What came with the library's events of this name."""
        return [what for name, what in self.events if name == event]


@asynccontextmanager
async def running(dc: Discord, client: discord.Client) -> AsyncIterator[None]:
    """The client is logged in and ready, until the end of the block."""
    with pointed_at(dc):
        await client.login(dc.token)
        task = asyncio.create_task(client.connect())
        ready = asyncio.create_task(client.wait_until_ready())
        try:
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            yield
        finally:
            ready.cancel()
            await client.close()
            await asyncio.gather(task, ready, return_exceptions=True)
