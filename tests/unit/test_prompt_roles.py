"""Where people answered in the bot's place, roles follow one another in any order: what the model is asked
with alternates all the same, fits, and begins with what it was asked with before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.prompt import LEAST, Summary, alternating, build, tokens_of
from bot.types import Message, Role, ToolCall

SYSTEM = Message(Role.SYSTEM, "Be brief.", tokens=12)
words = st.text(min_size=1, max_size=60)
turns = st.lists(
    st.lists(st.sampled_from((Role.USER, Role.ASSISTANT)), min_size=1, max_size=2, unique=True), max_size=12
)
"""Of each turn who speaks in it: a question that waits, an answer that nobody asked for, or both."""


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    return [
        Message(role, draw(words), turn=number, step=step, tokens=draw(st.integers(0, 80)))
        for number, roles in enumerate(draw(turns), 1)
        for step, role in enumerate(sorted(roles, key=lambda role: role is Role.ASSISTANT))
    ]


def roles_of(messages: Sequence[Message]) -> list[Role]:
    return [message.role for message in messages]


@given(histories(), words, st.integers(LEAST + 20, 1500), st.integers(1, 8))
def test_roles_alternate_within_the_budget(
    history: list[Message], asked: str, room: int, first_turn: int
) -> None:
    question = Message(Role.USER, asked, context="Passages.", turn=99)
    prompt = build(SYSTEM, history, [question], budget=SYSTEM.tokens + room, summary=Summary(first_turn))
    sent = alternating(prompt.messages)
    rest = roles_of(sent[1:])
    assert sent[0] == SYSTEM
    assert rest == [Role.USER, Role.ASSISTANT] * (len(rest) // 2) + [Role.USER]
    assert sum(map(tokens_of, prompt.messages)) == prompt.tokens <= SYSTEM.tokens + room
    assert sent[-1].content.endswith(prompt.messages[-1].content)


@given(histories(), words, words, histories())
def test_what_was_asked_stays_the_beginning(
    history: list[Message], asked: str, answer: str, later: list[Message]
) -> None:
    question = Message(Role.USER, asked, turn=50)
    answered = [*history, question, Message(Role.ASSISTANT, answer, turn=50)]
    more = [*answered, *(replace(m, turn=m.turn + 50) for m in later)]
    before = build(SYSTEM, history, [question], budget=10**6, summary=Summary(1)).messages
    again = Message(Role.USER, "And?", turn=99)
    after = build(SYSTEM, more, [again], budget=10**6, summary=Summary(1)).messages
    sent = alternating(before)
    assert alternating(after)[: len(sent)] == sent


def test_names_and_contexts_and_files_of_what_is_joined_are_kept() -> None:
    one = Message(Role.USER, "one", name="Ann", context="its file")
    two = Message(Role.USER, "two", name="Ben", context="passages")
    (joined,) = alternating([one, two])
    assert joined.content == "Ann: one\n\nits file\n\nBen: two\n\npassages"
    assert joined.context == "passages"


def test_calls_of_tools_are_left_as_they_are() -> None:
    call = Message(Role.ASSISTANT, "Let me see.", tool_calls=(ToolCall("1", "look", "{}"),))
    results = [Message(Role.TOOL, "a", tool_call_id="1"), Message(Role.TOOL, "b", tool_call_id="2")]
    messages = (Message(Role.ASSISTANT, "x"), call, *results)
    assert alternating(messages) == messages
