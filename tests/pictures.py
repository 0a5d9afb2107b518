"""Picture files for tests."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from typing import Any

from PIL import Image

from bot.types import Picture

ORIENTATION, GPS, MAKER = 0x0112, 0x8825, 0x010F


def picture(
    colour: str = "red",
    size: tuple[int, int] = (64, 48),
    form: str = "PNG",
    *,
    mode: str = "RGB",
    **more: Any,
) -> bytes:
    """A file of one colour; `more` goes to Pillow."""
    return saved(Image.new(mode, size, colour), form, **more)


def saved(image: Image.Image, form: str = "PNG", **more: Any) -> bytes:
    written = BytesIO()
    image.save(written, form, **more)
    return written.getvalue()


def with_marks(orientation: int = 1) -> bytes:
    """A photo, red on the left and blue on the right before it is turned, with all that a camera writes
    beside it: its position, its maker, a comment."""
    image = Image.new("RGB", (80, 40), "red")
    image.paste("blue", (40, 0, 80, 40))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[MAKER] = "Secret Camera"
    exif.get_ifd(GPS)[2] = (52.0, 31.0, 12.0)
    return saved(image, "JPEG", exif=exif, comment=b"Secret comment", quality=95)


def file_of(picture: Picture) -> bytes:
    return b64decode(picture.base64, validate=True)


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))
