"""Text files as the systems that people use write them."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.encoding import decoded

CHINESE = "营业时间：周一至周五，9:00—18:00。\r\n“泡茶”的水温是 80 度……"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gbk", "gb18030", "utf-32"]
)
def test_chinese_reads_as_it_was_written(encoding: str) -> None:
    mark = codecs.BOM_UTF16_LE if encoding == "utf-16-le" else b""
    text, sure = decoded(mark + CHINESE.encode(encoding))
    assert (text.removeprefix("\ufeff"), sure) == (CHINESE, True)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_wide_text_is_known_without_a_mark(encoding: str) -> None:
    assert decoded("Opening hours: 9 to 18".encode(encoding)) == ("Opening hours: 9 to 18", True)


@pytest.mark.parametrize(
    "content",
    ["café à Zürich".encode("cp1252"), "Привет, мир".encode("cp1251"), bytes(range(128, 256)), b"\xff"],
)
def test_what_is_not_known_is_said_to_be_so(content: bytes) -> None:
    text, sure = decoded(content)
    assert text
    assert not sure


@given(st.binary(max_size=200))
def test_any_bytes_give_a_text(content: bytes) -> None:
    assert isinstance(decoded(content)[0], str)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_utf_8_is_always_known(text: str) -> None:
    assert decoded(text.encode()) == (text.removeprefix("\ufeff"), True)
