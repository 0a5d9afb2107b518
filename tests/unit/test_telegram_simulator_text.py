"""What the Telegram simulator makes of texts: the library finds in them what their writers marked."""

from __future__ import annotations

import contextlib
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Message, MessageEntity

from tests.simulators.telegram.chats import entities_json
from tests.simulators.telegram.entity import STYLES, Entity, Text, checked_link, units
from tests.simulators.telegram.found import found_entities
from tests.simulators.telegram.html_text import parse_html
from tests.simulators.telegram.markdown_text import parse_markdown, parse_markdown_v2
from tests.simulators.telegram.refusals import Broken, Refusal
from tests.simulators.telegram.tidy import tidy

WORDS = st.text(
    st.one_of(st.characters(codec="utf-8", categories=("L", "N", "So")), st.sampled_from("😀<>&\" '")),
    min_size=1,
    max_size=6,
).map(lambda s: f"x{s}x")
TAGS = {"b": "bold", "em": "italic", "ins": "underline", "del": "strikethrough", "tg-spoiler": "spoiler"}
Tree = list["str | tuple[str, Tree]"]


def leaf(words: list[str]) -> Tree:
    return [*words]


def trees(tags: dict[str, str]) -> st.SearchStrategy[Tree]:
    """Words, and words within tags, and so on."""
    return st.recursive(
        st.lists(WORDS, min_size=1, max_size=3).map(leaf),
        lambda inner: st.lists(
            WORDS | st.tuples(st.sampled_from(sorted(tags)), inner), min_size=1, max_size=4
        ),
        max_leaves=12,
    )


def html_of(tree: Tree) -> str:
    def one(node: str | tuple[str, Tree]) -> str:
        if isinstance(node, str):
            return escape(node, quote=False)
        return f"<{node[0]}>{html_of(node[1])}</{node[0]}>"

    return "".join(map(one, tree))


def marks_of(tree: Tree, styles: frozenset[str] = frozenset()) -> list[tuple[str, frozenset[str]]]:
    """Every character with the styles that its writer gave it."""
    marks: list[tuple[str, frozenset[str]]] = []
    for node in tree:
        if isinstance(node, str):
            marks += [(c, styles) for c in node]
        else:
            marks += marks_of(node[1], styles | {TAGS[node[0]]})
    return marks


def as_read(text: Text) -> Message:
    """The message as the library reads it."""
    data = {
        "message_id": 1,
        "date": 1,
        "chat": {"id": 1, "type": "private", "first_name": "A"},
        "text": text.text,
        "entities": list(entities_json(text.entities, {})),
    }
    message = Message.de_json(data, None)
    assert message is not None
    return message


def styles_read(message: Message) -> list[tuple[str, frozenset[str]]]:
    """Every character with the styles that the library gives it."""
    text = message.text or ""
    at, found = 0, []
    for character in text:
        here = {
            str(e.type.value if hasattr(e.type, "value") else e.type)
            for e in message.entities
            if e.offset <= at < e.offset + e.length and e.type in STYLES
        }
        found.append((character, frozenset(here)))
        at += units(character)
    return found


@given(trees(TAGS))
def test_what_html_marks_the_library_finds(tree: Tree) -> None:
    shown = tidy(parse_html(html_of(tree)), find=False)
    wanted = marks_of(tree)
    assert shown.text == "".join(c for c, _ in wanted)
    message = as_read(shown)
    assert styles_read(message) == wanted
    for entity, part in message.parse_entities().items():
        assert part == shown.part(Entity(str(entity.type), entity.offset, entity.length))


MARKS = {"b": "*", "del": "~", "tg-spoiler": "||"}


def markdown_of(tree: Tree, around: frozenset[str] = frozenset()) -> str:
    """What lies in its own kind is not marked again: MarkdownV2 has no way to say it."""

    def one(node: str | tuple[str, Tree]) -> str:
        if isinstance(node, str):
            return "".join(f"\\{c}" if " " < c <= "~" and not c.isalnum() else c for c in node)
        mark = "" if node[0] in around else MARKS[node[0]]
        return f"{mark}{markdown_of(node[1], around | {node[0]})}{mark}"

    return "".join(map(one, tree))


