"""Emphasis where no spaces are: Chinese, Japanese and Korean; and English as it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from adapters.web.blocks import html_blocks
from bot.markup import parse, render
from bot.markup.flanks import cjk, flanks
from bot.types import Markup

BOLD = [
    ("**重要：**请看文档。", "<b>重要：</b>请看文档。"),
    ("**“安装”**后重启", "<b>“安装”</b>后重启"),
    ("**第一步（必做）**然后", "<b>第一步（必做）</b>然后"),
    ("请点**“安装”**。这是**重点**。", "请点<b>“安装”</b>。这是<b>重点</b>。"),
    ("**`run`**命令，用**`stop`**停", "<b><code>run</code></b>命令，用<b><code>stop</code></b>停"),
    ("**A**（B）**C**", "<b>A</b>（B）<b>C</b>"),
    ("**これは「重要」です。**次に", "<b>これは「重要」です。</b>次に"),
    ("この**「設定」**を開く", "この<b>「設定」</b>を開く"),
    ("**주의(필독):**이 문서", "<b>주의(필독):</b>이 문서"),
    ("**葛\U000e0100**“城”", "<b>葛\U000e0100</b>“城”"),
    ("𠮷**“家”**𠮷", "𠮷<b>“家”</b>𠮷"),
    ("~~旧的（废）~~新的", "<s>旧的（废）</s>新的"),
    ("***（注）***文", "<i><b>（注）</b></i>文"),
]
SAME = [
    ("snake_case_名 中_文_字", "snake_case_名 中_文_字"),
    ('**"Install"**then', '**"Install"**then'),
    ("a*(b)*c", "a*(b)*c"),
    ("** 重要 **请看", "** 重要 **请看"),
    ("**好。", "**好。"),
    ("😀**(a)**b", "😀**(a)**b"),
]


@pytest.mark.parametrize(("text", "expected"), [*BOLD, *SAME])
def test_telegram(text: str, expected: str) -> None:
    assert render(parse(text), Markup.TELEGRAM_HTML) == expected


@pytest.mark.parametrize(("text", "expected"), BOLD)
def test_discord_and_pages(text: str, expected: str) -> None:
    tags = {"b": "strong", "i": "em", "s": "s", "code": "code"}
    html = re.sub(r"<(/?)(\w+)>", lambda found: f"<{found[1]}{tags[found[2]]}>", expected)
    assert html_blocks(text) == [f"<p>{html}</p>"]
    assert render(parse(text), Markup.DISCORD) == text


@pytest.mark.parametrize(("text", "expected"), BOLD)
def test_what_is_bold_stays_so_letter_by_letter(text: str, expected: str) -> None:
    whole = html_blocks(text)[0]
    for end in range(len(text) + 1):
        for block in html_blocks(text[:end], growing=True):
            opened, closed = _styles(block), _styles(whole)
            assert opened == closed[: len(opened)], text[:end]


def test_a_product_is_no_emphasis_on_its_way() -> None:
    assert html_blocks("面积是长*宽，", growing=True) == ["<p>面积是长*宽，</p>"]


@given(
    st.text(st.sampled_from('ab1é. ,"(“”—😀€\n\u00a0\ufe0f'), max_size=2),
    st.sampled_from(["*", "**", "***", "_", "__", "~~"]),
    st.text(st.sampled_from('ab1é. ,"(“”—😀€\n\u00a0'), max_size=2),
)
def test_elsewhere_it_is_commonmark(before: str, run: str, after: str) -> None:
    text, begin = f"{before}{run}{after}", len(before)
    plain = StateInline(text, MarkdownIt(), {}, []).scanDelims(begin, run[0] != "_")
    assert flanks(text, begin, begin + len(run)) == (plain.can_open, plain.can_close)


@pytest.mark.parametrize(("chars", "are"), [("中。（ァあ한ᆨｱ㈱〒", True), ("aé“”…😀⌚—é", False)])
def test_which_characters_they_are(chars: str, are: bool) -> None:
    assert {cjk(char) for char in chars} == {are}


def _styles(html: str) -> list[tuple[str, frozenset[str]]]:
    """Each letter with the elements that it stands in."""
    found, open_ = list[tuple[str, frozenset[str]]](), list[str]()
    for piece in re.findall(r"</?\w+[^>]*>|.", html, re.DOTALL):
        if piece.startswith("</"):
            open_.pop()
        elif piece.startswith("<"):
            open_.append(piece[1:-1])
        elif piece.isalnum():
            found.append((piece, frozenset(open_)))
    return found
