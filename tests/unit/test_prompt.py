"""The prompt always fits, never drops the question, and keeps its prefix between cuts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.prompt import OVERHEAD, Prompt, Summary, build, cut_at, tokens_of
from bot.types import Message, Role

SYSTEM = Message(Role.SYSTEM, "Be brief.", tokens=12)
text = st.text(min_size=1, max_size=400)


def asked(turn: int, words: str, tokens: int = 0, context: str = "") -> Message:
    return Message(Role.USER, words, context=context, turn=turn, tokens=tokens)


def answered(turn: int, words: str, tokens: int = 0) -> Message:
    return Message(Role.ASSISTANT, words, turn=turn, step=1, tokens=tokens)


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    turns = draw(st.integers(0, 12))
    messages = []
    for turn in range(1, turns + 1):
        messages.append(asked(turn, draw(text), draw(st.integers(0, 300)), draw(st.text(max_size=80))))
        messages.append(answered(turn, draw(text), draw(st.integers(0, 300))))
    return messages


tool_steps = st.lists(st.builds(lambda t: Message(Role.TOOL, t, tool_call_id="c"), text), max_size=4)


@given(histories(), text, st.text(max_size=300), tool_steps, st.integers(0, 4000), st.text(max_size=50))
def test_never_over_budget_and_never_without_the_question(
    history: list[Message], words: str, context: str, steps: list[Message], room: int, summary: str
) -> None:
    budget = SYSTEM.tokens + 64 + room
    question = asked(len(history) // 2 + 1, words, context=context)
    prompt = build(SYSTEM, history, [question, *steps], budget=budget, summary=Summary(1, summary))
    assert prompt.tokens <= budget
    assert sum(map(tokens_of, prompt.messages)) == prompt.tokens
    users = [m for m in prompt.messages if m.role is Role.USER and m.turn == question.turn]
    assert len(users) == 1
    assert prompt.trimmed or users[0].text == words
    assert prompt.messages[0].role is Role.SYSTEM


@given(histories(), text)
def test_what_fits_is_not_touched(history: list[Message], words: str) -> None:
    question = asked(99, words)
    prompt = build(SYSTEM, history, [question], budget=10**9, summary=Summary(1))
    assert prompt.messages == (SYSTEM, *history, question)
    assert not prompt.trimmed


def grow(turns: int, budget: int, size: int = 20) -> list[Prompt]:
    """The prompts of a conversation whose every message has `size` tokens."""
    history: list[Message] = []
    summary, prompts = Summary(1), []
    for turn in range(1, turns + 1):
        question = asked(turn, f"question {turn}", size)
        prompt = build(SYSTEM, history, [question], budget=budget, summary=summary)
        summary = prompt.summary
        prompts.append(prompt)
        history += [question, answered(turn, f"answer {turn}", size)]
    return prompts


def test_the_prefix_is_stable_between_cuts_and_cuts_are_rare() -> None:
    prompts = grow(turns=200, budget=1000)
    cuts = 0
    for before, after in pairwise(prompts):
        if after.summary.first_turn == before.summary.first_turn:
            assert after.messages[: len(before.messages)] == before.messages
        else:
            cuts += 1
            kept = sum(m.tokens for m in after.messages[1:-1])
            assert kept <= (1000 - SYSTEM.tokens) // 2
    # half the room is 12 turns of 40 tokens: a cut each dozen turns, not each turn
    assert 200 // 14 <= cuts <= 200 // 11


def test_a_prepared_summary_waits_for_the_cut() -> None:
    history = [m for t in range(1, 11) for m in (asked(t, "q", 20), answered(t, "a", 20))]
    prepared = Summary(6, "They spoke of ships.", 9)
    question = asked(11, "q", 20)
    roomy = build(SYSTEM, history, [question], budget=1000, summary=Summary(1), prepared=prepared)
    assert roomy.summary == Summary(1)
    tight = build(SYSTEM, history, [question], budget=400, summary=Summary(1), prepared=prepared)
    assert tight.summary == prepared
    assert "They spoke of ships." in tight.messages[0].text
    assert [m.turn for m in tight.messages[1:]] == [6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11]
    assert tight.messages[0].tokens == SYSTEM.tokens + 9 + OVERHEAD


def test_an_old_summary_stays_when_no_new_one_is_ready() -> None:
    history = [m for t in range(4, 14) for m in (asked(t, "q", 20), answered(t, "a", 20))]
    prompt = build(SYSTEM, history, [asked(14, "q", 20)], budget=380, summary=Summary(4, "Ships.", 3))
    assert prompt.summary.first_turn > 4
    assert "Ships." in prompt.messages[0].text


def test_tool_results_are_cut_before_the_question() -> None:
    question = asked(1, "What does the file say?")
    steps = [Message(Role.ASSISTANT, "", turn=1), Message(Role.TOOL, "x" * 5000, turn=1)]
    prompt = build(SYSTEM, [], [question, *steps], budget=600, summary=Summary(1))
    assert prompt.messages[1].text == question.text
    assert "left out" in prompt.messages[3].text
    assert not prompt.trimmed


def test_a_question_too_long_keeps_its_beginning_and_end() -> None:
    question = asked(1, "BEGIN " + "字" * 5000 + " END")
    prompt = build(SYSTEM, [], [question], budget=500, summary=Summary(1))
    assert prompt.trimmed
    assert prompt.messages[1].text.startswith("BEGIN")
    assert prompt.messages[1].text.endswith("END")


def test_passages_go_before_the_question_does() -> None:
    question = asked(1, "Why?", context="p" * 900)
    prompt = build(SYSTEM, [], [question], budget=300, summary=Summary(1))
    assert prompt.messages[1] == replace(question, context="")
    assert not prompt.trimmed


def test_a_cut_is_at_a_turns_border() -> None:
    history = [asked(1, "q", 10), answered(1, "a", 10), asked(2, "q", 10), answered(2, "a", 10)]
    assert cut_at(history, room=50) == 2
    assert cut_at(history, room=30) == 3
    assert cut_at([], room=30) == 1