@given(trees(MARKS))
def test_what_markdown_marks_the_library_finds(tree: Tree) -> None:
    shown = tidy(parse_markdown_v2(markdown_of(tree)), find=False)
    assert styles_read(as_read(shown)) == marks_of(tree)


@given(st.text(alphabet="<>/abiu \n😀é&;#=\"'-pre code", max_size=40))
def test_html_is_parsed_or_refused_and_never_breaks_the_simulator(source: str) -> None:
    with contextlib.suppress(Broken):
        shown = tidy(parse_html(source))
        assert all(0 <= e.offset < e.end <= units(shown.text) for e in shown.entities)
        as_read(shown).parse_entities()


@given(st.text(alphabet="*_~|[]()`>!\\ab\n 😀.", max_size=40))
def test_markdown_is_parsed_or_refused_and_never_breaks_the_simulator(source: str) -> None:
    for parse in (parse_markdown, parse_markdown_v2):
        with contextlib.suppress(Broken):
            shown = tidy(parse(source))
            assert all(0 <= e.offset < e.end <= units(shown.text) for e in shown.entities)


def kinds(text: Text) -> list[tuple[str, str]]:
    return [(e.type, text.part(e)) for e in text.entities]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("<pre><code class='language-py'>x = 1</code></pre>", [("pre", "x = 1")]),
        ("<pre>x</pre>", [("pre", "x")]),
        ("<b>a<code>b</code></b>", [("bold", "a"), ("code", "b")]),
        ("<code>a<b>b</b></code>", [("code", "ab")]),
        ("<b>a</b><b>b</b>", [("bold", "ab")]),
        ("<b>a<i>b</i></b>", [("bold", "a"), ("bold", "b"), ("italic", "b")]),
        ("<blockquote>a <b>b</b></blockquote>", [("blockquote", "a b"), ("bold", "b")]),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", [("blockquote", "ab")]),
        ("<blockquote expandable>a</blockquote>", [("expandable_blockquote", "a")]),
        ("<span class='tg-spoiler'>a</span>", [("spoiler", "a")]),
        ("<tg-emoji emoji-id='5'>👍</tg-emoji>", [("custom_emoji", "👍")]),
        ("<a href='tg://user?id=7'>Ana</a>", [("text_mention", "Ana")]),
        ("<a href='nowhere'>Ana</a>", []),
        ("<a>example.com</a>", [("text_link", "example.com")]),
        ("  <b> a </b>  ", [("bold", " a")]),
        ("&lt;b&gt; &amp;amp; &quot;&#65;&#x1F600;&nbsp;&apos;", []),
        ("<B>a</b >", [("bold", "a")]),
    ],
)
def test_html(source: str, wanted: list[tuple[str, str]]) -> None:
    assert kinds(tidy(parse_html(source), find=False)) == wanted


def test_only_four_names_and_all_numbers_stand_for_characters() -> None:
    assert parse_html("&lt;&gt;&amp;&quot;&#65;&#x1F600;").text == '<>&"A😀'
    assert parse_html("&nbsp; &apos; & &#0; &#xfffffffff;").text == "&nbsp; &apos; & &#0; &#xfffffffff;"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("<table>", 'Unsupported start tag "table" at byte offset 0'),
        ("é<br/>", 'Unsupported start tag "br/" at byte offset 2'),
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("<b>a</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("<b>a</b", "Unclosed end tag at byte offset 4"),
        ("<span>a</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<a href=x/y>", "Unexpected end of name token at byte offset 8"),
        ("<a ='x'>", 'Empty attribute name in the tag "a" at byte offset 0'),
        ("<a href", 'Unclosed start tag "a" at byte offset 0'),
        ("<tg-emoji emoji-id='x'>👍</tg-emoji>", "Invalid custom emoji identifier specified"),
        ("&#xd800;", "Text contains invalid Unicode characters after decoding HTML entities"),
    ],
)
def test_html_that_is_broken(source: str, complaint: str) -> None:
    with pytest.raises(Broken) as caught:
        parse_html(source)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("*a* _b_ __c__ ~d~ ||e|| `f`", ["bold", "italic", "underline", "strikethrough", "spoiler", "code"]),
        ("```py\nx = 1```", ["pre"]),
        ("[a](https://example.com/\\))", ["text_link"]),
        ("![👍](tg://emoji?id=5)", ["custom_emoji"]),
        (">a\n>b\nc", ["blockquote"]),
        (">a\n>b||", ["expandable_blockquote"]),
        ("\\*a\\* 1\\.", []),
        ("_a *b*_", ["italic", "italic", "bold"]),
    ],
)
def test_markdown_v2(source: str, wanted: list[str]) -> None:
    assert sorted(k for k, _ in kinds(tidy(parse_markdown_v2(source), find=False))) == sorted(wanted)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("1. a", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a-b", "Character '-' is reserved"),
        ("a *b", "Can't find end of Bold entity at byte offset 2"),
        ("é `b", "Can't find end of Code entity at byte offset 3"),
        ("```py\nx", "Can't find end of PreCode entity at byte offset 0"),
        ("[a](b", "Can't find end of a URL at byte offset 4"),
        ("![a](b)", "Invalid tg://emoji or tg://time URL specified"),
        (">*a\nb*", "Can't find end of Bold entity at byte offset 1"),
    ],
)
def test_markdown_v2_that_is_broken(source: str, complaint: str) -> None:
    with pytest.raises(Broken) as caught:
        parse_markdown_v2(source)
    assert complaint in str(caught.value)


