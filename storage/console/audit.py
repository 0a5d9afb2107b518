"""What was done in the console. There is no statement that changes an entry."""

from __future__ import annotations

import heapq
import itertools
import math
from typing import Any

from sqlalchemy import Connection, bindparam, text

from bot.ports import Clock
from bot.types import AuditEntry, AuditFilter
from storage.db import Database
from storage.text import clean

_LAST = (math.inf, (1 << 63) - 1)
_COLUMNS = "id, at, account_id, account, action, target, detail"
_PLACE = "at >= :since AND (at, id) < (:at, :id) ORDER BY at DESC, id DESC LIMIT :limit"


PUT = text(
    "INSERT INTO console_audit (at, account_id, account, action, target, detail)"
    " VALUES (:at, :account_id, :account, :action, :target, :detail)"
)
ALL = text(f"SELECT {_COLUMNS} FROM console_audit WHERE {_PLACE}")
OF_ACCOUNT = text(f"SELECT {_COLUMNS} FROM console_audit WHERE account_id = :account_id AND {_PLACE}")
OF_ACTION = text(f"SELECT {_COLUMNS} FROM console_audit WHERE action = :action AND {_PLACE}")
OF_BOTH = text(
    f"SELECT {_COLUMNS} FROM console_audit WHERE account_id = :account_id AND action = :action AND {_PLACE}"
)
OF_TARGET = text(
    f"SELECT {_COLUMNS} FROM console_audit WHERE target = :target"
    " AND (:account_id = '' OR account_id = :account_id)"
    f" AND (:all_actions OR (action || '') IN :actions) AND {_PLACE}"  # by the target's index alone
).bindparams(bindparam("actions", expanding=True))


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

    async def listing(
        self,
        *,
        limit: int = 50,
        before: tuple[float, int] | None = None,
        wanted: AuditFilter | None = None,
    ) -> list[AuditEntry]:
        wanted = wanted or AuditFilter()
        at, id = min(before or _LAST, (wanted.until, 0))
        values: dict[str, Any] = {"since": wanted.since, "at": at, "id": id, "limit": limit}
        values |= {"account_id": clean(wanted.account_id), "target": clean(wanted.target)}
        actions = tuple(dict.fromkeys(map(clean, wanted.actions)))
        return await self._db.read(lambda c: _listing(c, actions, values))


def _listing(connection: Connection, actions: tuple[str, ...], values: dict[str, Any]) -> list[AuditEntry]:
    if values["target"]:
        more = {"actions": list(actions) or [""], "all_actions": not actions}
        return [AuditEntry(*row) for row in connection.execute(OF_TARGET, {**values, **more})]
    if not actions:
        statement = OF_ACCOUNT if values["account_id"] else ALL
        return [AuditEntry(*row) for row in connection.execute(statement, values)]
    statement = OF_BOTH if values["account_id"] else OF_ACTION
    walks = [connection.execute(statement, {**values, "action": action}).all() for action in actions]
    newest = heapq.merge(*walks, key=lambda row: (row.at, row.id), reverse=True)
    return [AuditEntry(*row) for row in itertools.islice(newest, values["limit"])]
