"""Whatever the text: nothing lost, nothing too long, everything well-formed."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.markup import Rendered, parts, plain_text, utf16_length
from bot.types import Markup
from tests.unit.markup_checks import check_discord, check_html, check_telegram, marks_removed
from tests.unit.markup_texts import documents, tables, texts

_TEXTS, _TABLES, _DOCUMENTS = texts(), tables(), documents()
_LIMITS = st.sampled_from([64, 90, 200, 500, 1000])
_MARKUPS = st.sampled_from([Markup.TELEGRAM_HTML, Markup.HTML, Markup.DISCORD, Markup.PLAIN])


def _shown_length(part: Rendered, markup: Markup) -> int:
    visible = markup in {Markup.TELEGRAM_HTML, Markup.HTML}
    return utf16_length(part.plain if visible else part.text)


@given(_DOCUMENTS, _LIMITS, _MARKUPS)
@settings(max_examples=200, deadline=None)
def test_no_part_is_too_long_or_empty_or_malformed(text: str, limit: int, markup: Markup) -> None:
    for part in parts(text, markup, limit):
        assert _shown_length(part, markup) <= limit
        assert part.plain.strip()
        part.text.encode()
        if markup is Markup.TELEGRAM_HTML:
            seen, entities = check_telegram(part.text)
            assert seen == part.plain
            assert entities <= 100
        elif markup is Markup.HTML:
            assert marks_removed(check_html(part.text)) == marks_removed(part.plain)
        elif markup is Markup.DISCORD:
            check_discord(part.text)
        else:
            assert part.text == part.plain


@given(_TEXTS, _LIMITS, _MARKUPS)
@settings(max_examples=150, deadline=None)
def test_every_visible_character_is_shown_once_and_in_order(text: str, limit: int, markup: Markup) -> None:
    shown = "\n".join(part.plain for part in parts(text, markup, limit))
    if markup is Markup.PLAIN:
        shown = re.sub(r" \(https?://\S+\)", "", shown)
    assert marks_removed(shown) == marks_removed(plain_text(text))


@given(_TABLES, _LIMITS, _MARKUPS)
@settings(max_examples=80, deadline=None)
def test_every_character_of_a_table_is_shown(text: str, limit: int, markup: Markup) -> None:
    shown = Counter("".join(part.plain for part in parts(text, markup, limit)))
    wanted = Counter(marks_removed("".join(plain_text(text).split("\n")[2:])))
    assert not {c for c in wanted if wanted[c] > shown[c] and c not in "-+: |"}


_PARAGRAPHS = st.lists(
    st.lists(
        st.sampled_from(["tea", "water,", "End.", "你好，世界。", "[1]", "😀", "longish-word"]),
        min_size=1,
        max_size=40,
    ).map(" ".join),
    min_size=1,
    max_size=6,
).map("\n\n".join)


@given(_PARAGRAPHS, st.sampled_from([64, 100, 300]), _MARKUPS, st.data())
@settings(max_examples=100, deadline=None)
def test_all_parts_but_the_last_stay_while_text_is_appended(
    text: str, limit: int, markup: Markup, data: st.DataObject
) -> None:
    whole = parts(text, markup, limit)
    for _ in range(5):
        begun = parts(text[: data.draw(st.integers(0, len(text)))], markup, limit)
        assert begun[:-1] == whole[: max(0, len(begun) - 1)]


@given(st.text(st.characters(exclude_categories=()), max_size=300), _MARKUPS)
@settings(max_examples=150, deadline=None)
def test_any_text_at_all_is_accepted(text: str, markup: Markup) -> None:
    for part in parts(text, markup, 64):
        part.text.encode()
        assert _shown_length(part, markup) <= 64
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", part.text)


@pytest.mark.parametrize("markup", list(Markup))
def test_a_limit_below_64_is_refused(markup: Markup) -> None:
    with pytest.raises(ValueError, match="64"):
        parts("x", markup, 63)
