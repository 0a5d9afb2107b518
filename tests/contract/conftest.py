"""The storage ports over the in-memory fakes, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from bot.ports import (
    Accounts,
    Audit,
    Conversations,
    Inbox,
    KeyValue,
    Leases,
    Overheard,
    People,
    Shares,
    Turns,
)
from bot.types import Address, Event, EventKind, Part, Sender
from storage.console.accounts import SqlAccounts
from storage.console.audit import SqlAudit
from storage.console.shares import SqlShares
from storage.conversations import SqlConversations
from storage.db import Database
from storage.inbox.sql import SqlInbox
from storage.keyvalue import SqlKeyValue
from storage.leases import SqlLeases
from storage.overheard import SqlOverheard
from storage.people import SqlPeople
from storage.turns import SqlTurns
from tests.fakes import (
    FakeClock,
    FakeConversations,
    FakeInbox,
    FakeKeyValue,
    FakePeople,
    FakeTurns,
    Memory,
)
from tests.fakes_console import MemoryAccounts, MemoryAudit, MemoryShares
from tests.fakes_groups import FakeLeases, FakeOverheard


@dataclass(frozen=True)
class Stores:
    """All stores over one database."""

    inbox: Inbox
    people: People
    conversations: Conversations
    turns: Turns
    keyvalue: KeyValue
    overheard: Overheard
    leases: Leases
    accounts: Accounts
    audit: Audit
    shares: Shares
    clock: FakeClock
    database: Any

    def restarted(self) -> Stores:
        """New stores over the same data, as another start of the process has."""
        return open_stores(self.database, self.clock)


def open_stores(database: Database | Memory, clock: FakeClock) -> Stores:
    if isinstance(database, Memory):
        return Stores(
            FakeInbox(database),
            FakePeople(database, clock),
            FakeConversations(database),
            FakeTurns(database, clock),
            FakeKeyValue(database),
            FakeOverheard(database, clock),
            FakeLeases(database, clock),
            MemoryAccounts(database, clock),
            MemoryAudit(database, clock),
            MemoryShares(database, clock),
            clock,
            database,
        )
    return Stores(
        SqlInbox(database, clock),
        SqlPeople(database, clock),
        SqlConversations(database, clock),
        SqlTurns(database, clock),
        SqlKeyValue(database),
        SqlOverheard(database, clock),
        SqlLeases(database, clock),
        SqlAccounts(database, clock),
        SqlAudit(database, clock),
        SqlShares(database, clock),
        clock,
        database,
    )


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            yield open_stores(Memory(), clock)
        else:
            url: str = request.getfixturevalue(f"{request.param}_ready")
            yield open_stores(await stack.enter_async_context(Database(url).lifespan()), clock)


def an_event(
    number: int = 1, *, chat: str = "chat", user: str = "ann", text: str = "hello", private: bool = True
) -> Event:
    return Event(
        id=str(number),
        kind=EventKind.MESSAGE,
        address=Address("test", "bot", chat),
        sender=Sender(user, user.title()),
        parts=(Part(text=text),),
        message_id=f"q{number}",
        private=private,
        received_at=1.5,
    )
