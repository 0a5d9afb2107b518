"""What each renderer writes, and where texts are cut."""

from __future__ import annotations

import time

import pytest

from bot.markup import Kind, parse, parts, plain_text, render, utf16_length
from bot.types import Markup

TELEGRAM, DISCORD, HTML, PLAIN = Markup.TELEGRAM_HTML, Markup.DISCORD, Markup.HTML, Markup.PLAIN


def _telegram(text: str) -> str:
    return render(parse(text), TELEGRAM)


def _discord(text: str) -> str:
    return render(parse(text), DISCORD)


def _html(text: str) -> str:
    return render(parse(text), HTML)


@pytest.mark.parametrize("text", ["# a\r\n\r\n*b*  \n", "", "\x00 [1]: x", "|a|\n|-|\n"])
def test_markdown_is_given_back_unchanged(text: str) -> None:
    assert render(parse(text), Markup.MARKDOWN) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n\t ", "\u00a0", "```\n```", "\x00"),
        *("\u200f", "\ufeff \ufffc", "**\u2800**", "```\n\u3164\n```", "\u202e\u202c", "\u030a\ufe0f"),
    ],
)
@pytest.mark.parametrize("markup", [TELEGRAM, DISCORD, HTML, PLAIN])
def test_nothing_to_see_is_no_part(text: str, markup: Markup) -> None:
    assert parts(text, markup, 100) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n=====", "<b>Title</b>"),
        ("## a **b**", "<b>a b</b>"),
        ("**a *b* ~~c~~** `<d>`", "<b>a <i>b</i> <s>c</s></b> <code>&lt;d&gt;</code>"),
        ("***a** b*", "<i><b>a</b> b</i>"),
        ("**a **b** c**", "<b>a b c</b>"),
        ('[t](https://e.x/?a="&b) [1]', '<a href="https://e.x/?a=%22&amp;b">t</a> [1]'),
        ("![pic](https://e.x/p.png)", '<a href="https://e.x/p.png">pic</a>'),
        ("**![**a** &lt; *b*](https://e.x)**", '<b><a href="https://e.x">a &lt; <i>b</i></a></b>'),
        ("[![pic](https://e.x/p.png)](https://e.x)", '<a href="https://e.x">pic</a>'),
        (
            "![a [b](https://e.x/b) ![](https://e.x/c)](https://e.x)",
            '<a href="https://e.x">a b https://e.x/c</a>',
        ),
        (
            "<https://e.x> <tg://user?id=1>",
            '<a href="https://e.x">https://e.x</a> <a href="tg://user?id=1">tg://user?id=1</a>',
        ),
        ("```c++ x\na<b\n```", '<pre><code class="language-c++">a&lt;b</code></pre>'),
        ("    code", "<pre>code</pre>"),
        ("> a\n> > b\n\nc", "<blockquote>a\n\nb</blockquote>\n\nc"),
        ("3. a\n4. b\n   - c\n     1. d", "3. a\n4. b\n  • c\n    1. d"),
        ("- a\n\n- b", "• a\n\n• b"),
        ("a  \nb\nc", "a\nb\nc"),
        ("---", "———"),
        ("<script>x</script> &lt;", "&lt;script&gt;x&lt;/script&gt; &lt;"),
        ("| a | 价 |\n|---|---:|\n| x | 1 |", "<pre>a | 价\n--+---\nx |  1</pre>"),
        ("| a |\n|---|\n| [x](https://e.x) |", 'a: <a href="https://e.x">x</a>'),
    ],
)
def test_telegram_html(text: str, expected: str) -> None:
    assert _telegram(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("##### t", "### t"),
        ("**a** *b* ~~c~~ `d`", "**a** *b* ~~c~~ `d`"),
        ("``a`b``", "`` a`b ``"),
        ("||a|| <@1> <#2> @everyone", "\\|\\|a\\|\\| \\<@1> \\<#2> @everyone"),
        ("a\\*b\\\\c \\# x", "a\\*b\\\\c # x"),
        ("\\# x", "\\# x"),
        ("1\\. x", "1\\. x"),
        ("\\- x", "\\- x"),
        ("\\> x", "\\> x"),
        ("https://e.x/a*b https://e.x<@1", "<https://e.x/a>\\*b <https://e.x>\\<@1"),
        ("snake_case https://e.x/a_b", "snake\\_case https://e.x/a_b"),
        ("[a](data:x) [1]", "[a]\\(data:x) [1]"),
        ("[![a](https://e.x/p.png)](https://e.x)", "[a](<https://e.x>)"),
        ("[t](https://e.x) <https://e.x>", "[t](<https://e.x>) <https://e.x>"),
        ("````md\n```x\n````", "```md\n`\u200b`\u200b`x\n```"),
        ("> a\n>\n> b", "> a\n> \n> b"),
        ("- a\n  - b", "- a\n  - b"),
        ("|a|b|\n|-|-|\n|1|2|", "```\na | b\n--+--\n1 | 2\n```"),
    ],
)
def test_discord(text: str, expected: str) -> None:
    assert _discord(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a [1] [2][3]", "<p>a [1] [2][3]</p>"),
        ("[1]: https://e.x\n\n[1]", "<p>[1]: https://e.x</p>\n<p>[1]</p>"),
        ("<img src=x onerror=y>", "<p>&lt;img src=x onerror=y&gt;</p>"),
        ("[a](javascript:x)", "<p>[a](javascript:x)</p>"),
        ("[a](JAVASCRIPT:x) ![b](data:image/png,x)", "<p>[a](JAVASCRIPT:x) ![b](data:image/png,x)</p>"),
        ("[a]() ![b]() ![]()c", "<p>a b c</p>"),
        ("[a](/rel)", "<p>[a](/rel)</p>"),
        ('~~~x"onload=y\n~~~', '<pre><code class="language-xonloady"></code></pre>'),
        ("0. a\n1. b", '<ol start="0">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("a  \nb", "<p>a<br>\nb</p>"),
        ("|a|\n|:-:|", '<table>\n<thead>\n<tr><th class="center">a</th></tr>\n</thead>\n</table>'),
    ],
)
def test_html(text: str, expected: str) -> None:
    assert _html(text) == expected


