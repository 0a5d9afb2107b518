"""Calls of the page -> events. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.web.identity import AnswerId
from bot.types import Address, Event, EventKind, Part, Sender

_COMMAND = re.compile(r"/[a-z][a-z0-9_]*(\s|$)")
FEEDBACK = {1: "👍", -1: "👎", 0: ""}


def address_of(answer: AnswerId) -> Address:
    return Address("web", "web", answer.chat)


def question(answer: AnswerId, sender: Sender, text: str, at: float, *, files: Sequence[Part] = ()) -> Event:
    """What begins like a command (`/help`) is one."""
    command = _COMMAND.match(text) is not None
    return Event(
        id=answer.text,
        kind=EventKind.COMMAND if command else EventKind.MESSAGE,
        address=address_of(answer),
        sender=sender,
        parts=(*((Part(text=text),) if text else ()), *files),
        message_id=answer.text,
        data=text if command else "",
        received_at=at,
    )


def edit(answer: AnswerId, sender: Sender, question_id: str, text: str, at: float) -> Event:
    return Event(
        id=answer.text,
        kind=EventKind.EDIT,
        address=address_of(answer),
        sender=sender,
        parts=(Part(text=text),),
        message_id=question_id,
        received_at=at,
    )


def retry(answer: AnswerId, sender: Sender, message_id: str, at: float) -> Event:
    return Event(
        id=answer.text,
        kind=EventKind.BUTTON,
        address=address_of(answer),
        sender=sender,
        message_id=message_id,
        data="retry",
        received_at=at,
    )


def stop(answer: AnswerId, sender: Sender, at: float) -> Event:
    """`answer` is the id of this very call, in the conversation of what is to stop."""
    return Event(
        id=answer.text,
        kind=EventKind.COMMAND,
        address=address_of(answer),
        sender=sender,
        message_id=answer.text,
        data="/stop",
        received_at=at,
    )


def feedback(answer: AnswerId, sender: Sender, message_id: str, value: int, reason: str, at: float) -> Event:
    return Event(
        id=answer.text,
        kind=EventKind.REACTION,
        address=address_of(answer),
        sender=sender,
        parts=(Part(text=reason),) if reason else (),
        message_id=message_id,
        data=FEEDBACK[value],
        received_at=at,
    )
