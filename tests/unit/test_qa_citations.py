"""Markers in an answer are checked against what was retrieved."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.citations import QUOTE_LIMIT, cite, listing, shift
from bot.types import Passage

TELEGRAM = Passage(
    "t", "Open a chat with BotFather. Send /newbot. Copy the token.", "telegram.md", "Telegram"
)
VLLM = Passage("v", "先启动 vLLM。然后设置模型地址。最后重启。", "vllm.md", "模型")
BOTH = (TELEGRAM, VLLM)


def test_the_number_of_a_lists_item_is_quoted_with_its_words() -> None:
    steps = Passage("s", "1. Open a chat. Send it.\n2) Copy the token.\n\nVersion 3. is old.", "s.md", "S")
    quotes = [
        cite(f"{claim} [1].", [steps])[1][0].quote for claim in ("Something", "Copy the token", "is old")
    ]
    assert quotes == ["1. Open a chat.", "2) Copy the token.", "is old."]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Copy it [1]. Start [2].", "Copy it [1]. Start [2]."),
        ("Start [2]. Copy it [1].", "Start [1]. Copy it [2]."),
        ("Both[2][1].", "Both[1][2]."),
        ("Both [1, 2].", "Both [1][2]."),
        ("两者都是【2】【1】。", "两者都是[1][2]。"),
        ("Nothing [7].", "Nothing."),
        ("Nothing [0] here [3], one [1, 9].", "Nothing here, one [1]."),
        ("[9] leads", " leads"),
        ("joined [9]up", "joined up"),
        ("Twice [1][1].", "Twice [1][1]."),
    ],
)
def test_markers_are_checked_and_numbered_in_order_of_first_use(answer: str, expected: str) -> None:
    assert cite(answer, BOTH)[0] == expected


@pytest.mark.parametrize(
    "answer",
    [
        "`a[9]` and ``b ` [9]``",
        "```python\na[9]\n```",
        "~~~\na[9]",
        "- list\n  ```\n  a[9]\n  ```",
        "[9](https://example.org)",
        "\\[9]",
        "[9]: https://example.org",
        "[2024] and [a1]",
    ],
)
def test_code_links_and_other_brackets_are_left_alone(answer: str) -> None:
    assert cite(answer, BOTH) == (answer, ())


def test_a_citation_names_its_passage_and_quotes_the_nearest_sentence() -> None:
    text, citations = cite("Send the command newbot to it [1]。你要设置模型的地址 [2]。", BOTH)
    assert text.count("[") == 2
    assert [(c.number, c.passage_id, c.source, c.title) for c in citations] == [
        (1, "t", "telegram.md", "Telegram"),
        (2, "v", "vllm.md", "模型"),
    ]
    assert [c.quote for c in citations] == ["Send /newbot.", "然后设置模型地址。"]


def test_a_marker_after_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    assert cite("Start now. Copy the token. [1] Goodbye.", BOTH)[1][0].quote == "Copy the token."


def test_the_same_passage_under_two_numbers_is_cited_as_one() -> None:
    text, citations = cite("One [1], again [3].", (*BOTH, TELEGRAM))
    assert text == "One [1], again [1]."
    assert len(citations) == 1


def test_without_passages_the_text_is_as_it_was() -> None:
    assert cite("The list [1, 2, 3].", ()) == ("The list [1, 2, 3].", ())


def test_passages_are_listed_with_numbers_that_can_be_shifted() -> None:
    text = listing(BOTH)
    assert text.startswith("[1] Telegram (telegram.md)\nOpen a chat")
    assert re.findall(r"^\[(\d+)\]", shift(text, 3), re.MULTILINE) == ["4", "5"]
    assert shift(text, 0) == text


PIECES = st.sampled_from(
    [*"ab `~\n.。[]【】(),:\\", "```", "[1]", "[2]", "[3]", "[1, 2]", "【1】", "word ", "\n\n", "[0]", "[12]"]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_every_marker_left_stands_for_a_citation_with_words_of_its_passage(answer: str) -> None:
    text, citations = cite(answer, BOTH)
    assert [c.number for c in citations] == list(range(1, len(citations) + 1))
    passages = {p.id: p for p in BOTH}
    assert len({c.passage_id for c in citations}) == len(citations)
    for citation in citations:
        assert f"[{citation.number}]" in text
        assert citation.quote
        assert citation.quote in passages[citation.passage_id].text
        assert len(citation.quote) <= QUOTE_LIMIT


@given(st.lists(st.sampled_from(["a ", "b. ", "[1]", "[2]", "[7]", "\n", "`[2]`", "[1, 7]"])).map("".join))
def test_a_checked_answer_stays_as_it_is(answer: str) -> None:
    text, citations = cite(answer, BOTH)
    passages = {p.id: p for p in BOTH}
    again = [passages[c.passage_id] for c in citations]
    assert cite(text, again)[0] == text


@pytest.mark.parametrize("piece", ["`", "` ``", "[1", "[1,", "```\n", " ", "【", "a[9] "])
def test_cost_grows_with_length_only(piece: str) -> None:
    started = time.process_time()
    cite(piece * (100_000 // len(piece)), BOTH)
    assert time.process_time() - started < 2


STEPS = """\
1. Open a chat with @BotFather and send `/newbot`.
2. Choose a name, and a username that ends in `bot`.
3. Copy the token to `TERTULIA_TELEGRAM_TOKEN`, and restart.
4. Send the bot the owner code that it printed. The bot is now yours."""


@pytest.mark.parametrize(
    "answer",
    [
        f"{STEPS} [1]",
        f"Here is how:\n\n{STEPS}\n[1]",
        "You connect it in four steps: open a chat with @BotFather and send `/newbot`, choose a name and a "
        "username, copy the token to `TERTULIA_TELEGRAM_TOKEN`, send the code. Then the bot is yours. [1]",
    ],
)
def test_a_list_that_is_cited_as_a_whole_is_quoted_by_more_than_its_last_sentence(answer: str) -> None:
    steps = Passage("s", f"How do I connect Telegram?\n\n{STEPS}", "telegram.md", "Telegram")
    (citation,) = cite(answer, (steps,))[1]
    assert "BotFather" in citation.quote
    assert "TERTULIA_TELEGRAM_TOKEN" in citation.quote
    assert citation.quote in steps.text
    assert len(citation.quote) <= QUOTE_LIMIT


@given(st.text(max_size=900), st.text(max_size=300), st.data())
def test_a_quote_is_always_a_part_of_its_passage(text: str, claim: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    passage = Passage("p", text, "source")
    for citation in cite(f"{claim} {text[start : start + 300]} [1]", (passage,))[1]:
        assert citation.quote in text
        assert len(citation.quote) <= QUOTE_LIMIT
        assert citation.quote or not text.strip()