def test_links_open_no_door() -> None:
    expected = '<p><a href="https://e.x/%22%3E" rel="noopener nofollow noreferrer">a</a></p>'
    assert _html('[a](<https://e.x/"%3E>)') == expected


def test_a_wide_table_becomes_records() -> None:
    text = f"| name | note |\n|---|---|\n| tea | {'x' * 70} |\n| mate | y |"
    assert _telegram(text) == f"name: tea\nnote: {'x' * 70}\n\nname: mate\nnote: y"


@pytest.mark.parametrize("text", ["a **bold", "a [link](https://e.x", "a `code", "a ~~x", "a [1"])
def test_what_is_half_open_is_literal(text: str) -> None:
    assert plain_text(text) == text


def test_a_half_open_fence_is_a_code_block() -> None:
    assert _telegram("a\n```py\nx = 1") == 'a\n\n<pre><code class="language-py">x = 1</code></pre>'


def test_a_fence_is_reopened_with_its_language() -> None:
    lines = [f"line {i} of the code" for i in range(12)]
    found = parts("```py\n" + "\n".join(lines) + "\n```", DISCORD, 100)
    assert len(found) > 2
    assert all(p.text.startswith("```py\n") and p.text.endswith("\n```") for p in found)
    assert "\n".join(p.plain for p in found).split("\n") == lines


def test_a_list_goes_on_with_its_number_and_depth() -> None:
    text = "1. one\n2. " + "word " * 30 + "\n   - inner " + "word " * 12 + "\n3. three"
    found = parts(text, HTML, 100)
    assert [p.text.split("\n")[0] for p in found][1:] == ['<ol start="2">'] * (len(found) - 1)
    assert '<li class="continued">' in found[1].text
    assert found[-1].plain.endswith("3. three")


def test_a_list_is_cut_in_its_outermost_items_where_that_fills_half_a_part() -> None:
    item = "- {0}\n  - {0}a\n  - {0}b\n    - {0}c"
    found = parts("\n".join(map(item.format, range(20))), DISCORD, 300)
    assert len(found) > 2
    assert all(p.text.startswith("- ") and p.text.endswith("c") for p in found)


def test_what_is_left_of_an_item_stands_where_its_list_does() -> None:
    inner = "\n".join(f"   - inner item {n}\n     - innermost {n}" for n in range(4))
    _, *rest = parts(f"1. one\n{inner}\n2. two", DISCORD, 100)
    left = [f"- inner item {n}\n  - innermost {n}" for n in (1, 2, 3)]
    assert "\n".join(p.text for p in rest) == "\n".join([*left, "2. two"])


def test_emphasis_links_and_quotes_are_reopened() -> None:
    found = parts("> **" + "word " * 40 + "[" + "link " * 30 + "end](https://e.x)**", TELEGRAM, 100)
    assert len(found) > 3
    assert all(p.text.startswith("<blockquote><b>") and p.text.endswith("</b></blockquote>") for p in found)
    assert all('<a href="https://e.x">' in p.text for p in found[-2:])


def test_cuts_are_made_between_blocks_first_then_sentences_then_words() -> None:
    blocks = [p.plain for p in parts("a" * 40 + "\n\n" + "b " * 40, PLAIN, 64)]
    assert blocks[0] == "a" * 40
    sentences = [p.plain for p in parts("One two three. " * 8, PLAIN, 64)]
    assert all(p.endswith(".") for p in sentences)
    words = [p.plain for p in parts("word " * 40, PLAIN, 64)]
    assert all(set(p.split()) == {"word"} for p in words)


