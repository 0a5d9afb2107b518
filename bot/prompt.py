"""History -> model messages within a token budget. Pure functions.

A prompt is: the fixed system message (with the summary of what was cut), the append-only
history, and the question with what changes every turn after it. As long as it fits, the next
turn's prompt begins with this turn's, message for message, so a server that caches prefixes
computes only what is new. When its words do not fit, the history is cut back to half of its room in
one step, at a turn's border, so the prefix changes once in many turns. What remains is computed
anew then in any case, so in the same step it loses its contexts, and the next cut is farther.
Pictures have what the words leave: when they need more, earlier ones go, also several in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil
from operator import attrgetter

from bot.errors import ContextOverflow
from bot.types import Message, Picture, Role

OVERHEAD = 8
"""Tokens a chat template adds around one message, at most, where only an estimate is known."""
LEAST = 64
"""Tokens of a question that every prompt holds; a shorter question is there whole."""
PATCH, LEAST_OF_PICTURE = 28, 576
UNASKED = "(nothing was asked)"
SUMMARY_HEAD = "Summary of the conversation so far:"
_LEFT_OUT = "\n[… {n} characters left out …]\n"
_NOT_SHOWN = "[{n} more picture(s) were left out: there was no room]"


@dataclass(frozen=True, slots=True)
class Summary:
    """What the turns before `first_turn` were about."""

    first_turn: int
    text: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages that fit. `tokens` bounds their length; `summary.first_turn` is the window's start
    (if it differs from the given one, the window was cut); contexts of turns before `context_turn`
    are not rendered; `trimmed`: the question itself was."""

    messages: tuple[Message, ...]
    tokens: int
    summary: Summary
    context_turn: int
    budget: int
    trimmed: bool = False


def tokens_of(message: Message) -> int:
    """The stored count, else a bound: a byte-level tokenizer gives at most one token a byte. With what
    its pictures take."""
    words = message.tokens or len(message.content.encode(errors="replace")) + _calls(message) + OVERHEAD
    return words + _pictures_size(message) if message.pictures else words


def tokens_of_picture(picture: Picture) -> int:
    """What a picture takes at most, of models that cut it into squares of 28 pixels (Qwen-VL) or show
    every picture at one size (LLaVA, Gemma). Of others it can be more: they refuse a prompt that is too
    long, and are asked with fewer pictures."""
    return max(ceil(picture.width / PATCH) * ceil(picture.height / PATCH), LEAST_OF_PICTURE) + OVERHEAD


def unseen(message: Message) -> Message:
    """Without its pictures; the words still name them."""
    return replace(message, pictures=()) if message.pictures else message


def _calls(message: Message) -> int:
    return sum(len(c.name) + len(c.arguments.encode(errors="replace")) + OVERHEAD for c in message.tool_calls)


def bare(message: Message) -> Message:
    """Without the context. What is left is counted only where the context is."""
    if not message.context:
        return message
    tokens = max(0, message.tokens - message.context_tokens) if message.context_tokens else 0
    return replace(message, context="", tokens=tokens, context_tokens=0)


def rendered(history: Sequence[Message], context_turn: int) -> list[Message]:
    """The history as the model reads it: turns before `context_turn` without their contexts."""
    return [bare(m) if m.turn < context_turn else m for m in history]


