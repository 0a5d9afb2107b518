"""Pictures as models are shown them."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.errors import FileRefused
from bot.imaging import LEAST, MOST_BYTES, MOST_PIXELS, MOST_PIXELS_SCALED, SIDE, check, prepared
from tests.pictures import ORIENTATION, file_of, opened, picture, saved, with_marks

SEEDS = [picture(form=form) for form in ("PNG", "JPEG", "WEBP", "GIF")] + [with_marks(6)]


def near(pixel: object, wanted: tuple[int, int, int]) -> bool:
    return isinstance(pixel, tuple) and all(abs(a - b) < 24 for a, b in zip(pixel, wanted, strict=True))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_what_people_send_becomes_a_jpeg_of_the_same_look(form: str) -> None:
    made = prepared(picture("blue", (120, 90), form))
    shown = opened(file_of(made))
    assert (shown.format, made.media_type) == ("JPEG", "image/jpeg")
    assert (made.width, made.height) == shown.size == (120, 90)
    assert near(shown.getpixel((60, 45)), (0, 0, 255))


@pytest.mark.parametrize(("given", "made"), [((3000, 1500), (1024, 512)), ((900, 3000), (307, 1024))])
def test_a_large_one_is_scaled_to_the_side(given: tuple[int, int], made: tuple[int, int]) -> None:
    for form in ("JPEG", "PNG"):
        found = prepared(picture("green", given, form))
        assert (found.width, found.height) == made
        assert max(made) == SIDE


def test_nothing_that_a_camera_wrote_beside_it_is_left() -> None:
    made = file_of(prepared(with_marks(6)))
    shown = opened(made)
    assert dict(shown.getexif()) == {}
    assert not {"exif", "comment", "icc_profile"} & set(shown.info)
    assert b"Secret" not in made


@pytest.mark.parametrize(
    ("orientation", "size", "red"),
    [
        *((1, (80, 40), (10, 20)), (2, (80, 40), (70, 20)), (3, (80, 40), (70, 20)), (4, (80, 40), (10, 20))),
        *((5, (40, 80), (20, 10)), (6, (40, 80), (20, 10)), (7, (40, 80), (20, 70)), (8, (40, 80), (20, 70))),
    ],
)
def test_it_is_turned_as_the_camera_was(
    orientation: int, size: tuple[int, int], red: tuple[int, int]
) -> None:
    shown = opened(file_of(prepared(with_marks(orientation))))
    assert shown.size == size
    assert near(shown.getpixel(red), (255, 0, 0))


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_other_forms_are_turned_too(form: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    made = prepared(picture(size=(60, 30), form=form, exif=exif))
    assert (made.width, made.height) == (30, 60)


def test_what_is_transparent_is_white() -> None:
    seen_through = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    seen_through.paste((0, 0, 255, 255), (0, 0, 20, 40))
    for content in (
        saved(seen_through),
        saved(seen_through, "WEBP", lossless=True),
        saved(seen_through.convert("P"), "GIF", transparency=seen_through.convert("P").getpixel((30, 20))),
    ):
        shown = opened(file_of(prepared(content)))
        assert near(shown.getpixel((8, 20)), (0, 0, 255))
        assert near(shown.getpixel((32, 20)), (255, 255, 255))


def test_of_an_animation_the_first_picture_is_shown() -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("green", "red")]
    for form in ("GIF", "WEBP", "PNG"):
        content = saved(frames[0], form, save_all=True, append_images=frames[1:])
        assert near(opened(file_of(prepared(content))).getpixel((16, 16)), (0, 128, 0))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK"])
def test_every_kind_of_pixel_can_be_shown(mode: str) -> None:
    grey = Image.new("L", (50, 40), 128)
    if mode == "I;16":
        content = saved(Image.new(mode, (50, 40), 128 * 257))
    elif mode == "CMYK":
        content = saved(grey.convert("RGB").convert(mode), "JPEG")
    else:
        content = saved(grey.convert(mode))
    shown = opened(file_of(prepared(content))).convert("L").resize((1, 1), Image.Resampling.BOX)
    pixel = shown.getpixel((0, 0))
    assert isinstance(pixel, int)
    assert 104 < pixel < 152


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more than its few bytes hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(50_000, 50_000), (10_000, 9_500), (5_000, MOST_PIXELS // 5_000 + 1)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(FileRefused):
        prepared(bomb(*size))


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"<svg/>", b"%PDF-1.7", picture()[:60], picture(form="JPEG")[:300], bomb(30, 30)],
)
def test_what_is_no_whole_picture_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefused):
        prepared(content)


@pytest.mark.parametrize("form", ["BMP", "TIFF", "ICO", "PPM"])
def test_other_formats_are_not_decoded(form: str) -> None:
    with pytest.raises(FileRefused):
        prepared(picture(form=form))


def test_what_is_hardly_more_than_a_line_is_refused() -> None:
    with pytest.raises(FileRefused):
        prepared(picture(size=(4000, 20)))


@pytest.mark.parametrize(
    "content",
    [
        *(bomb(50_000, 50_000), bomb(5_000, MOST_PIXELS // 5_000 + 1), picture(size=(90, LEAST - 1))),
        *(b"", b"GIF89a", picture()[:20], picture(form="BMP"), picture() + bytes(MOST_BYTES)),
    ],
)
def test_a_header_tells_what_will_be_refused(content: bytes) -> None:
    with pytest.raises(FileRefused):
        check(content)


def test_a_header_tells_of_nothing_that_is_shown() -> None:
    assert MOST_PIXELS < 25_000_000 < MOST_PIXELS_SCALED
    for content in (*SEEDS, picture(size=(LEAST, 90)), picture(size=(5_000, 5_000), form="JPEG", mode="L")):
        check(content)
        prepared(content)


@given(st.sampled_from(SEEDS), st.data())
def test_what_a_damaged_header_has_refused_is_never_shown(seed: bytes, data: st.DataObject) -> None:
    damaged = bytearray(seed)
    for place in data.draw(st.lists(st.integers(0, min(60, len(seed) - 1)), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        check(bytes(damaged))
    except FileRefused:
        with pytest.raises(FileRefused):
            prepared(bytes(damaged))


@given(st.integers(9, 300), st.integers(9, 300), st.binary(min_size=30, max_size=30), st.sampled_from("LP"))
def test_the_same_bytes_give_the_same_bytes(width: int, height: int, pixels: bytes, mode: str) -> None:
    image = Image.frombytes("L", (6, 5), pixels).resize((width, height))
    content = saved(image.convert(mode))
    assert prepared(content) == prepared(content)


@given(st.sampled_from(SEEDS), st.data())
def test_a_damaged_file_is_refused_or_shown_and_nothing_else(seed: bytes, data: st.DataObject) -> None:
    damaged = bytearray(seed)
    for place in data.draw(st.lists(st.integers(0, len(seed) - 1), min_size=1, max_size=8)):
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        made = prepared(bytes(damaged[: data.draw(st.integers(1, len(seed)))]))
    except FileRefused:
        return
    with Image.open(BytesIO(file_of(made))) as shown:
        assert max(shown.size) <= SIDE
