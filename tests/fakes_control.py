"""What the console does with the running service, in memory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


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
