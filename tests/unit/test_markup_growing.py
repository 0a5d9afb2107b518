"""Markdown on its way: what is shown stays, and at the end it is what the whole text means."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from adapters.web.blocks import Growing, html_blocks
from bot.markup import parse, render
from bot.markup.growing import finished
from bot.types import Markup
from tests.unit.markup_checks import check_html
from tests.unit.markup_texts import documents

Texts = SearchStrategy[str]
_WORD = st.sampled_from(
    ["tea", "water,", "Kettle", "你好，世界。", "x1", "end.", "R2", "😀", "snake_case", "5", "AT"]
)
_WORDS = st.lists(_WORD, min_size=1, max_size=5).map(" ".join)
_FORMULAS = st.sampled_from([r"x_1 + y", r"\frac{a}{b*c*d}", r"a^2", r"\{a\} \, b \\"])
_INLINE = st.one_of(
    _WORDS,
    _WORDS.map(lambda t: f"**{t}**"),
    _WORDS.map(lambda t: f"*{t}*"),
    _WORDS.map(lambda t: f"***{t}***"),
    _WORDS.map(lambda t: f"**{t} *and* `code`**"),
    _WORDS.map(lambda t: f"~~{t}~~"),
    _WORDS.map(lambda t: f"`{t}`"),
    _WORDS.map(lambda t: f"`` {t} ` x ``"),
    _WORDS.map(lambda t: f"[{t}](https://e.x/a_(b)?c=1*2)"),
    _WORDS.map(lambda t: f'[**{t}**](<https://e.x/a b> "Title")'),
    _WORDS.map(lambda t: f"![**{t}**](https://e.x/a.png)"),
    _WORDS.map(lambda t: f"[![{t}](https://e.x/a.png)](https://e.x/a)"),
    _FORMULAS.filter(lambda t: not t.endswith("\\")).map(lambda t: f"${t}$"),
    _FORMULAS.filter(lambda t: not t.endswith("\\")).map(lambda t: f"$${t}$$"),
    st.sampled_from(
        ["**重要：**请看文档。", "请点**“安装”**后重启", "次に**「設定」**を", "**주의(필독):**이 문서"]
    ),
    st.just("[1] and [2][3]"),
    st.just("It costs $5 to $10"),
    st.just("https://e.x/a_b_c."),
    st.just("<https://e.x/a>"),
    st.just("R&amp;D"),
)
_LINE = st.lists(_INLINE, min_size=1, max_size=3).map(lambda found: "so " + " ".join(found))
_CELL = _INLINE.filter(lambda t: "\\" not in t)
_BLOCK = st.one_of(
    _LINE,
    st.tuples(_LINE, _LINE).map("\n".join),
    _LINE.map(lambda t: f"## {t}"),
    st.lists(_LINE, min_size=1, max_size=3).map(lambda found: "\n".join(f"- {t}" for t in found)),
    st.lists(_LINE, min_size=1, max_size=3).map(
        lambda found: "\n".join(f"- [{'x '[len(t) % 2]}] {t}" for t in found)
    ),
    st.lists(_LINE, min_size=1, max_size=3).map(
        lambda found: "\n\n".join(f"{n}. {t}" for n, t in enumerate(found, start=9))
    ),
    _LINE.map(lambda t: f"> {t}\n>\n> - {t}"),
    _WORDS.map(lambda t: f"```python\nx = '{t}'\n\n# **no**\n```"),
    _WORDS.map(lambda t: f"~~~~\n```\n{t}\n```\n~~~~"),
    _FORMULAS.map(lambda t: f"$$\n{t}\n*a* = \\[b\\]\n$$"),
    _FORMULAS.map(lambda t: f"\\[\n{t}\n\\]"),
    st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=3).map(
        lambda rows: "| Name | **Value** |\n|:-----|:--:|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows)
    ),
    st.just("---"),
)
_ANSWERS: Texts = st.lists(_BLOCK, min_size=1, max_size=4).map("\n\n".join)
_TAG = re.compile(r"<[^>]*>")
_MARKS = re.compile(r"\*\*|~~|\]\(|\|\s*:?-|``|(?<!\w)_|<https|#")


def shown(html: list[str]) -> str:
    return unescape(_TAG.sub(" ", " ".join(html)))


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def within(short: str, long: str) -> bool:
    """Whether all of one text stands in the other, in its order."""
    rest = iter(long)
    return all(char in rest for char in short)


def prose(html: list[str]) -> str:
    """What stands outside of code and formulas."""
    return shown(
        [
            re.sub(r"(?s)<(code|pre|figure|div class=.math)\b.*?</(code|pre|figure|div)>", " ", it)
            for it in html
        ]
    )


def tag_of(block: str) -> str:
    found = re.match(r'<(\w+)(?: class="(\w+))?', block)
    return found[0] if found else ""


@given(_ANSWERS)
@settings(max_examples=20, deadline=None)
def test_what_is_shown_stays_and_no_marks_are_seen(text: str) -> None:
    growing, before, tags = Growing(), "", dict[int, list[str]]()
    for end in range(len(text) + 1):
        blocks = growing.blocks(text[:end])
        now = letters(shown(blocks))
        assert within(before, now), (text[:end], before, now)
        assert not _MARKS.search(prose(blocks)), (text[:end], prose(blocks))
        before = now
        for place, block in enumerate(blocks):
            seen = tags.setdefault(place, [tag_of(block)])
            if seen[-1] != tag_of(block):
                seen.append(tag_of(block))
    whole = html_blocks(text)
    assert within(before, letters(shown(whole)))
    assert all(len(seen) == 1 for seen in tags.values()), tags
    assert [tag_of(block) for block in whole][: len(tags)] == [tags[place][0] for place in sorted(tags)]


@given(_ANSWERS)
@settings(max_examples=8, deadline=None)
def test_nothing_waits_for_long(text: str) -> None:
    text = re.sub(r"\]\([^\n]*?\)|^(?:```|~~~).*|<https[^>]*>|&amp;", "", text, flags=re.MULTILINE)
    for end in range(len(text) + 1):
        shows = letters(shown(html_blocks(text[:end], growing=True)))
        numbers = sum(len(n) for n in re.findall(r"^\d+\.|^- \[x\]", text[:end], re.MULTILINE))
        assert len(letters(text[:end])) - len(shows) <= 12 + numbers, text[:end]


@given(
    st.one_of(_ANSWERS, documents(), st.text(st.sampled_from("ab12 \n`*_~$[]()!<>&\\|-=#.:"), max_size=60)),
    st.data(),
)
@settings(max_examples=20, deadline=None)
def test_block_by_block_is_the_same_as_all_at_once_and_well_formed(text: str, data: st.DataObject) -> None:
    growing, end = Growing(), 0
    while end < len(text):
        end = min(len(text), end + data.draw(st.integers(1, max(8, len(text) // 3))))
        blocks = growing.blocks(text[:end])
        assert blocks == html_blocks(text[:end], growing=True), text[:end]
        assert "\x01" not in "".join(blocks)
    assert growing.blocks("Another text") == html_blocks("Another text", growing=True)


@given(st.text(st.sampled_from("ab12 \n`*_~$[]()!<>&\\|-=#.:"), max_size=80))
@settings(max_examples=50, deadline=None)
def test_any_beginning_has_a_look(text: str) -> None:
    html = render(parse(text, growing=True), Markup.HTML)
    check_html(html)
    assert "\x01" not in html
    assert within(letters(shown([html])), letters(text))


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("**bol", "<p><strong>bol</strong></p>"),
        ("a **", "<p>a</p>"),
        ("a **b** *", "<p>a <strong>b</strong></p>"),
        ("2 * 3 and 4*5 =", "<p>2 * 3 and 4*5 =</p>"),
        ("see [a text](https://exa", "<p>see a text</p>"),
        ("see [1", "<p>see</p>"),
        ("see [1]", "<p>see [1]</p>"),
        ("`co", "<p><code>co</code></p>"),
        ("it costs $5 or", "<p>it costs $5 or</p>"),
        ("let $x", '<p>let <code class="math">$x</code></p>'),
        ("let **\\(a^2", '<p>let <strong><code class="math">\\(a^2</code></strong></p>'),
        ("-$$b$(", '<p>-$<code class="math">$b$</code>(</p>'),
        ("a[$b", "<p>a$b</p>"),
        ("| $a", '<th><code class="math">$a</code></th>'),
        ("| a |\n|---|\n| `x\\", "<td><code>x</code></td>"),
        ("$$\n*a* \\, \\{", '<div class="math" tabindex="0">$$\n*a* \\, \\{</div>'),
        ("\\[\na", '<div class="math" tabindex="0">\\[\na</div>'),
        ("a\n-", "<p>a</p>"),
        ("1. a\n\n2", "<ol>\n<li>a</li>\n</ol>"),
        ("| a | b", "<th>a</th><th>b</th>"),
        ("> | a |\n> |-", "<th>a</th>"),
        ("a | b\nc", "<p>a | b\nc</p>"),
        ("**" + "x" * 500, "<p>**" + "x" * 500 + "</p>"),
    ],
)
def test_how_a_beginning_looks(text: str, looks: str) -> None:
    assert looks in "\n".join(html_blocks(text, growing=True))


def test_a_long_answer_costs_little_each_time() -> None:
    text = "".join(f"## Part {n}\n\nSome **words** here.\n\n- one\n- two\n\n" for n in range(300))
    assert len(text) > 12_000
    growing = Growing()
    growing.blocks(text)
    assert growing.ahead(text + "More") < 100
    assert growing.blocks(text + "More *w") == html_blocks(text + "More *w", growing=True)


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "![",
        "[a](",
        "$a ",
        "&",
        "\\(",
        "`x ``y ",
        "*a ~~b",
        "*a b~~ ",
        "<h",
        "$ ",
        "| a ",
        "$",
        "中**：",
        "**“中",
    ],
)
def test_hostile_text_is_neither_lost_nor_slow(piece: str) -> None:
    text = f"A word {piece * 3_000} and one at the end"
    began = time.thread_time()
    looks = finished(text)
    assert time.thread_time() - began < 1
    assert looks.startswith("A word")
    assert within(letters(looks), letters(text))
    assert len(letters(text)) - len(letters(looks)) < 2_100
    assert "and one at the end" in looks