def test_a_heading_stays_with_what_follows() -> None:
    found = parts("x" * 45 + "\n\n## Head\n\n" + "y" * 40, PLAIN, 64)
    assert found[1].plain.startswith("Head\n\ny")


def test_a_cut_is_never_within_a_character() -> None:
    for char in ("😀", "e\u0301", "👍🏽"):
        for part in parts(char * 200, TELEGRAM, 65):
            assert part.plain == char * (len(part.plain) // len(char))


def test_a_telegram_part_has_at_most_100_entities() -> None:
    found = parts("**a** " * 250, TELEGRAM, 4096)
    assert [p.text.count("<b>") <= 100 for p in found] == [True] * len(found)
    assert sum(p.text.count("<b>") for p in found) == 250


def test_a_telegram_part_has_at_most_24000_bytes_of_markup_and_all() -> None:
    page = "https://e.example/" + "page/" * 180
    found = parts(" ".join(f"[{n}!]({page}{n})" for n in range(65)), TELEGRAM, 4096)
    assert max(len(p.text.encode()) for p in found) <= 24_000
    assert sum(p.text.count(f'<a href="{page}') for p in found) == 65
    assert " ".join(p.plain for p in found) == " ".join(f"{n}!" for n in range(65))


def test_a_link_that_no_part_can_hold_is_text() -> None:
    found = parts(f"See [the page](https://e.example/{'x' * 30_000}) there.", TELEGRAM, 4096)
    assert " ".join(" ".join(p.plain for p in found).split()) == "See the page there."
    assert max(len(p.text) for p in found) < 100


def test_no_part_has_nothing_to_see() -> None:
    found = parts("words " * 20 + "\u200f\u2800 " * 200 + "and more", TELEGRAM, 64)
    assert all(utf16_length(p.plain.strip("\u200f\u2800 ")) > 3 for p in found)
    assert found[-1].plain.endswith("and more")


def test_a_table_is_cut_between_rows_and_keeps_its_header() -> None:
    rows = "\n".join(f"| row {i} | value {i} |" for i in range(60))
    found = parts("| name | value |\n|---|---|\n" + rows, TELEGRAM, 500)
    assert len(found) > 2
    assert all(p.plain.startswith("name") for p in found)
    assert [line for p in found for line in p.plain.split("\n")[2:]][59].startswith("row 59")


def test_the_link_of_a_plain_text_is_shown() -> None:
    assert render(parse("[t](https://e.x) <https://e.x>"), PLAIN) == "t (https://e.x) https://e.x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x00\x1b[1m\tb\r\nc\rd", "a[1m\tb\nc\nd"),
        ("\ud83d\ude00 \ud800", "😀 \ufffd"),
        ("ש\u200fa\u200db", "ש\u200fa\u200db"),
    ],
)
def test_unfit_characters_are_removed_and_others_kept(text: str, expected: str) -> None:
    assert plain_text(text) == expected


@pytest.mark.parametrize("line", ["> ", "- ", "1. ", "  "])
def test_a_thousand_levels_are_text_in_the_end(line: str) -> None:
    found = parts(
        "\n".join(line * i + "- end" for i in range(0, 1000, 50)) + "\n\n" + line * 1000 + "end",
        TELEGRAM,
        4096,
    )
    assert found[-1].plain.endswith("end")


def test_what_follows_the_bound_of_markdown_is_text() -> None:
    text = "*a* b\n\n" * 10_000 + "*last*"
    assert plain_text(text).startswith("a b\n\n")
    assert plain_text(text).endswith("*last*")


@pytest.mark.parametrize(
    "pattern",
    [
        "[",
        "![",
        "[a](",
        "*a ",
        "`",
        ">",
        "- ",
        "- a\n",
        "|a|b|\n|-|-|\n",
        "你好。",
        "a",
        "<a:",
        "Hello **you**, [1].\n\n",
    ],
)
def test_a_megabyte_takes_time_linear_in_its_length(pattern: str) -> None:
    begun = time.process_time()
    assert parts(pattern * (1_000_000 // len(pattern)), TELEGRAM, 4096)
    assert time.process_time() - begun < 30, "quadratic work takes minutes; linear work a few seconds"


def test_lengths_are_utf16_units() -> None:
    assert [utf16_length(t) for t in ("abc", "价", "😀", "\ud800")] == [3, 1, 2, 1]


def test_the_tree_is_small_and_compares_by_value() -> None:
    document = parse("# a\n\n1. b")
    assert [node.kind for node in document.children] == [Kind.HEADING, Kind.LIST]
    assert document == parse("# a\n\n1. b")
    assert document.children[1].children[0].number == 1
