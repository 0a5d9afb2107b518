"""What people send besides text."""

from __future__ import annotations

from typing import Any

from tests.simulators.telegram.chats import Message, Topic
from tests.simulators.telegram.entity import Text
from tests.simulators.telegram.files import File, picture
from tests.simulators.telegram.media import media_json
from tests.simulators.telegram.writing import Place, Writer, written

_OGG = b"OggS\x00\x02" + bytes(200)


class Sharing(Writer):
    """Each takes `chat`, `topic` and `reply_to` as `say` does; what they send has a caption or none."""

    async def send_photo(self, data: bytes = b"", caption: str | Text = "", **where: Any) -> Message:
        """A picture (a grey one, if none is given)."""
        return self._share({"photo": self._world.files.photo(data or picture())}, caption, **where)

    async def send_document(
        self,
        name: str = "notes.txt",
        data: bytes = b"some notes",
        caption: str | Text = "",
        *,
        mime: str = "text/plain",
        size: int = 0,
        **where: Any,
    ) -> Message:
        """A file; `size` makes it as large as one likes without holding it."""
        file = self._world.files.add("document", data, name=name, mime=mime, size=size)
        return self._share(_media("document", file), caption, **where)

    async def send_voice(
        self, data: bytes = _OGG, duration: int = 3, caption: str | Text = "", **where: Any
    ) -> Message:
        file = self._world.files.add("voice", data, mime="audio/ogg")
        return self._share(_media("voice", file, duration=duration), caption, **where)

    async def send_audio(
        self, name: str = "song.mp3", data: bytes = b"ID3", caption: str | Text = "", **where: Any
    ) -> Message:
        file = self._world.files.add("audio", data, name=name, mime="audio/mpeg")
        return self._share(_media("audio", file, duration=180, title="Song"), caption, **where)

    async def send_video(
        self, name: str = "clip.mp4", data: bytes = b"ftyp", caption: str | Text = "", **where: Any
    ) -> Message:
        file = self._world.files.add("video", data, name=name, mime="video/mp4")
        return self._share(_media("video", file, duration=8), caption, **where)

    async def send_album(
        self, photos: int | list[bytes] = 2, caption: str | Text = "", **where: Any
    ) -> list[Message]:
        """Pictures sent as one; the first carries the caption."""
        pictures = [picture()] * photos if isinstance(photos, int) else photos
        group = {"media_group_id": str(13_000_000_000 + self._world.serial())}
        media = [{"photo": self._world.files.photo(p)} for p in pictures]
        captions = [caption, *([""] * (len(media) - 1))]
        return [self._share(m, c, extra=group, **where) for m, c in zip(media, captions, strict=True)]

    async def send_sticker(self, emoji: str = "👍", **where: Any) -> Message:
        file = self._world.files.add("sticker", b"RIFF", mime="image/webp")
        kind = {"type": "regular", "is_animated": False, "is_video": False, "width": 512, "height": 512}
        return self._share({"sticker": file.json() | kind | {"emoji": emoji}}, **where)

    async def send_video_note(self, data: bytes = b"ftyp", **where: Any) -> Message:
        file = self._world.files.add("video_note", data)
        return self._share({"video_note": file.json() | {"length": 384, "duration": 4}}, **where)

    async def send_location(self, latitude: float = 40.4, longitude: float = -3.7, **where: Any) -> Message:
        return self._share({"location": {"latitude": latitude, "longitude": longitude}}, **where)

    async def send_contact(self, phone: str = "+34600000000", name: str = "Luis", **where: Any) -> Message:
        return self._share({"contact": {"phone_number": phone, "first_name": name}}, **where)

    async def send_poll(
        self, question: str = "When?", options: tuple[str, ...] = ("Now", "Later"), **where: Any
    ) -> Message:
        poll = {
            "id": str(self._world.serial()),
            "question": question,
            "options": [
                {"text": o, "voter_count": 0, "persistent_id": str(n)} for n, o in enumerate(options)
            ],
            "total_voter_count": 0,
            "is_closed": False,
            "is_anonymous": True,
            "type": "regular",
            "allows_multiple_answers": False,
            "allows_revoting": True,
            "members_only": False,
        }
        return self._share({"poll": poll}, **where)

    def _share(
        self,
        media: dict[str, Any],
        caption: str | Text = "",
        *,
        chat: Place | None = None,
        topic: Topic | None = None,
        reply_to: Message | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Message:
        text = written(caption, media=True)
        return self._write(text, chat, topic, reply_to, media=media, extra=extra)


def _media(kind: str, file: File, **options: Any) -> dict[str, Any]:
    return {kind: media_json(kind, file, options)}
