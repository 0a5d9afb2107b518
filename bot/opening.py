"""The database and the model servers, opened: a part of the composition root.

Apart from `bot.compose`, as commands that need these alone need not load the core.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import StorageBusy
from bot.ports import (
    Accounts,
    Archive,
    Atlas,
    Audit,
    Backup,
    Clock,
    Conversations,
    Inbox,
    KeyValue,
    Leases,
    Overheard,
    OwnConversations,
    People,
    PersonaStore,
    Search,
    Shares,
    StatisticsStore,
    Turns,
)
from bot.settings import Settings

if TYPE_CHECKING:
    from inference.registry import Registry
    from storage.db import Database

log = logging.getLogger(__name__)
STANDBY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that outlives the process."""

    people: People
    conversations: Conversations
    turns: Turns
    values: KeyValue
    search: Search
    inbox: Inbox
    overheard: Overheard
    leases: Leases
    accounts: Accounts
    audit: Audit
    shares: Shares
    own: OwnConversations
    personas: PersonaStore
    archive: Archive
    atlas: Atlas
    statistics: StatisticsStore
    backup: Backup


@asynccontextmanager
async def open_stores(
    settings: Settings,
    clock: Clock,
    *,
    durable_inbox: bool,
    serves: bool = True,
    standby: asyncio.Event | None = None,
) -> AsyncIterator[Stores]:
    """The database, brought up to date. Raises StorageError; with a durable inbox StorageBusy
    if a service runs on this database already, unless this one only looks (`serves` is False) or
    stands by: then it waits until that one has ended, or until `standby` is set."""
    from storage.atlas import SqlAtlas
    from storage.backup import SqlBackup
    from storage.console.accounts import SqlAccounts
    from storage.console.archive import SqlArchive
    from storage.console.audit import SqlAudit
    from storage.console.personas import SqlPersonas
    from storage.console.shares import SqlShares
    from storage.console.statistics import SqlStatistics
    from storage.conversations import SqlConversations
    from storage.db import open_database
    from storage.inbox.memory import MemoryInbox
    from storage.inbox.sql import SqlInbox
    from storage.keyvalue import SqlKeyValue
    from storage.leases import SqlLeases
    from storage.overheard import SqlOverheard
    from storage.own import SqlOwnConversations
    from storage.people import SqlPeople
    from storage.search import SqlSearch
    from storage.turns import SqlTurns

    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_database(settings.database))
        backup = SqlBackup(db, settings.home / "copies", settings.files)
        if durable_inbox and serves:
            await stack.enter_async_context(_alone(db, clock, standby))
            await backup.clear()
        yield Stores(
            people=SqlPeople(db, clock),
            conversations=SqlConversations(db, clock),
            turns=SqlTurns(db, clock),
            values=SqlKeyValue(db),
            search=SqlSearch(db),
            inbox=SqlInbox(db, clock) if durable_inbox else MemoryInbox(),
            overheard=SqlOverheard(db, clock),
            leases=SqlLeases(db, clock),
            accounts=SqlAccounts(db, clock),
            audit=SqlAudit(db, clock),
            shares=SqlShares(db, clock),
            own=SqlOwnConversations(db),
            personas=SqlPersonas(db, clock),
            archive=SqlArchive(db),
            atlas=SqlAtlas(db),
            statistics=SqlStatistics(db),
            backup=backup,
        )


@asynccontextmanager
async def _alone(db: Database, clock: Clock, standby: asyncio.Event | None) -> AsyncIterator[None]:
    """Be the only service on the database, or have stopped waiting for it."""
    async with AsyncExitStack() as stack:
        told = False
        while standby is None or not standby.is_set():
            try:
                await stack.enter_async_context(db.exclusive("service"))
                break
            except StorageBusy as error:
                if standby is None:
                    raise
                if not told:
                    log.info("Standing by: %s", error)
                told = True
                await clock.sleep(STANDBY_SECONDS)
        yield


@asynccontextmanager
async def open_models(settings: Settings, clock: Clock) -> AsyncIterator[Registry]:
    """The model servers of the settings; without any, one found on this machine, else the
    embedded model that quotes. Servers are asked what they have, but need not be up yet."""
    from inference.discovery import discover
    from inference.http import Http
    from inference.registry import connect
    from inference.wire import Endpoint

    async with Http().lifespan() as http:
        key = settings.model_api_key.get_secret_value()
        endpoints = [Endpoint(url, key=key, model=settings.model) for url in settings.model_urls]
        if not endpoints and settings.model_discovery and (found := await discover(http)):
            log.info("No model is set; using %s, found at %s", found.model, found.url)
            endpoints = [found]
        window, vision = settings.model_window, settings.model_vision
        registry = connect(endpoints, http, clock, window=window, vision=vision)
        asking = asyncio.create_task(registry.refresh())
        try:
            yield registry
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