def test_the_old_markdown() -> None:
    shown = tidy(parse_markdown("*a* _b_ `c` [d](https://example.com) ```py\ne``` \\*"), find=False)
    assert [k for k, _ in kinds(shown)] == ["bold", "italic", "code", "text_link", "pre"]
    assert shown.text == "a b c d e *"
    with pytest.raises(Broken, match="Can't find end of the entity starting at byte offset 2"):
        parse_markdown("a *b")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/start@tertulia_bot x", [("bot_command", "/start@tertulia_bot")]),
        ("a/b /c", [("bot_command", "/c")]),
        ("😀 @someone", [("mention", "@someone")]),
        ("me@example.com", [("email", "me@example.com")]),
        (
            "see https://example.com/a_(b). Or example.org!",
            [("url", "https://example.com/a_(b)"), ("url", "example.org")],
        ),
        ("#tag $USD #1", [("hashtag", "#tag"), ("cashtag", "$USD")]),
        ("file.txt a.b", []),
        ("+34600000000", [("phone_number", "+34600000000")]),
    ],
)
def test_what_is_found(text: str, wanted: list[tuple[str, str]]) -> None:
    assert kinds(Text(text, tuple(found_entities(text)))) == wanted


def test_control_characters_go_and_entities_follow() -> None:
    shown = tidy(Text("a\r\n\x07b\u2028c", (Entity("bold", 3, 3),)))
    assert shown == Text("a\n bc", (Entity("bold", 2, 2),))


@pytest.mark.parametrize("entity", [Entity("bold", 9, 1), Entity("bold", 0, 9), Entity("bold", 1, 1)])
def test_entities_outside_the_text_are_refused(entity: Entity) -> None:
    with pytest.raises(Refusal, match=r"[Ee]ntity beg"):
        tidy(Text("😀", (entity,)))


def test_at_most_a_hundred_entities_are_kept() -> None:
    assert len(tidy(parse_html("<b>a</b> " * 120)).entities) == 100


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("example.com", "http://example.com/"),
        ("HTTPS://Example.com/A?b#c", "https://example.com/A?b#c"),
        ("https://example.com:8080?a b", "https://example.com:8080/?a%20b"),
        ("mailto:me@example.com", "http://mailto:me@example.com/"),
        ("javascript:alert(1)", ""),
        ("localhost", ""),
        ("tg://resolve?domain=x", "tg://resolve?domain=x"),
    ],
)
def test_links_are_kept_as_telegram_keeps_them(given_url: str, kept: str) -> None:
    assert checked_link(given_url) == kept


def test_the_library_counts_as_the_simulator_does() -> None:
    shown = tidy(parse_html("😀<b>é👨\u200d👩\u200d👧</b>"))
    entity = as_read(shown).entities[0]
    assert entity.type == MessageEntity.BOLD
    assert as_read(shown).parse_entity(entity) == "é👨\u200d👩\u200d👧"
