"""Outgoing messages as Telegram's fields."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.render import CAPTION_LIMIT, TEXT_LIMIT, caption_of, keyboard, previews_link, text_of
from bot.markup import parts, utf16_length
from bot.types import Button, Citation, Markup, Outgoing
from tests.simulators.telegram import parse_html


def final(
    text: str, *citations: Citation, markup: Markup = Markup.TELEGRAM_HTML, plain: str = ""
) -> Outgoing:
    return Outgoing(
        text, plain or re.sub("<[^>]*>", "", text), markup=markup, citations=citations, final=True
    )


def cited(number: int, source: str = "notes.txt", title: str = "Notes") -> Citation:
    return Citation(number, str(number), source, title, "…")


def test_markers_become_links_where_the_source_has_an_address() -> None:
    out = final("So [1] and [2].", cited(1, "https://a.example/?x=1&y=2"), cited(2))
    text, mode = text_of(out)
    assert mode == "HTML"
    assert text == (
        'So <a href="https://a.example/?x=1&amp;y=2">[1]</a> and [2].\n'
        "<blockquote expandable>[1] Notes — https://a.example/?x=1&amp;y=2\n"
        "[2] Notes — notes.txt</blockquote>"
    )
    assert parse_html(text).text.startswith("So [1] and [2].\n[1] Notes")


def test_markers_in_code_and_links_are_left_alone() -> None:
    code = '<code>a[1]</code> <pre><code class="language-c">b[1]</code></pre>'
    text = f'{code} <a href="https://b.example">[1]</a> <b>[1]</b>'
    shown, _ = text_of(final(text, cited(1, "https://a.example")))
    assert shown.count('<a href="https://a.example">') == 1
    assert '<b><a href="https://a.example">[1]</a></b>' in shown


def test_sources_are_listed_as_far_as_there_is_room() -> None:
    body = "x" * (TEXT_LIMIT - 40)
    shown, _ = text_of(final(body, cited(1, title="long " * 20), cited(2)))
    assert shown == f"{body}\n<blockquote expandable>[2] Notes — notes.txt</blockquote>"
    assert utf16_length(parse_html(shown).text) <= TEXT_LIMIT
    whole = "x" * TEXT_LIMIT
    assert text_of(final(whole, cited(1)))[0] == whole


def test_a_text_that_still_grows_has_no_sources() -> None:
    out = final("So [1].", cited(1))
    assert text_of(Outgoing(out.text, out.plain, markup=out.markup, citations=out.citations))[0] == "So [1]."


def test_sources_without_markup() -> None:
    text, mode = text_of(final("So [1].", cited(1), markup=Markup.PLAIN))
    assert (text, mode) == ("So [1].\n\n[1] Notes — notes.txt", None)


def test_a_hundred_entities_at_most() -> None:
    many = final("<b>x</b>" * 90 + "[1]" * 50, cited(1, "https://a.example"))
    text, _ = text_of(many)
    assert text.count("</") + text.count("https://a.example\n") <= 100


def test_links_to_sources_are_left_out_where_the_text_would_have_too_many_bytes() -> None:
    body = "[1] " * 90
    page = "https://a.example/" + "x" * 300
    whole, _ = text_of(final(body, cited(1, page)))
    assert whole.count(f'<a href="{page}">') == 90
    assert text_of(final(body, cited(1, page + "x" * 100)))[0] == body


MARKDOWN = st.text(alphabet="ab 1[]*_`<>&😀\n|#-", max_size=300)
CITATIONS = st.lists(
    st.builds(
        cited, st.integers(1, 9), st.sampled_from(["a.txt", "https://a.example/b"]), st.text(max_size=20)
    ),
    max_size=5,
)


@given(MARKDOWN, CITATIONS, st.integers(0, 4096))
def test_citations_change_no_text_and_keep_the_limit(text: str, citations: list[Citation], pad: int) -> None:
    for part in parts("x" * pad + text, Markup.TELEGRAM_HTML, TEXT_LIMIT):
        shown, _ = text_of(final(part.text, *citations, plain=part.plain))
        seen = parse_html(shown).text
        assert seen.startswith(parse_html(part.text).text)
        assert utf16_length(seen) <= TEXT_LIMIT


def test_captions_have_less_room() -> None:
    assert caption_of(final("<b>short</b>")) == ("<b>short</b>", "HTML")
    assert caption_of(Outgoing("", "")) == (None, None)
    text, mode = caption_of(final("😀" * 600))
    assert mode is None
    assert text is not None
    assert utf16_length(text) <= CAPTION_LIMIT
    assert text == "😀" * 511 + "…"


def test_rows_of_buttons() -> None:
    def rows(*labels: str) -> list[list[str]]:
        made = keyboard([Button(label, f"cmd:{label}") for label in labels])
        return [[key.text for key in row] for row in made.inline_keyboard] if made else []

    assert rows("a", "b", "c", "d") == [["a", "b", "c"], ["d"]]
    assert rows("a", "a much longer label") == [["a"], ["a much longer label"]]
    assert rows() == []
    made = keyboard(
        [Button("ok", "x" * 64), Button("too long", "x" * 65), Button("page", url="https://a.example")]
    )
    assert made is not None
    assert [key.text for row in made.inline_keyboard for key in row] == ["ok", "page"]


def test_a_page_is_shown_for_the_one_link() -> None:
    assert previews_link(
        final(
            '<a href="https://a.example/?x&amp;y">https://a.example/?x&amp;y</a>',
            plain="https://a.example/?x&y",
        )
    )
    assert not previews_link(final("none"))
    assert not previews_link(final('<a href="https://b.example">x</a> https://a.example'))
