"""Files that visitors bring, each in its visitor's own folder under the hash of its content.

What people call a file is data beside it and never a path. A file belongs to the conversations that
it was asked about in: a day after it was last asked about anew, it goes unless one of them is there. One that
no question has goes an hour after it came.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import os
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import msgspec

from adapters.web.ledger import Ledger
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
MOST_TOTAL = 10_000_000_000
"""Of all files."""
MOST_UNASKED = 1_000_000_000
"""Of all files that no question has; on a full disk a tenth of what is free, if that is less."""
MOST_AN_HOUR = 200_000_000
"""Of what one address brings."""
KEEP_UNUSED = 3600.0
KEEP_USED = 24 * 3600.0
SWEEP_SECONDS = 600.0
SWEEPS_A_SCAN = 6
"""So often are those swept that no question has, before all are looked through."""
SCAN_SECONDS = 60.0
"""What is refused for want of room is counted anew, so often at most: another process may have made some."""
_VISITOR = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(r"[0-9a-f]{64}")


class NoRoom(Exception):
    """The visitor's files, or all of them, are too many. The text says so to the visitor."""


_FULL = "There is no room for files just now."
_WAITING = "Too many files wait for their question just now. Try again later."


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
    """`limit`: the bytes that one file may have; `total`: that all may have; `most_unasked`: that those may
    have that no question has; `hourly`: that one address may bring in an hour."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        limit: int,
        most_files: int = MOST_FILES,
        least_free: int = LEAST_FREE,
        total: int = MOST_TOTAL,
        most_unasked: int = MOST_UNASKED,
        hourly: int = MOST_AN_HOUR,
    ) -> None:
        self.limit = limit
        self.hourly = hourly
        self._most_files = most_files
        self._least_free = least_free
        self._folder = folder
        self._clock = clock
        self._writing = asyncio.Lock()
        self._total = total
        self._most_unasked = most_unasked
        self._ledger = Ledger()
        self._scanned_at = -math.inf

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

    def path(self, visitor: str, id: str) -> Path:
        """Where the content of a file that was found is, to be sent from there."""
        return self._path(visitor, id)

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
            self._ledger.asked((visitor, file.id))
            await asyncio.to_thread(self._note, visitor, used)

    async def remove(self, visitor: str, id: str) -> bool:
        """Take away what was asked about nowhere; False if there is no such file."""
        found = await self.find(visitor, id)
        if found is None or found.conversations:
            return False
        await asyncio.to_thread(self._remove, visitor, found)
        return True

    async def release(self, visitor: str, conversation: str) -> None:
        """The conversation is gone: what was asked about in no other goes with it."""
        await asyncio.to_thread(self._release, visitor, conversation)

    async def forget(self, visitor: str) -> None:
        """Remove all that this visitor brought."""
        if _VISITOR.fullmatch(visitor):
            await asyncio.to_thread(self._forget, visitor)

    async def sweep(self, alive: Callable[[str, str], Awaitable[bool]]) -> int:
        """Remove what is not used; how many. `alive` tells whether a visitor still has a conversation."""
        await asyncio.to_thread(self._scan)
        removed = await asyncio.to_thread(self._sweep_unasked)
        for visitor, file in await asyncio.to_thread(lambda: list(self._all())):
            if not file.conversations or file.at > self._clock.time() - KEEP_USED:
                continue
            if not [name for name in file.conversations if await alive(visitor, name)]:
                await asyncio.to_thread(self._remove, visitor, file)
                removed += 1
        return removed

    async def tend(self, alive: Callable[[str, str], Awaitable[bool]]) -> None:
        """Sweep now and then, until cancelled."""
        for number in itertools.count(1):
            await self._clock.sleep(SWEEP_SECONDS)
            try:
                if number % SWEEPS_A_SCAN:
                    await asyncio.to_thread(self._sweep_unasked)
                else:
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
            self._ledger.brought((visitor, id), len(content))
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
                    self._remove(visitor, file)

    def _forget(self, visitor: str) -> None:
        for file in self._listing(visitor):
            self._ledger.gone((visitor, file.id), file.size)
        shutil.rmtree(self._folder / visitor, ignore_errors=True)

    def _scan(self) -> None:
        self._scanned_at = self._clock.monotonic()
        self._ledger.begin(((visitor, f.id), f.size, bool(f.conversations)) for visitor, f in self._all())

    def _sweep_unasked(self) -> int:
        """Remove what waited too long for a question; how many."""
        removed = 0
        for visitor, id in self._ledger.unasked:
            file = self._find(visitor, id)
            if file is not None and not file.conversations and file.at <= self._clock.time() - KEEP_UNUSED:
                self._remove(visitor, file)
                removed += 1
        return removed

    def _make_room(self, visitor: str, size: int) -> None:
        folder = self._folder / visitor
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sizes = [entry.stat().st_size for entry in os.scandir(folder) if _ID.fullmatch(entry.name)]
        if len(sizes) >= self._most_files or sum(sizes) + size > MOST_BYTES:
            raise NoRoom("You have too many files here. Delete an earlier chat with files, then try again.")
        free = shutil.disk_usage(folder).free
        if free - size < self._least_free:
            raise NoRoom(_FULL)
        scanned, now = self._scanned_at, self._clock.monotonic()
        if scanned == -math.inf or (self._why_not(size, free) and now - scanned >= SCAN_SECONDS):
            self._scan()
        if why := self._why_not(size, free):
            raise NoRoom(why)

    def _why_not(self, size: int, free: int) -> str:
        if self._ledger.total + size > self._total:
            return _FULL
        waiting = sum(self._ledger.unasked.values())
        return _WAITING if waiting + size > min(self._most_unasked, free // 10) else ""

    def _find(self, visitor: str, id: str) -> StoredFile | None:
        if not _VISITOR.fullmatch(visitor) or not _ID.fullmatch(id):
            return None
        try:
            return msgspec.json.decode(self._path(visitor, id, ".json").read_bytes(), type=StoredFile)
        except (OSError, msgspec.DecodeError):
            return None

    def _note(self, visitor: str, file: StoredFile) -> None:
        _write(self._path(visitor, file.id, ".json"), msgspec.json.encode(file))

    def _remove(self, visitor: str, file: StoredFile) -> None:
        self._path(visitor, file.id, ".json").unlink(missing_ok=True)
        self._path(visitor, file.id).unlink(missing_ok=True)
        self._ledger.gone((visitor, file.id), file.size)

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
