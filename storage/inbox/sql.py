"""The inbox of the embedded runtime: a table, and a queue in memory that follows its commits.

An event that is put reaches the consumer right after its commit, without being read again; only
at the start is the table read, for what an earlier process left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
from sqlalchemy import Connection, Row, text

from bot.ports import Clock
from bot.types import Address, Event, EventKind, Sender
from storage.db import Database
from storage.text import clean, clean_event, from_json, key_of, to_json

KEEP_SECONDS = 7 * 24 * 3600
"""How long the key of a done event is kept against late duplicates."""
PRUNE_EVERY = 500
_PAGE = 500

PUT = text(
    "INSERT INTO inbox (key, state, sender, payload, reason, put_at)"
    " VALUES (:key, 0, :sender, :payload, '', :now) ON CONFLICT (key) DO NOTHING RETURNING id"
)
PENDING = text(
    "SELECT id, key, payload FROM inbox WHERE state = 0 AND state <> 1 AND id > :after"
    " ORDER BY id LIMIT :limit"
)
IS_PENDING = text("SELECT 1 FROM inbox WHERE key = :key AND state = 0")
DONE = text("UPDATE inbox SET state = 1, sender = '', payload = '', reason = '' WHERE key = :key")
BURY = text("UPDATE inbox SET state = 2, reason = :reason WHERE key = :key AND state = 0")
DEAD = text(
    "SELECT key, payload, reason FROM inbox WHERE state = 2 AND state <> 1 AND id <"
    " coalesce((SELECT last.id FROM inbox AS last WHERE last.key = :before), :end)"
    " ORDER BY id DESC LIMIT :limit"
)
COUNT_DEAD = text("SELECT 1 FROM inbox WHERE state = 2 AND state <> 1 LIMIT :most")
LETTER = text("SELECT key, payload FROM inbox WHERE key = :key AND state = 2")
REVIVE = text("UPDATE inbox SET state = 0, reason = '' WHERE key = :key AND state = 2")
OLDEST = text("SELECT id, key, state, put_at FROM inbox WHERE id > :after ORDER BY id LIMIT :limit")
FORGET = text("DELETE FROM inbox WHERE id = :id AND state = 1")
FORGET_REPLY = text("DELETE FROM delivery WHERE turn_id = 'event:' || :key")


class SqlInbox:
    """See `bot.ports.Inbox`. One process consumes; others of the same database may only put.

    What another process puts or revives is read at the consumer's next start.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._queue: asyncio.Queue[Event] | None = None
        self._read_at_start: set[str] = set()
        self._done_count = 0
        self._pruned_to = 0

    async def put(self, event: Event) -> bool:
        event = clean_event(event)
        row = {
            "key": event.key,
            "sender": to_json([event.address.platform, event.sender.id]),
            "payload": to_json(event),
            "now": self._clock.time(),
        }

        def work(connection: Connection) -> bool:
            return connection.execute(PUT, row).first() is not None

        def on_commit(new: bool) -> None:
            if new:
                self._announce(event)

        return await self._db.write(work, on_commit)

    def _announce(self, event: Event) -> None:
        if self._queue is not None:
            self._queue.put_nowait(event)

    async def events(self) -> AsyncGenerator[Event, None]:
        """See the port. Raises StorageBusy if another consumer is at work on this database."""
        async with self._db.exclusive("inbox"):
            self._queue = queue = asyncio.Queue[Event]()
            self._read_at_start.clear()
            try:
                async for event in self._left_behind():
                    self._read_at_start.add(event.key)
                    yield event
                while True:
                    event = await queue.get()
                    if event.key in self._read_at_start:
                        self._read_at_start.discard(event.key)
                    else:
                        yield event
            finally:
                self._queue = None

    async def _left_behind(self) -> AsyncIterator[Event]:
        after = 0
        while rows := await self._pending(after):
            for row in rows:
                after = row.id
                try:
                    event = from_json(row.payload, Event)
                except msgspec.MsgspecError as error:
                    await self._set_dead(row.key, f"cannot be read: {error}")
                else:
                    yield event

    async def _pending(self, after: int) -> Sequence[Row[Any]]:
        bounds = {"after": after, "limit": _PAGE}
        return await self._db.read(lambda c: c.execute(PENDING, bounds).all())

    async def done(self, event: Event) -> None:
        key = {"key": key_of(event)}
        await self._db.write(lambda c: _execute(c, DONE, key))
        if self._done_count % PRUNE_EVERY == 0:
            await self._prune()
        self._done_count += 1

    async def pending(self, key: str) -> bool:
        found = await self._db.read(lambda c: c.execute(IS_PENDING, {"key": clean(key)}).first())
        return found is not None

    async def bury(self, event: Event, reason: str) -> None:
        await self._set_dead(key_of(event), reason)

    async def _set_dead(self, key: str, reason: str) -> None:
        self._read_at_start.discard(key)
        await self._db.write(lambda c: _execute(c, BURY, {"key": key, "reason": clean(reason)}))

    async def dead(self, limit: int = 100, *, before: str = "") -> list[tuple[Event, str]]:
        bounds = {"limit": limit, "before": clean(before), "end": 1 << 62}
        rows = await self._db.read(lambda c: c.execute(DEAD, bounds).all())
        return [(_event(row) or _unreadable(row.key), row.reason) for row in rows]

    async def count_dead(self, most: int) -> int:
        return len(await self._db.read(lambda c: c.execute(COUNT_DEAD, {"most": most}).all()))

    async def revive(self, key: str) -> bool:
        letter = {"key": clean(key)}

        def work(connection: Connection) -> Event | None:
            row = connection.execute(LETTER, letter).first()
            event = _event(row) if row is not None else None
            revived = event is not None and connection.execute(REVIVE, letter).rowcount
            return event if revived else None

        def on_commit(event: Event | None) -> None:
            if event is not None:
                self._announce(event)

        return await self._db.write(work, on_commit) is not None

    async def _prune(self) -> None:
        """Forget a small batch of the oldest done rows, and where replies to them outside of turns
        were shown; the next call goes on from there."""
        bounds = {"after": self._pruned_to, "limit": 2 * PRUNE_EVERY}
        rows = await self._db.read(lambda c: c.execute(OLDEST, bounds).all())
        horizon = self._clock.time() - KEEP_SECONDS
        old = [row for row in rows if row.put_at < horizon]
        self._pruned_to = old[-1].id if old and len(old) == bounds["limit"] else 0
        gone = [{"id": row.id, "key": row.key} for row in old if row.state == 1]

        def work(connection: Connection) -> None:
            connection.execute(FORGET, gone)
            connection.execute(FORGET_REPLY, gone)

        if gone:
            await self._db.write(work)


def _event(row: Row[Any]) -> Event | None:
    """None where the row cannot be read any more."""
    try:
        return from_json(row.payload, Event)
    except msgspec.MsgspecError:
        return None


def _unreadable(key: str) -> Event:
    platform, account, id = (unquote(part) for part in f"{key}//".split("/")[:3])
    return Event(id, EventKind.MESSAGE, Address(platform, account, ""), Sender(""))


def _execute(connection: Connection, statement: Any, parameters: Any) -> None:
    connection.execute(statement, parameters)
