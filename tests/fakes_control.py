"""What the console does with the running service, in memory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

from bot.plugins.choices import Choices
from bot.plugins.desk import Configured, PluginDesk
from bot.plugins.host import PluginHost, made
from bot.ports import Clock
from bot.sealing import KEY_BYTES, Sealer
from storage.bundle import pack
from tests.fakes import FakeKeyValue
from tests.fakes_search import FakeSearch

NOWHERE = Path("/nowhere/secret.key")


def a_sealer(*keys: bytes, file: Path = NOWHERE) -> Sealer:
    """With these keys, or one of the tests' own."""
    return Sealer(keys or (b"k" * KEY_BYTES,), file)


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

    async def pack(self, copy: Path) -> AsyncGenerator[bytes]:
        with tempfile.TemporaryDirectory() as files, closing(pack(copy, Path(files))) as blocks:
            for block in blocks:
                yield block

    async def size(self) -> int:
        return len(self.content)


def no_plugins(clock: Clock) -> PluginDesk:
    """A desk of a service in which none is installed."""
    store = FakeKeyValue()
    make = partial(made, search=FakeSearch(), store=store, clock=clock)
    choices = Choices(store, a_sealer())
    return PluginDesk(PluginHost((), store=store, clock=clock), {}, Configured({}), choices, make)
