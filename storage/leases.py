"""Leases: who does what only one may do at a time."""

from __future__ import annotations

from sqlalchemy import Connection, text

from bot.ports import Clock
from storage.db import Database
from storage.text import clean

ACQUIRE = text(
    "INSERT INTO lease (name, holder, expires_at) VALUES (:name, :holder, :expires)"
    " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at"
    " WHERE lease.holder = excluded.holder OR lease.expires_at <= :now RETURNING holder"
)
RELEASE = text("DELETE FROM lease WHERE name = :name AND holder = :holder")


class SqlLeases:
    """See `bot.ports.Leases`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def acquire(self, name: str, holder: str, seconds: float) -> bool:
        now = self._clock.time()
        row = {"name": clean(name), "holder": clean(holder), "now": now, "expires": now + seconds}
        return await self._db.write(lambda c: c.execute(ACQUIRE, row).first()) is not None

    async def release(self, name: str, holder: str) -> None:
        row = {"name": clean(name), "holder": clean(holder)}

        def work(connection: Connection) -> None:
            connection.execute(RELEASE, row)

        await self._db.write(work)
