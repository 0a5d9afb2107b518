"""The judge of the trials by kills finds each thing that must not be."""

from __future__ import annotations

import pytest

from tests.chaos.judge import Question, Shown, judge

ASKED = (Question(1, "one two three"), Question(2, "four\n\n```\nfive\nsix\n```\n\nseven"))
FIRST = Shown(10, "one two three", to=1)
SECOND = (Shown(11, "four\n\n```\nfive\n```", to=2), Shown(12, "```\nsix\n```\n\nseven"))


def test_whole_answers_in_order_are_as_they_should_be() -> None:
    assert judge(ASKED, [FIRST, *SECOND]) == 0


def test_openings_that_stand_alone_are_counted() -> None:
    assert judge(ASKED, [Shown(8, "one…", to=1), Shown(9, "one two…", to=1), FIRST, *SECOND]) == 2


@pytest.mark.parametrize(
    ("shown", "fault"),
    [
        ([FIRST], "lost"),
        ([FIRST, SECOND[0]], "cut"),
        ([Shown(10, "one two", to=1), *SECOND], "cut"),
        ([Shown(10, "one two…", to=1), *SECOND], "cut"),
        ([FIRST, Shown(13, FIRST.text, to=1), *SECOND], "doubled"),
        ([FIRST, *SECOND, Shown(13, SECOND[1].text)], "doubled"),
        ([FIRST, *SECOND, Shown(13, SECOND[0].text, to=2)], "no opening is doubled"),
        ([FIRST, Shown(11, "four\n\n```\nfive", to=2), Shown(12, "six\n```\n\nseven")], "cut"),
        ([FIRST, Shown(11, SECOND[1].text, to=2), Shown(12, SECOND[0].text)], "cut"),
        ([Shown(13, FIRST.text, to=1), *SECOND], "out of order"),
        ([Shown(9, "hello"), FIRST, *SECOND], "belongs to no answer"),
        ([FIRST, *SECOND, Shown(13, "hello", to=3)], "never asked"),
    ],
)
def test_what_must_not_be_is_found(shown: list[Shown], fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        judge(ASKED, shown)
