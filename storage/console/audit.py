"""What was done in the console. There is no statement that changes an entry."""

from __future__ import annotations

from sqlalchemy import text

from bot.ports import Clock
from bot.types import AuditEntry
from storage.db import Database
from storage.text import clean

_FAR = (1 << 63) - 1
_COLUMNS = "id, at, account_id, account, action, target, detail"

PUT = text(
    "INSERT INTO console_audit (at, account_id, account, action, target, detail)"
    " VALUES (:at, :account_id, :account, :action, :target, :detail)"
)
ALL = text(f"SELECT {_COLUMNS} FROM console_audit WHERE id < :before ORDER BY id DESC LIMIT :limit")
OF_ACCOUNT = text(
    f"SELECT {_COLUMNS} FROM console_audit WHERE account_id = :account_id AND id < :before"
    " ORDER BY id DESC LIMIT :limit"
)


class SqlAudit:
    """See `bot.ports.Audit`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def put(
        self, account_id: str, account: str, action: str, target: str = "", detail: str = ""
    ) -> None:
        texts = {"account_id": account_id, "account": account, "action": action}
        texts |= {"target": target, "detail": detail}
        row = {"at": self._clock.time(), **{k: clean(v) for k, v in texts.items()}}
        await self._db.write(lambda c: c.execute(PUT, row).rowcount)

    async def listing(self, *, limit: int = 50, before: int = 0, account_id: str = "") -> list[AuditEntry]:
        statement = OF_ACCOUNT if account_id else ALL
        values = {"limit": limit, "before": before or _FAR, "account_id": clean(account_id)}
        return await self._db.read(lambda c: [AuditEntry(*row) for row in c.execute(statement, values)])
