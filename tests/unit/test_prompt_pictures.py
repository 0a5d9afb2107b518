"""Pictures in the prompt: they count, go with their turns, and before the words do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.prompt import (
    OVERHEAD,
    Prompt,
    Summary,
    alternating,
    build,
    least,
    tokens_of,
    tokens_of_picture,
    unseen,
)
from bot.types import Message, Picture, Role

SYSTEM = Message(Role.SYSTEM, "Be brief.", tokens=12)
LARGE, SMALL = Picture(b"large", 1024, 1024), Picture(b"small", 64, 48)
FROM_THE_FIRST = Summary(1)


def asked(turn: int, *pictures: Picture, tokens: int = 20) -> Message:
    return Message(Role.USER, f"question {turn}", turn=turn, tokens=tokens, pictures=pictures)


def answered(turn: int) -> Message:
    return Message(Role.ASSISTANT, f"answer {turn}", turn=turn, step=1, tokens=20)


@pytest.mark.parametrize(("picture", "tokens"), [(LARGE, 37 * 37), (SMALL, 576)])
def test_a_picture_counts_by_its_size_and_never_little(picture: Picture, tokens: int) -> None:
    assert tokens_of_picture(picture) == tokens + OVERHEAD
    assert tokens_of(asked(1, picture)) == 20 + tokens + OVERHEAD
    assert tokens_of(replace(asked(1, picture), tokens=0)) == tokens_of(Message(Role.USER, "question 1")) + (
        tokens + OVERHEAD
    )


def test_pictures_go_with_their_turns_when_the_window_is_cut() -> None:
    history = [m for turn in range(1, 5) for m in (asked(turn, SMALL, tokens=800), answered(turn))]
    prompt = build(SYSTEM, history, [asked(5)], budget=3200, summary=FROM_THE_FIRST)
    assert prompt.summary.first_turn == 4
    assert [len(m.pictures) for m in prompt.messages] == [0, 1, 0, 0]
    assert prompt.messages[1].turn == 4


def pictures_of(prompt: Prompt) -> list[int]:
    """How many of each question's are shown."""
    return [len(m.pictures) for m in prompt.messages if m.role is Role.USER]


def test_words_that_fit_stay_and_the_newest_pictures_with_them() -> None:
    history = [m for turn in range(1, 5) for m in (asked(turn, LARGE), answered(turn))]
    prompt = build(SYSTEM, history, [asked(5)], budget=5000, summary=FROM_THE_FIRST)
    assert prompt.summary.first_turn == 1
    assert pictures_of(prompt) == [0, 0, 0, 1, 0]
    assert [unseen(m) for m in prompt.messages] == [SYSTEM, *map(unseen, history), asked(5)]


def test_an_album_takes_no_words_and_says_what_is_left_out() -> None:
    history = [m for turn in range(1, 5) for m in (asked(turn, SMALL, tokens=200), answered(turn))]
    album = asked(5, *[LARGE] * 4)
    prompt = build(SYSTEM, history, [album], budget=4000, summary=FROM_THE_FIRST)
    assert prompt.summary.first_turn == 1
    assert pictures_of(prompt) == [0, 0, 0, 0, 2]
    last = prompt.messages[-1]
    assert last.text == "question 5\n\n[2 more picture(s) were left out: there was no room]"
    assert prompt.tokens == sum(map(tokens_of, prompt.messages)) <= 4000
    later = build(SYSTEM, [*history, album, answered(5)], [asked(6)], budget=4000, summary=FROM_THE_FIRST)
    assert later.messages[: len(prompt.messages)] == prompt.messages


