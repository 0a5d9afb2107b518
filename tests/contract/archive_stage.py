"""What the tests of the archive have in common: somebody asks, and pages are read to their end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from bot.ports import Archive, StatisticsStore
from bot.types import Address, Conversation, Message, Role, Sender, Turn, TurnState
from storage.console.archive import SqlArchive
from storage.console.statistics import SqlStatistics
from storage.said import LOOKED_THROUGH
from tests.contract.conftest import Stores, an_event
from tests.fakes import Memory
from tests.fakes_archive import FakeArchive, FakeStatisticsStore

T = TypeVar("T")
ANN, BOB = Sender("ann", "Ann"), Sender("bob", "Bob")
numbers = iter(range(1, 1 << 40))


def archive_of(stores: Stores, looked_through: int = LOOKED_THROUGH) -> Archive:
    if isinstance(stores.database, Memory):
        return FakeArchive(stores.database)
    return SqlArchive(stores.database, looked_through)


def statistics_of(stores: Stores) -> StatisticsStore:
    if isinstance(stores.database, Memory):
        return FakeStatisticsStore(stores.database)
    return SqlStatistics(stores.database)


async def asked(
    stores: Stores,
    question: str = "",
    answer: str = "",
    *,
    chat: str = "chat",
    sender: Sender = ANN,
    replaces: str = "",
) -> Turn:
    """A turn that has ended, one second after the one before."""
    await stores.clock.advance(1)
    conversation = await stores.conversations.open(Address("test", "bot", chat))
    person = await stores.people.admit("test", sender)
    event = replace(an_event(next(numbers), chat=chat), sender=sender)
    turn = await stores.turns.begin(conversation, event, person_id=person.id, replaces=replaces)
    turn = replace(turn, state=TurnState.DELIVERING, text=answer)
    await stores.turns.finish(turn, [Message(Role.USER, question), Message(Role.ASSISTANT, answer)])
    turn = replace(turn, state=TurnState.DONE, ended_at=stores.clock.time())
    await stores.turns.finish(turn)
    return turn


async def pages(read: Callable[[T | None], Awaitable[list[T]]]) -> list[T]:
    """All pages, one after another."""
    found: list[T] = []
    while page := await read(found[-1] if found else None):
        found += page
    return found


async def home_of(stores: Stores, turn: Turn) -> Conversation:
    found = await stores.conversations.get(turn.conversation_id)
    assert found is not None
    return found
