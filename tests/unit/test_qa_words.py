"""Terms of documents and of questions, in any language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.words import (
    TERM_LIMIT,
    Sought,
    covered,
    indexed,
    is_prefix,
    literal_terms,
    query_terms,
    sought,
    terms,
)


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How do I connect Telegram?", ["connect", "telegram"]),
        ("怎么连接 Telegram？", ["连接", "telegram"]),
        ("Ｔｅｌｅｇｒａｍ CAFÉ naïve", ["telegram", "caf", "naiv"]),
        ("connects connected connecting", ["connect"]),
        ("settings running replies", ["set", "run", "reply"]),
        ("猫", ["猫"]),
        ("東京タワー", ["東京", "京タ", "タワ", "ワー"]),
        ("ｶﾞｽ", ["ガス"]),
        ("how do i", ["how", "do", "i"]),
        ("怎么", ["怎么"]),
        ("👍 … \0 ' OR \"", ["or"]),
    ],
)
def test_a_question_is_asked_by_its_content_words(question: str, asked: list[str]) -> None:
    assert query_terms(question) == asked


def test_a_long_question_costs_little_and_gives_its_first_terms() -> None:
    assert query_terms(" ".join(f"w{n}" for n in range(500_000))) == [f"w{n}" for n in range(32)]


@given(st.text())
def test_what_a_text_asks_for_is_covered_by_itself(text: str) -> None:
    asked = query_terms(text)
    assert covered(asked, text) == set(asked)
    assert all(0 < len(term) <= TERM_LIMIT for term in terms(text))
    assert not any(c in "'\"\\ \0" for term in terms(text) for c in term)


@given(st.text(alphabet="机器人连接群组设置模型", min_size=1, max_size=12), st.data())
def test_every_part_of_a_chinese_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    asked = query_terms(part)
    assert covered(asked, text) == set(asked)
    assert is_prefix(asked[0]) == (len(part) == 1)


LATIN = st.text(st.sampled_from("abeginsty"), min_size=1, max_size=9)


@given(LATIN, st.sampled_from(["", "s", "es", "ies", "ied", "ed", "ing", "nning", "tings", "e"]))
def test_a_word_is_found_by_each_of_its_beginnings(stem: str, ending: str) -> None:
    word = stem + ending
    found = indexed(f"before {word} after")
    for end in range(1, len(word) + 1):
        assert sought(word[:end]).within(found), word[:end]
        assert sought(f"BEFORE {word[:end]}").within(found)
    assert not sought(f"{word}x").within(found)
    assert not sought("efore").within(indexed("before"))


@given(st.text())
def test_any_text_asks_for_what_it_has(text: str) -> None:
    asked = sought(text)
    assert asked.within(indexed(text))
    assert (asked == Sought()) is (literal_terms(text) == [])
    assert len(asked.whole) <= 32
