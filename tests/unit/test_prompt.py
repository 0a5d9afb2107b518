"""The prompt always fits, never drops the question, and keeps its prefix between cuts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ContextOverflow
from bot.prompt import LEAST, OVERHEAD, Prompt, Summary, bare, build, cut_at, rendered, tokens_of
from bot.types import Message, Role

SYSTEM = Message(Role.SYSTEM, "Be brief.", tokens=12)
text = st.text(min_size=1, max_size=400)


def asked(turn: int, words: str, tokens: int = 0, context: str = "", context_tokens: int = 0) -> Message:
    return Message(Role.USER, words, context=context, turn=turn, tokens=tokens, context_tokens=context_tokens)


def answered(turn: int, words: str, tokens: int = 0) -> Message:
    return Message(Role.ASSISTANT, words, turn=turn, step=1, tokens=tokens)


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    turns = draw(st.integers(0, 12))
    messages = []
    for turn in range(1, turns + 1):
        tokens = draw(st.integers(0, 300))
        context = draw(st.text(max_size=80))
        apart = draw(st.integers(0, max(0, tokens - 1))) if context else 0
        messages.append(asked(turn, draw(text), tokens, context, apart))
        messages.append(answered(turn, draw(text), draw(st.integers(0, 300))))
    return messages


tool_steps = st.lists(st.builds(lambda t: Message(Role.TOOL, t, tool_call_id="c"), text), max_size=4)


@given(
    histories(),
    text,
    st.text(max_size=300),
    tool_steps,
    st.integers(-2 * LEAST, 4 * LEAST) | st.integers(0, 4000),
    st.text(max_size=50),
    st.integers(1, 14),
    st.text(max_size=200),
)
def test_never_over_budget_and_never_without_the_question(
    history: list[Message],
    words: str,
    context: str,
    steps: list[Message],
    room: int,
    summary: str,
    context_turn: int,
    name: str,
) -> None:
    budget = SYSTEM.tokens + room
    question = replace(asked(len(history) // 2 + 1, words, context=context), name=name)
    call = partial(
        build,
        SYSTEM,
        history,
        [question, *steps],
        budget=budget,
        summary=Summary(1, summary),
        context_turn=context_turn,
    )
    if room < min(LEAST, tokens_of(bare(question))):
        with pytest.raises(ContextOverflow):
            call()
        return
    prompt = call()
    assert prompt.tokens <= budget
    assert sum(map(tokens_of, prompt.messages)) == prompt.tokens
    users = [m for m in prompt.messages if m.role is Role.USER and m.turn == question.turn]
    assert len(users) == 1
    assert prompt.trimmed or users[0].text == words
    kept = users[0].text
    assert kept == words or (kept[0] == (words.strip() or words)[0] and len(kept.encode()) > LEAST // 4)
    assert prompt.messages[0].role is Role.SYSTEM
    earlier = [m for m in prompt.messages[1:] if m.turn < question.turn]
    assert all(m.turn >= max(context_turn, prompt.context_turn) for m in earlier if m.context)


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


Sizes = tuple[int, int, int]
"""Of a turn's question, context and answer; a context of 0 is none."""


def hold(
    turns: Sequence[Sizes], budget: int, form: Callable[[Message], Message] = lambda m: m
) -> list[Prompt]:
    """The prompts of a conversation with turns of these sizes, their questions stored in a form."""
    history: list[Message] = []
    summary, context_turn, prompts = Summary(1), 1, []
    for turn, (own, context, answer) in enumerate(turns, 1):
        shown = f"passage {turn}" if context else ""
        question = asked(turn, f"question {turn}", own + context, shown, context)
        prompt = build(SYSTEM, history, [question], budget=budget, summary=summary, context_turn=context_turn)
        summary, context_turn = prompt.summary, prompt.context_turn
        prompts.append(prompt)
        history += [form(question), answered(turn, f"answer {turn}", answer)]
    return prompts


def merged(message: Message) -> Message:
    """With its context for good."""
    return replace(message, text=message.content, context="", context_tokens=0)


def computed(prompts: Sequence[Prompt]) -> float:
    """Tokens per turn that a cache of prefixes, which keeps answers too, does not have."""
    total, cached = 0, [SYSTEM.text]
    for prompt in prompts:
        contents = [m.content for m in prompt.messages]
        found = sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(contents, cached, strict=False))
        )
        total += sum(map(tokens_of, prompt.messages[found:]))
        cached = [*contents, f"answer {prompt.messages[-1].turn}"]
    return total / len(prompts)


sizes = st.tuples(st.integers(1, 80), st.just(0) | st.integers(1, 300), st.integers(1, 200))


@given(st.lists(sizes, max_size=40), st.integers(SYSTEM.tokens + 80 + 300, 3000))
def test_contexts_stay_until_a_cut_and_all_earlier_ones_go_with_it(turns: list[Sizes], budget: int) -> None:
    prompts = hold(turns, budget)
    for before, after in pairwise([build(SYSTEM, [], [], budget=budget, summary=Summary(1)), *prompts]):
        question = after.messages[-1]
        assert after.tokens <= budget
        assert question.turn not in [m.turn for m in after.messages[:-1]]
        if after.summary == before.summary:
            assert after.messages[: len(before.messages)] == before.messages
            assert after.context_turn == before.context_turn
        else:
            room = budget - SYSTEM.tokens - question.tokens
            assert after.context_turn == question.turn
            assert not any(m.context for m in after.messages[:-1])
            assert sum(map(tokens_of, after.messages[1:-1])) <= room // 2
        assert bool(question.context) == bool(turns[question.turn - 1][1])


@pytest.mark.parametrize("size", [(20, 300, 60), (40, 300, 250), (100, 40, 200), (20, 600, 20)])
@pytest.mark.parametrize("budget", [4000, 40_000, 10**6])
def test_contexts_until_a_cut_cost_no_more_than_for_good_and_than_never(size: Sizes, budget: int) -> None:
    own, context, answer = size
    turns = [size] * 1000
    until = computed(hold(turns, budget))
    assert until <= computed(hold(turns, budget, merged))
    assert until <= computed(hold(turns, budget, bare))
    if budget == 40_000:
        short = (own + answer) / (own + context + answer)
        assert until == pytest.approx(own + context + (own + answer) / (2 - short), rel=0.1)


@given(histories(), st.integers(1, 14))
def test_turns_before_a_given_one_are_rendered_without_contexts(history: list[Message], turn: int) -> None:
    shown = rendered(history, turn)
    assert rendered(shown, turn) == shown
    for before, after in zip(history, shown, strict=True):
        assert after == (before if before.turn >= turn else bare(before))


def test_without_its_context_a_message_has_what_is_left_of_its_count_or_none() -> None:
    assert bare(asked(1, "q", 30, "c", 20)) == asked(1, "q", 10)
    assert bare(asked(1, "q", 30, "c")) == asked(1, "q")
    assert bare(asked(1, "q", 0, "c")) == asked(1, "q")
    assert bare(asked(1, "q", 30)) == asked(1, "q", 30)


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