def test_in_a_window_that_grows_with_pictures_the_beginning_changes_rarely() -> None:
    history, changes, before = list[Message](), 0, tuple[Message, ...]()
    for turn in range(1, 41):
        question = asked(turn, *([LARGE] if turn % 3 == 0 else []), tokens=60)
        prompt = build(SYSTEM, history, [question], budget=8000, summary=FROM_THE_FIRST)
        assert prompt.summary.first_turn == 1
        assert sum(pictures_of(prompt)) >= min(turn // 3, 1)
        changes += prompt.messages[: len(before)] != before
        before = prompt.messages
        history += [question, answered(turn)]
    assert changes <= 5


def test_of_a_window_that_does_not_fit_pictures_go_before_words() -> None:
    history = [asked(1, LARGE), answered(1)]
    ready = Summary(1, "They spoke of pictures.", 8)
    shown = build(SYSTEM, history, [asked(2, SMALL)], budget=2100, summary=ready)
    assert [len(m.pictures) for m in shown.messages] == [0, 1, 0, 1]
    whole = build(SYSTEM, history, [asked(2, SMALL)], budget=800, summary=ready, prepared=None)
    assert whole.messages[-1].pictures == (SMALL,)


def test_a_second_picture_does_not_take_all_words_from_a_small_window() -> None:
    history = [asked(1, tokens=60), answered(1), asked(2, LARGE), answered(2)]
    prompt = build(SYSTEM, history, [asked(3, LARGE)], budget=2500, summary=FROM_THE_FIRST)
    assert prompt.summary.first_turn == 1
    assert [len(m.pictures) for m in prompt.messages] == [0, 0, 0, 0, 0, 1]
    later = [*history, asked(3, LARGE), answered(3)]
    prompt = build(SYSTEM, later, [asked(4)], budget=2500, summary=FROM_THE_FIRST)
    assert [len(m.pictures) for m in prompt.messages] == [0, 0, 0, 0, 0, 1, 0, 0]


def test_pictures_that_have_no_room_take_none_from_the_history() -> None:
    history = [asked(1), answered(1)]
    prompt = build(SYSTEM, history, [asked(2, *[LARGE] * 10)], budget=1800, summary=FROM_THE_FIRST)
    assert prompt.summary.first_turn == 1
    assert [len(m.pictures) for m in prompt.messages] == [0, 0, 0, 1]


def test_the_question_keeps_the_last_of_its_pictures_that_have_room() -> None:
    prompt = build(SYSTEM, [], [asked(1, LARGE, SMALL)], budget=700, summary=FROM_THE_FIRST)
    assert prompt.messages[-1].pictures == (SMALL,)
    assert not prompt.trimmed
    prompt = build(SYSTEM, [], [asked(1, LARGE, SMALL)], budget=100, summary=FROM_THE_FIRST)
    assert prompt.messages[-1].pictures == ()
    assert not prompt.trimmed


@given(
    st.lists(st.lists(st.sampled_from([LARGE, SMALL]), max_size=3), max_size=6),
    st.lists(st.sampled_from([LARGE, SMALL]), max_size=3),
    st.integers(0, 8000),
)
def test_never_over_budget_and_never_without_the_question(
    before: list[list[Picture]], now: list[Picture], budget: int
) -> None:
    history = [m for n, p in enumerate(before, 1) for m in (asked(n, *p), answered(n))]
    question = asked(len(before) + 1, *now)
    budget = max(budget, least(SYSTEM, question))
    prompt = build(SYSTEM, history, [question], budget=budget, summary=FROM_THE_FIRST)
    assert sum(map(tokens_of, prompt.messages)) <= budget
    last = prompt.messages[-1]
    assert last.text.startswith(question.text)
    shown = {m.turn for m in prompt.messages[1:-1] if m.role is Role.USER}
    words = sum(map(tokens_of, map(unseen, [SYSTEM, *history, question])))
    assert words > budget or len(shown) == len(before), "no words give way to pictures"
    assert last.pictures == question.pictures[len(question.pictures) - len(last.pictures) :]


def test_what_one_role_says_in_a_row_keeps_its_pictures() -> None:
    (joined,) = alternating([asked(1, LARGE), asked(2, SMALL)])
    assert joined.pictures == (LARGE, SMALL)
