"""Thoughts that a server leaves in the answer are told apart, wherever the text is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.types import FinishReason
from inference.sse import Assembler
from inference.thoughts import Thoughts

ANSWERS = [
    ("<think>Hm. 1 < 2.</think>\n\nYes.", "Yes.", "Hm. 1 < 2."),
    ("\n<think>\nHm</think >x</think>Yes", "Yes", "\nHm</think >x"),
    ("<think></think>\n\nYes <think>no</think>", "Yes <think>no</think>", ""),
    ("Write `<think>` first.", "Write `<think>` first.", ""),
    ("  <thinking> is another tag", "  <thinking> is another tag", ""),
    ("<thin", "<thin", ""),
    ("<", "<", ""),
    (" ", " ", ""),
    ("", "", ""),
    ("<think>It is 42.</thi", "It is 42.</thi", "It is 42."),
    ("<think>Hm</think>\n", "", "Hm"),
]


@pytest.mark.parametrize(("said", "answer", "thought"), ANSWERS, ids=map(str, range(len(ANSWERS))))
@given(st.data())
def test_what_is_thought_is_no_answer(said: str, answer: str, thought: str, data: st.DataObject) -> None:
    thoughts = Thoughts()
    at, told, thinking = 0, "", ""
    while at < len(said):
        step = data.draw(st.integers(1, 12))
        chunk = thoughts.take(said[at : at + step])
        told, thinking = told + chunk.text, thinking + chunk.reasoning
        at += step
    assert told + thoughts.end(whole=True) == answer
    assert thinking == thought


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "</th", " ", "x", "ink>"]), max_size=12))
def test_nothing_but_the_tags_and_the_space_around_is_lost(pieces: list[str]) -> None:
    thoughts = Thoughts()
    chunks = [thoughts.take(piece) for piece in pieces]
    end = thoughts.end(whole=True)
    told = "".join(c.text for c in chunks) + end
    assert told.strip() or not "".join(pieces).replace("<think>", "").strip() or "</think>" in "".join(pieces)
    assert "".join(told.split()) in "".join("".join(pieces).split())


def event(text: str, reason: str | None = None) -> bytes:
    return (
        b"data: " + json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": reason}]}).encode()
    )


@pytest.mark.parametrize(
    ("reason", "answer"), [("stop", "So it is 4"), ("length", "")], ids=["at its end", "cut short"]
)
def test_thoughts_without_an_end_are_shown_only_if_there_is_nothing_else_to_come(
    reason: str, answer: str
) -> None:
    assembler = Assembler("host")
    lines = b"\n".join([event("<think>So "), event("it is 4", reason), b"data: [DONE]", b""])
    chunks = list(assembler.feed(lines))
    assert "".join(c.text for c in chunks) == answer
    assert "".join(c.reasoning for c in chunks) == "So it is 4"
    assert chunks[-1].finish_reason == FinishReason(reason)


def test_an_answer_after_thoughts_is_told_as_it_comes() -> None:
    assembler = Assembler("host")
    texts = ["<thi", "nk>Hm", "m</th", "ink>\n", "\nYes", ", it is."]
    told = [[(c.text, c.reasoning) for c in assembler.feed(event(text) + b"\n")] for text in texts]
    assert told == [[], [("", "Hm")], [("", "m")], [], [("Yes", "")], [(", it is.", "")]]
