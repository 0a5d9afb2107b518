"""What was asked in a chat, and the judgement of what came of it. Knows no platform."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

FENCE = "```"


@dataclass(frozen=True, slots=True)
class Question:
    """`answer`: what it must be answered with, in however many messages."""

    id: int
    answer: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A message of the bot's. `to`: the question that it replies to; 0: it goes on with the one before."""

    id: int
    text: str
    to: int = 0


class Talk(Protocol):
    """A chat, and who asks in it."""

    asked: list[Question]

    async def ask(self, random_: random.Random) -> None: ...

    def shown(self) -> list[Shown]: ...


def all_answered(talks: Sequence[Talk]) -> Callable[[], bool]:
    """Tells whether every question has its whole answer."""
    waiting = [(talk, question) for talk in talks for question in talk.asked]

    def done() -> bool:
        while waiting and _is_answered(waiting[-1][1], waiting[-1][0].shown()):
            waiting.pop()
        return not waiting

    return done


def judge(asked: Sequence[Question], shown: Sequence[Shown]) -> int:
    """Assert that each question has its whole answer, once, in the order of the questions, and that
    nothing else was said; returns the number of orphans, which are openings of answers."""
    answers = _answers(shown)
    assert {a[0].to for a in answers} <= {q.id for q in asked}, "what was never asked is answered"
    firsts, orphans = [], 0
    for question in asked:
        own = [a for a in answers if a[0].to == question.id]
        whole = [a for a in own if _says(a, question.answer)]
        told = [[m.text for m in a] for a in own]
        assert len(whole) == 1, f"lost, doubled or cut: {question.answer!r} has {told}"
        rest = [a for a in own if a is not whole[0]]
        assert all(len(a) == 1 and a[0].text.endswith("…") for a in rest), f"no opening is doubled: {told}"
        orphans += len(rest)
        firsts.append(whole[0][0].id)
    assert firsts == sorted(firsts), "answers out of order"
    return orphans


def _is_answered(question: Question, shown: Sequence[Shown]) -> bool:
    return any(_says(a, question.answer) for a in _answers(shown) if a[0].to == question.id)


def _answers(shown: Sequence[Shown]) -> list[list[Shown]]:
    """The messages of each answer: the one that replies, and those that go on with it."""
    answers: list[list[Shown]] = []
    for message in sorted(shown, key=lambda m: m.id):
        if message.to:
            answers.append([message])
        else:
            assert answers, f"{message.text!r} belongs to no answer"
            answers[-1].append(message)
    return answers


def _says(answer: Sequence[Shown], text: str) -> bool:
    """Word by word, with the code in each message fenced by itself."""
    whole = all(m.text.count(FENCE) % 2 == 0 for m in answer)
    return whole and _words(m.text for m in answer) == _words([text])


def _words(texts: Iterable[str]) -> list[str]:
    """Without fences: a message that ends within code closes one, and the next opens it again."""
    return [word for text in texts for word in text.split() if word != FENCE]
