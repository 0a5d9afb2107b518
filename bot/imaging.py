"""Pictures as models are shown them: small, upright, and without what cameras write beside them.

The same bytes always give the same bytes, so that a prompt that is asked again begins as before.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from bot.errors import FileRefused
from bot.types import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 1024
"""Pixels of a prepared picture's longer side, at most."""
LEAST = 8
"""Pixels of its shorter side, at least: models refuse what is hardly more than a line."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MOST_BYTES = 20_000_000
"""Of one picture as it was sent; Telegram hands out no more."""
MOST_PIXELS = 20_000_000
"""Of what is decoded whole: some 80 MB, and as much again on the way."""
MOST_PIXELS_SCALED = 60_000_000
"""Of a JPEG, which is decoded to a fraction of its size."""
_QUALITY = 90
_SCALED = ("JPEG", "MPO")
_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError),
    *(RuntimeError, MemoryError, struct.error),
    Warning,  # where warnings are errors
)
"""What the decoders raise for files that are broken, or made to break them."""


def prepared(content: bytes) -> Picture:
    """The picture in a JPEG, PNG, WebP or GIF file (of several the first), as a JPEG of at most `SIDE`
    pixels; what is transparent is white. Takes up to two seconds and
    250 MB of memory: call it in a thread.

    Raises FileRefused for what is none of these, is broken, or is too large to be decoded.
    """
    with _opened(content) as image:
        return _encoded(_upright(_scaled(image)))


def check(content: bytes) -> None:
    """Look at the header alone: what this refuses `prepared` refuses, too, or is never given. Takes a
    millisecond, but the first time some hundred, as the decoders are loaded: call it in a thread.

    Raises FileRefused as `prepared` does, and for more than `MOST_BYTES`.
    """
    if len(content) > MOST_BYTES:
        raise FileRefused(f"it has {len(content):,} bytes")
    with _opened(content) as image:
        if min(image.size) < LEAST:
            raise FileRefused(f"it has {image.width} x {image.height} pixels")


@contextmanager
def _opened(content: bytes) -> Iterator[Image]:
    """By its header: nothing is decoded yet. What the decoders raise within is FileRefused."""
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            most = MOST_PIXELS_SCALED if image.format in _SCALED else MOST_PIXELS
            if image.width * image.height > most:
                raise FileRefused(f"it has {image.width:,} x {image.height:,} pixels")
            yield image
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise FileRefused(f"it is no picture that can be read ({type(error).__name__})") from error


def _scaled(image: Image) -> Image:
    from PIL.Image import Resampling

    if image.mode.startswith("I;16"):  # whose conversion clips instead of scaling
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.mode != "RGBA" and image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB", "RGBA", "CMYK"):
        image = image.convert("RGB")
    image.thumbnail((SIDE, SIDE), Resampling.LANCZOS, reducing_gap=3.0)
    return image


def _upright(image: Image) -> Image:
    from PIL.ImageOps import exif_transpose

    return exif_transpose(image)


def _encoded(image: Image) -> Picture:
    """Painted on a white sheet, which has none of the file's metadata."""
    from PIL.Image import new

    if min(image.size) < LEAST:
        raise FileRefused(f"{image.width} x {image.height} pixels are left of it")
    sheet = new("RGB", image.size, "white")
    sheet.paste(image, mask=image if image.mode == "RGBA" else None)
    written = BytesIO()
    sheet.save(written, "JPEG", quality=_QUALITY)
    return Picture(b64encode(written.getvalue()), *sheet.size)