def alternating(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages as chat templates take them: what one role says in a row is one message. What was
    asked before stays the beginning of what is asked later: an answer follows every question that the
    model was asked, so nothing is ever joined to that."""
    joined: list[Message] = []
    for message in messages:
        if joined and _joins(joined[-1], message):
            before = joined[-1]
            joined[-1] = Message(
                message.role,
                f"{before.content}\n\n{replace(message, context='').content}",
                context=message.context,
                attachments=(*before.attachments, *message.attachments),
                pictures=(*before.pictures, *message.pictures),
                turn=message.turn,
                step=message.step,
            )
        else:
            joined.append(message)
    return tuple(joined)


def _joins(before: Message, message: Message) -> bool:
    plain = message.role in (Role.USER, Role.ASSISTANT) and not (before.tool_calls or message.tool_calls)
    return plain and before.role is message.role


def _opened(history: list[Message]) -> list[Message]:
    """A history that begins with an answer, which many templates refuse, after what stands for its
    question."""
    if not history or history[0].role is not Role.ASSISTANT:
        return history
    return [Message(Role.USER, UNASKED, tokens=len(UNASKED) + OVERHEAD, turn=history[0].turn), *history]


def build(
    system: Message,
    history: Sequence[Message],
    question: Sequence[Message],
    *,
    budget: int,
    summary: Summary,
    prepared: Summary | None = None,
    context_turn: int = 1,
) -> Prompt:
    """The prompt of `question` (the user's message, then the tool steps taken so far).

    Guarantees: `tokens <= budget`; the question is there, its text trimmed in the middle only if it
    alone does not fit, and never to less than its beginning and end; the window's start moves only
    when the words do not fit, and no words are left out for pictures (`_seen`). Raises ContextOverflow
    if `budget` is below `least`. Turns of `history` before `summary.first_turn` are left out, contexts of
    turns before `context_turn` too; a cut leaves out the contexts of all turns before the question's.
    `prepared` is a newer summary, written in the background: it takes effect with a cut, never before.
    """
    history = _opened(rendered([m for m in history if m.turn >= summary.first_turn], context_turn))
    head = _head(system, summary)
    if _size([head, *history, *question]) <= budget:
        return _prompt(head, history, question, budget, summary, context_turn)
    words, asked = list(map(unseen, history)), list(map(unseen, question))
    room = budget - tokens_of(head) - _size(asked)
    if _size(words) > room:
        summary = _cut(words, room, summary, prepared)
        context_turn = max(context_turn, _turn_of(question, words))
        history = _opened(rendered([m for m in history if m.turn >= summary.first_turn], context_turn))
    return _fit(system, history, question, budget, summary, context_turn)


def _seen(messages: Sequence[Message], room: int) -> list[Message]:
    """The messages with those of their pictures, the newest, that have room beside all the words.

    It is gone through as it was asked: where there was no room, those of earlier messages give way until half
    of what the words leave is free, or those of one message are left; then the first ones of that, which
    says so. So what is shown begins as it did the turn before, but once in several pictures.
    """
    shown, used, pictured = list[Message](), 0, list[int]()
    for message in messages:
        shown.append(message)
        used += tokens_of(message)
        if message.pictures:
            pictured.append(len(shown) - 1)
        if used <= room or not pictured:
            continue
        free = room - sum(tokens_of(unseen(m)) for m in shown)
        while len(pictured) > 1 and sum(_pictures_size(shown[place]) for place in pictured) > free // 2:
            place = pictured.pop(0)
            shown[place] = unseen(shown[place])
        if _pictures_size(shown[pictured[0]]) > free:
            place = pictured.pop()
            shown[place] = _album(shown[place], free)
            pictured += [place] if shown[place].pictures else []
        used = _size(shown)
    return shown if used <= room else list(map(unseen, messages))


def _album(message: Message, free: int) -> Message:
    """With the last of its pictures, and a word of the others, in so many tokens beside its own."""
    words = tokens_of(unseen(message))
    for first in range(1, len(message.pictures) + 1):
        note = _NOT_SHOWN.format(n=first)
        text = f"{message.text}\n\n{note}" if message.text else note
        tokens = message.tokens and message.tokens + len(note.encode()) + OVERHEAD
        less = replace(message, text=text, tokens=tokens, pictures=message.pictures[first:])
        if tokens_of(less) <= words + free:
            return less
    return unseen(message)


def _pictures_size(message: Message) -> int:
    return sum(map(tokens_of_picture, message.pictures))


def least(system: Message, question: Message) -> int:
    """The smallest budget that a prompt of this question can be built for."""
    return tokens_of(system) + min(tokens_of(bare(question)), LEAST)


def _cut(history: Sequence[Message], room: int, summary: Summary, prepared: Summary | None) -> Summary:
    """The window after a cut. Its border goes by the sizes until then, contexts included: what
    remains without them is the less to compute anew. A prepared summary is taken with its own
    border where that leaves a quarter of the room free, so that nothing falls between summary and
    window."""
    cut = max(cut_at(history, room=room), summary.first_turn)
    if prepared is None or prepared.first_turn <= summary.first_turn:
        return replace(summary, first_turn=cut)
    kept = _size([bare(m) for m in history if m.turn >= prepared.first_turn])
    if kept + prepared.tokens - summary.tokens <= room * 3 // 4:
        cut = prepared.first_turn
    return replace(prepared, first_turn=max(cut, prepared.first_turn))


def cut_at(history: Sequence[Message], *, room: int) -> int:
    """The first turn of the newest turns that together take at most half of `room` tokens."""
    left = max(0, room // 2)
    first = history[-1].turn + 1 if history else 1
    for turn, messages in groupby(reversed(history), key=attrgetter("turn")):
        left -= sum(map(tokens_of, messages))
        if left < 0:
            break
        first = turn
    return first


def _turn_of(question: Sequence[Message], history: Sequence[Message]) -> int:
    return question[0].turn or (history[-1].turn + 1 if history else 1)


def _fit(
    system: Message,
    history: Sequence[Message],
    question: Sequence[Message],
    budget: int,
    summary: Summary,
    context_turn: int,
) -> Prompt:
    """The last cut, which needs no model: it fits wherever anything does."""
    if budget < least(system, question[0]):
        raise ContextOverflow(f"{budget} tokens hold no system prompt and question")
    head, asked = _head(system, summary), list(map(unseen, question))
    if _size([head, *map(unseen, history), *asked]) > budget and history:
        turn = max(summary.first_turn, _turn_of(question, history))
        history, summary = [], replace(summary, first_turn=turn)
        head = _head(system, summary)
    if _size([head, *asked]) > budget and summary.text:
        summary = replace(summary, text="", tokens=0)
        head = system
    room = budget - tokens_of(head)
    if _size(asked) > room:
        asked, trimmed = _trim(asked, room)
        return _prompt(head, history, asked, budget, summary, context_turn, trimmed)
    return _prompt(head, _seen([*history, *question], room), (), budget, summary, context_turn)


def _trim(question: Sequence[Message], room: int) -> tuple[list[Message], bool]:
    """Tool results first, then passages, then the middle of the person's own text."""
    messages = list(question)
    for index in [*range(len(messages) - 1, 0, -1)]:
        if (excess := _size(messages) - room) <= 0:
            return messages, False
        message = messages[index]
        if message.role is Role.TOOL:
            keep = max(0, len(message.text.encode(errors="replace")) - excess)
            messages[index] = replace(message, text=_middle_out(message.text, keep), tokens=0)
    if _size(messages) > room:
        messages[0] = bare(messages[0])
    if _size(messages) <= room:
        return messages, False
    others = _size(messages[1:])
    if others + LEAST > room:  # steps that can no longer be shown are asked for again
        messages, others = messages[:1], 0
    if tokens_of(messages[0]) > room - others:
        messages[0] = _shortened(messages[0], room - others)
        return messages, True
    return messages, False


def _shortened(asked: Message, size: int) -> Message:
    """The question in at most `size` (`LEAST` or more) bytes, trimmed in the middle; the name of who
    asks stands before it only where that leaves half of `LEAST` to the words."""
    frame = tokens_of(replace(asked, text="", tokens=0))
    if size - frame < LEAST // 2:
        asked, frame = replace(asked, name=""), OVERHEAD
    words = asked.text.strip() or asked.text
    return replace(asked, text=_middle_out(words, size - frame), tokens=0)


def _middle_out(text: str, size: int) -> str:
    """At most `size` bytes of `text`: its beginning and end, with a note between if it fits."""
    raw = text.encode(errors="replace")
    if len(raw) <= size:
        return text
    note = _LEFT_OUT.format(n=len(text))
    spare = size - len(note.encode())
    if spare < 16:
        return raw[:size].decode(errors="ignore")
    half = spare // 2
    return raw[:half].decode(errors="ignore") + note + raw[-half:].decode(errors="ignore")


def _head(system: Message, summary: Summary) -> Message:
    if not summary.text:
        return system
    tokens = system.tokens and summary.tokens and system.tokens + summary.tokens + OVERHEAD
    return replace(system, text=f"{system.text}\n\n{SUMMARY_HEAD}\n{summary.text}", tokens=tokens)


def _size(messages: Sequence[Message]) -> int:
    return sum(map(tokens_of, messages))


def _prompt(
    head: Message,
    history: Sequence[Message],
    question: Sequence[Message],
    budget: int,
    summary: Summary,
    context_turn: int,
    trimmed: bool = False,
) -> Prompt:
    messages = (head, *history, *question)
    return Prompt(messages, _size(messages), summary, context_turn, budget, trimmed)
