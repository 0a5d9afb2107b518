"""Files on their way out and in: from this machine's disk, and from Discord's own hosts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from adapters.discord.connection import Connection
from adapters.discord.errors import DiscordError, Refused, channel_error
from bot.errors import ChannelError, FileRefused
from bot.types import Part

LOCAL = "file:"
UPLOAD_LIMIT = 10 * 1024 * 1024
HOSTS = ("cdn.discordapp.com", "media.discordapp.net")
"""Where Discord keeps attachments. The way to the API's own host is open too; nothing else is fetched,
so that no message can have this machine call another."""


async def content_of(part: Part) -> tuple[str, bytes]:
    """Name and bytes of a file to send. Raises ChannelError for what cannot be sent."""
    if part.text and not part.ref:
        return part.name, part.text.encode(errors="replace")
    if not part.ref.startswith(LOCAL):
        raise ChannelError(f"{part.name or 'a file'} cannot be sent: {part.ref[:80]!r} is no file here")
    return await asyncio.to_thread(_read, part)


def is_link(part: Part) -> bool:
    """Whether the part is sent as its address."""
    return part.ref.startswith("https://")


def _read(part: Part) -> tuple[str, bytes]:
    path = Path(part.ref.removeprefix(LOCAL))
    try:
        if path.stat().st_size > UPLOAD_LIMIT:
            raise FileRefused(f"{path.name} is larger than {UPLOAD_LIMIT:,} bytes")
        return part.name or path.name, path.read_bytes()
    except OSError as error:
        raise ChannelError(f"{path.name} cannot be read: {error.strerror}") from error


async def fetch(connection: Connection, part: Part, limit: int) -> bytes:
    """The content of a part that came in. Raises FileRefused and ChannelUnavailable."""
    if part.size > limit:
        raise FileRefused(f"it has {part.size:,} bytes; at most {limit:,} are read")
    if not may_fetch(part.ref, connection.root):
        raise FileRefused("it is not kept by Discord")
    try:
        return await connection.rest.download(part.ref, limit)
    except Refused as error:
        raise FileRefused(f"Discord has it no more ({error.status})") from None
    except DiscordError as error:
        raise channel_error(error) from None


def may_fetch(url: str, root: str) -> bool:
    """Whether the address is one of Discord's, or of the server that stands for it."""
    try:
        asked, own = urlsplit(url), urlsplit(root)
        place, home = (asked.hostname, asked.port), (own.hostname, own.port)
    except ValueError:
        return False
    if asked.username is not None:
        return False
    if asked.scheme == "https" and place in [(host, None) for host in HOSTS]:
        return True
    return asked.scheme == own.scheme and place == home
