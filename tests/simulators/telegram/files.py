"""Files: what people and the bot sent, what lies at addresses on the web, and what the bot may fetch."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

from tests.simulators.telegram.refusals import Refusal, bad

DOWNLOAD_LIMIT = 20 << 20
UPLOAD_LIMIT = 50 << 20
PHOTO_LIMIT = 10 << 20
_FOLDERS = {"photo": "photos", "document": "documents", "voice": "voice", "audio": "music"}
_FOLDERS |= {"video": "videos", "video_note": "video_notes", "sticker": "stickers", "animation": "animations"}
_ENDINGS = {"photo": ".jpg", "voice": ".oga", "video_note": ".mp4", "sticker": ".webp"}
_SIDES = (90, 320, 800, 1280)


@dataclass(slots=True)
class File:
    """`size` may be more than there is of `data`, for files that nobody wants to hold."""

    id: str
    unique_id: str
    kind: str
    data: bytes
    size: int
    name: str = ""
    mime: str = ""
    path: str = ""

    def json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"file_id": self.id, "file_unique_id": self.unique_id}
        return shown | ({"file_size": self.size} if self.size else {})


class Files:
    """`web` is the whole web: what is not in it cannot be sent by URL."""

    def __init__(self) -> None:
        self._by_id: dict[str, File] = {}
        self._by_path: dict[str, File] = {}
        self.web: dict[str, tuple[bytes, str]] = {}

    def add(self, kind: str, data: bytes, *, name: str = "", mime: str = "", size: int = 0) -> File:
        number = len(self._by_id) + 1
        unique = f"AgAD{zlib.crc32(data):08x}{number:04x}"
        made = File(f"BQACAgIAAxkBAAI{number:06d}{unique}", unique, kind, data, size or len(data), name, mime)
        self._by_id[made.id] = made
        return made

    def known(self, file_id: str, kind: str) -> File:
        """The file with this number, sent as the kind of thing that it is."""
        found = self._by_id.get(file_id)
        if found is None:
            raise bad("wrong file identifier/HTTP URL specified")
        if found.kind != kind:
            raise bad(f"can't use file of type {found.kind.capitalize()} as {kind.capitalize()}")
        return found

    def fetched(self, url: str, kind: str) -> File:
        """What lies at an address on the web, as far as Telegram would load it."""
        if url not in self.web:
            raise bad("failed to get HTTP URL content")
        data, mime = self.web[url]
        if len(data) > (5 << 20 if kind == "photo" else DOWNLOAD_LIMIT):
            raise bad("failed to get HTTP URL content")
        wrong = not mime.startswith("image/") if kind == "photo" else kind == "voice" and "ogg" not in mime
        if wrong:
            raise bad("wrong type of the web page content")
        return self.add(kind, data, name=url.rpartition("/")[2], mime=mime)

    def prepare(self, file_id: str) -> dict[str, Any]:
        """What getFile answers: with a path, from which the file can be loaded."""
        found = self._by_id.get(file_id)
        if found is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if found.size > DOWNLOAD_LIMIT:
            raise bad("file is too big")
        if not found.path:
            ending = (
                "." + found.name.rpartition(".")[2] if "." in found.name else _ENDINGS.get(found.kind, "")
            )
            found.path = f"{_FOLDERS[found.kind]}/file_{len(self._by_path)}{ending}"
            self._by_path[found.path] = found
        return found.json() | {"file_path": found.path}

    def at(self, path: str) -> bytes:
        if path not in self._by_path:
            raise Refusal(404, "Not Found")
        return self._by_path[path].data

    def photo(self, data: bytes) -> list[dict[str, Any]]:
        """A picture in the sizes that Telegram makes of it, the whole one last."""
        if len(data) > PHOTO_LIMIT:
            size = len(data)
            raise bad(
                f"file of size {size} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT} bytes"
            )
        width, height = picture_size(data)
        if not width or not height:
            raise bad("IMAGE_PROCESS_FAILED")
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise bad("PHOTO_INVALID_DIMENSIONS")
        longer = max(width, height)
        sides = [s for s in _SIDES if s < longer] + [min(longer, 2560)]
        return [
            self.add("photo", data, mime="image/jpeg").json()
            | {"width": max(1, width * side // longer), "height": max(1, height * side // longer)}
            for side in sides
        ]


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, GIF or JPEG; zeros for everything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return struct.unpack(">II", data[16:24])
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        return struct.unpack("<HH", data[6:10])
    at = 2
    while data.startswith(b"\xff\xd8") and at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return 0, 0


def picture(width: int = 640, height: int = 480) -> bytes:
    """A grey PNG of this size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\x00" + b"\x80" * width for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
