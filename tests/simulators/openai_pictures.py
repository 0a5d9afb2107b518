"""How the model simulator sees: pictures are decoded, count as tokens, and are told by size and colour."""

from __future__ import annotations

import base64
import math
import re
from hashlib import sha256
from io import BytesIO
from typing import Any

from PIL import Image

_DATA = re.compile(r"data:image/(jpeg|png|webp|gif);base64,([A-Za-z0-9+/]+=*)")
_PATCH = 28
_COLOURS = {(9, 0, 0): "red", (0, 9, 0): "green", (0, 0, 9): "blue", (9, 9, 9): "white", (0, 0, 0): "black"}


def pictures_of(body: dict[str, Any]) -> list[Image.Image]:
    """All pictures of a request, in their order."""
    contents = [m.get("content") for m in body.get("messages", ())]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return [_decoded(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]


def words(content: str | list[dict[str, Any]]) -> str:
    """A message's content as a chat template writes it: a token for each square of 28 pixels of a picture,
    the first of which is another's where the picture is another."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] if part["type"] == "text" else _tokens(part) for part in content)


def described(body: dict[str, Any]) -> str:
    """Of each picture its size and its colour."""
    return "; ".join(f"{image.width}x{image.height} {_colour(image)}" for image in pictures_of(body))


def _tokens(part: dict[str, Any]) -> str:
    url = part["image_url"]["url"]
    image = _decoded(url)
    squares = math.ceil(image.width / _PATCH) * math.ceil(image.height / _PATCH)
    return f"<|{sha256(url.encode()).hexdigest()}|>" + "<|square|>" * (squares - 1)


def _decoded(url: str) -> Image.Image:
    found = _DATA.fullmatch(url)
    assert found is not None, f"no picture, but {url[:60]}"
    return Image.open(BytesIO(base64.b64decode(found[2], validate=True)))


def _colour(image: Image.Image) -> str:
    """By thirds of each channel, so that what JPEG loses does not show."""
    pixel = image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    thirds = [0 if channel < 85 else 9 if channel > 170 else 4 for channel in pixel]
    return _COLOURS.get((thirds[0], thirds[1], thirds[2]), "mixed")
