"""What the console does with the running service, in memory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from bot.plugins.desk import Choices, Configured, PluginDesk
from bot.plugins.host import PluginHost, made
from bot.ports import Clock
from tests.fakes import FakeKeyValue
from tests.fakes_search import FakeSearch


class FakeBackup:
    """`bot.ports.Backup` of these bytes."""

    def __init__(self, content: bytes = b"SQLite format 3\0") -> None:
        self.content = content

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "tertulia.db")
            await asyncio.to_thread(path.write_bytes, self.content)
            yield path

    async def size(self) -> int:
        return len(self.content)


def no_plugins(clock: Clock) -> PluginDesk:
    """A desk of a service in which none is installed."""
    store = FakeKeyValue()
    make = partial(made, search=FakeSearch(), store=store, clock=clock)
    return PluginDesk(PluginHost((), store=store, clock=clock), {}, Configured({}), Choices(), store, make)
