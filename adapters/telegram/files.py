"""Files on their way out and in: by Telegram's id, by address, or from this machine's disk."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

from telegram import InputFile
from telegram.error import TelegramError

from adapters.telegram.client import Connection
from adapters.telegram.errors import channel_error
from bot.errors import ChannelError, FileRefused
from bot.types import Part, PartKind

LOCAL = "file:"
UPLOAD_LIMIT = 50_000_000
PHOTO_LIMIT = 10_000_000
VOICE_TYPES = ("audio/ogg", "audio/opus")
_FILE_ID = re.compile(r"[A-Za-z0-9_-]{8,256}")
_TELEGRAM = "api.telegram.org"


async def content_of(part: Part) -> str | InputFile:
    """What goes into the call for this part. Raises ChannelError for what cannot be sent."""
    if part.ref.startswith(LOCAL):
        return await asyncio.to_thread(_read, part)
    if part.ref.startswith("https://") or _FILE_ID.fullmatch(part.ref):
        return part.ref
    raise ChannelError(
        f"{part.name or 'a file'} cannot be sent: {part.ref[:80]!r} is no file that Telegram takes"
    )


def method_of(part: Part) -> str:
    """The kind of message that a part is sent as."""
    if part.kind is PartKind.IMAGE and part.size <= PHOTO_LIMIT:
        return "photo"
    if part.kind is PartKind.AUDIO:
        return "voice" if part.media_type.split(";")[0] in VOICE_TYPES else "audio"
    return "document"


def _read(part: Part) -> InputFile:
    path = Path(part.ref.removeprefix(LOCAL))
    try:
        if path.stat().st_size > UPLOAD_LIMIT:
            raise ChannelError(f"{path.name} is larger than {UPLOAD_LIMIT:,} bytes")
        return InputFile(path.read_bytes(), filename=part.name or path.name, attach=False)
    except OSError as error:
        raise ChannelError(f"{path.name} cannot be read: {error.strerror}") from error


async def fetch(connection: Connection, root: str, part: Part, limit: int) -> bytes:
    """The content of a part that came in. Raises FileRefused and ChannelUnavailable."""
    if part.size > limit:
        raise FileRefused(f"it has {part.size:,} bytes; at most {limit:,} are read")
    try:
        file = await connection.api.get_file(part.ref)
        if (file.file_size or 0) > limit:
            raise FileRefused(f"it has {file.file_size:,} bytes; at most {limit:,} are read")
        path = file.file_path or ""
        if path.startswith(("https://", "http://")):
            return await connection.requests.download(path, limit)
    except TelegramError as error:
        raise channel_error(error) from None
    if urlsplit(root).hostname == _TELEGRAM or not path:
        raise FileRefused("Telegram has it no more")
    return await asyncio.to_thread(_from_disk, Path(path), limit)


def _from_disk(path: Path, limit: int) -> bytes:
    """A Bot API server of one's own, started with `--local`, shares its disk."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise FileRefused(f"the Bot API server's file cannot be read here: {error.strerror}") from error
    if len(content) > limit:
        raise FileRefused(f"it has more than {limit:,} bytes")
    return content
