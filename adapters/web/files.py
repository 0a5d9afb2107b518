"""Files that visitors bring, each in its visitor's own folder under the hash of its content.

What people call a file is data beside it and never a path. A file belongs to the conversations that
it was asked about in: a day after it came, or was last asked about anew, it goes unless one of them is there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import msgspec

from adapters.web.sniff import IMAGES, media_type, readable_name
from bot.errors import FileRefused, StorageError
from bot.ports import Clock
from bot.types import Part, PartKind

log = logging.getLogger(__name__)
MOST_FILES = 200
MOST_BYTES = 100_000_000
"""Of one visitor's files."""
LEAST_FREE = 500_000_000
"""Bytes that must stay free on the disk: the database needs it too."""
KEEP_UNUSED = 24 * 3600.0
SWEEP_SECONDS = 3600.0
_VISITOR = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(r"[0-9a-f]{64}")


class NoRoom(Exception):
    """The visitor's files, or all of them, are too many. The text says so to the visitor."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`id` is the SHA-256 of the content. `conversations` are those that it was asked about in."""

    id: str
    name: str
    media_type: str
    size: int
    at: float
    conversations: tuple[str, ...] = ()

    @property
    def is_image(self) -> bool:
        return self.media_type in IMAGES

    def part(self, visitor: str) -> Part:
        kind = PartKind.IMAGE if self.is_image else PartKind.FILE
        return Part(kind, "", f"{visitor}/{self.id}", self.media_type, self.name, self.size)


class Files:
    """`limit`: the bytes that one file may have."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        limit: int,
        most_files: int = MOST_FILES,
        least_free: int = LEAST_FREE,
    ) -> None:
        self.limit = limit
        self._most_files = most_files
        self._least_free = least_free
        self._folder = folder
        self._clock = clock
        self._writing = asyncio.Lock()

    async def put(self, visitor: str, name: str, content: bytes) -> StoredFile:
        """Durable on return. Raises NoRoom."""
        async with self._writing:
            return await asyncio.to_thread(self._put, visitor, name, content)

    async def find(self, visitor: str, id: str) -> StoredFile | None:
        """The visitor's own file."""
        return await asyncio.to_thread(self._find, visitor, id)

    async def listing(self, visitor: str) -> list[StoredFile]:
        """All that this visitor brought, the oldest first."""
        return await asyncio.to_thread(self._listing, visitor)

    async def content(self, visitor: str, id: str) -> bytes:
        """Raises FileRefused if there is none (any more)."""
        try:
            return await asyncio.to_thread(self._path(visitor, id).read_bytes)
        except OSError:
            raise FileRefused("the file is not kept any more") from None

    async def read(self, part: Part, limit: int) -> bytes:
        """What `part` refers to. Raises FileRefused, also above `limit` bytes."""
        visitor, _, id = part.ref.partition("/")
        found = await self.find(visitor, id)
        if found is None:
            raise FileRefused("the file is not kept any more")
        if found.size > limit:
            raise FileRefused(f"it has {found.size:,} bytes; at most {limit:,} are read")
        return await self.content(visitor, id)

    async def use(self, visitor: str, file: StoredFile, conversation: str) -> None:
        """The file stays as long as this conversation does."""
        if conversation not in file.conversations:
            names = (*file.conversations, conversation)
            used = replace(file, conversations=names, at=self._clock.time())
            await asyncio.to_thread(self._note, visitor, used)

    async def remove(self, visitor: str, id: str) -> bool:
        """Take away what was asked about nowhere; False if there is no such file."""
        found = await self.find(visitor, id)
        if found is None or found.conversations:
            return False
        await asyncio.to_thread(self._remove, visitor, id)
        return True

    async def release(self, visitor: str, conversation: str) -> None:
        """The conversation is gone: what was asked about in no other goes with it."""
        await asyncio.to_thread(self._release, visitor, conversation)

    async def forget(self, visitor: str) -> None:
        """Remove all that this visitor brought."""
        if _VISITOR.fullmatch(visitor):
            await asyncio.to_thread(shutil.rmtree, self._folder / visitor, True)

    async def sweep(self, alive: Callable[[str, str], Awaitable[bool]]) -> int:
        """Remove what is not used; how many. `alive` tells whether a visitor still has a conversation."""
        removed = 0
        for visitor, file in await asyncio.to_thread(lambda: list(self._all())):
            fresh = file.at > self._clock.time() - KEEP_UNUSED
            if not fresh and not [name for name in file.conversations if await alive(visitor, name)]:
                await asyncio.to_thread(self._remove, visitor, file.id)
                removed += 1
        return removed

    async def tend(self, alive: Callable[[str, str], Awaitable[bool]]) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            try:
                await self.sweep(alive)
            except (OSError, StorageError) as error:
                log.warning("visitors' files are not looked through: %s", error)

    def _put(self, visitor: str, name: str, content: bytes) -> StoredFile:
        id = sha256(content).hexdigest()
        file = StoredFile(id, readable_name(name), media_type(content), len(content), self._clock.time())
        if (known := self._find(visitor, id)) is not None:
            file = replace(file, conversations=known.conversations)
        else:
            self._make_room(visitor, len(content))
            _write(self._path(visitor, id), content)
        self._note(visitor, file)
        return file

    def _listing(self, visitor: str) -> list[StoredFile]:
        places = self._folder.glob(f"{visitor}/*.json") if _VISITOR.fullmatch(visitor) else ()
        found = [self._find(visitor, id) for id in [place.stem for place in places]]
        return sorted((file for file in found if file is not None), key=lambda file: file.at)

    def _release(self, visitor: str, conversation: str) -> None:
        for file in self._listing(visitor):
            if conversation in file.conversations:
                names = tuple(name for name in file.conversations if name != conversation)
                if names:
                    self._note(visitor, replace(file, conversations=names))
                else:
                    self._remove(visitor, file.id)

    def _make_room(self, visitor: str, size: int) -> None:
        folder = self._folder / visitor
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sizes = [entry.stat().st_size for entry in os.scandir(folder) if _ID.fullmatch(entry.name)]
        if len(sizes) >= self._most_files or sum(sizes) + size > MOST_BYTES:
            raise NoRoom("You have too many files here. Delete an earlier chat with files, then try again.")
        if shutil.disk_usage(folder).free - size < self._least_free:
            raise NoRoom("There is no room for files just now.")

    def _find(self, visitor: str, id: str) -> StoredFile | None:
        if not _VISITOR.fullmatch(visitor) or not _ID.fullmatch(id):
            return None
        try:
            return msgspec.json.decode(self._path(visitor, id, ".json").read_bytes(), type=StoredFile)
        except (OSError, msgspec.DecodeError):
            return None

    def _note(self, visitor: str, file: StoredFile) -> None:
        _write(self._path(visitor, file.id, ".json"), msgspec.json.encode(file))

    def _remove(self, visitor: str, id: str) -> None:
        self._path(visitor, id, ".json").unlink(missing_ok=True)
        self._path(visitor, id).unlink(missing_ok=True)

    def _path(self, visitor: str, id: str, ending: str = "") -> Path:
        return self._folder / visitor / f"{id}{ending}"

    def _all(self) -> Iterator[tuple[str, StoredFile]]:
        for place in self._folder.glob("*/*.json"):
            file = self._find(place.parent.name, place.stem)
            if file is not None:
                yield place.parent.name, file


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, whatever ends the process."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
