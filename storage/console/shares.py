"""Links to shared conversations. Foreign keys end them with the conversation and the person."""

from __future__ import annotations

from sqlalchemy import Connection, text

from bot.errors import StorageGone
from bot.ports import Clock
from bot.types import Share
from storage.console.rows import hash_of, new_id, new_token
from storage.db import Database
from storage.text import clean

_LAST = (1e300, "")
_COLUMNS = "id, conversation_id, person_id, last_turn, title, created_at, expires_at"

PUT = text(
    f"INSERT INTO share (token_hash, {_COLUMNS}) VALUES (:token_hash, :id, :conversation_id, :person_id,"
    " :last_turn, :title, :now, :expires_at)"
)
STANDS = (
    "SELECT 1 FROM conversation AS c CROSS JOIN person AS p"
    " WHERE c.id = :conversation_id AND p.id = :person_id"
)
DROP_EXPIRED = text("DELETE FROM share WHERE expires_at <= :now")
FIND = text(f"SELECT {_COLUMNS} FROM share WHERE token_hash = :token_hash AND expires_at > :now")
LISTING = text(
    f"SELECT {_COLUMNS} FROM share WHERE person_id = :person_id AND (created_at, id) < (:at, :id)"
    " AND expires_at > :now ORDER BY created_at DESC, id DESC LIMIT :limit"
)
REVOKE = text("DELETE FROM share WHERE id = :id AND person_id = :person_id AND expires_at > :now")


class SqlShares:
    """See `bot.ports.Shares`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        lock = " FOR KEY SHARE" if db.dialect == "postgresql" else ""
        self._stands = text(STANDS + lock)

    async def put(
        self, conversation_id: int, person_id: str, *, last_turn: int, title: str, expires_at: float
    ) -> str:
        token = new_token()
        values = {
            "token_hash": hash_of(token),
            "id": new_id(),
            "conversation_id": conversation_id,
            "person_id": clean(person_id),
            "last_turn": last_turn,
            "title": clean(title),
            "now": self._clock.time(),
            "expires_at": expires_at,
        }

        def work(connection: Connection) -> str:
            if connection.execute(self._stands, values).first() is None:
                raise StorageGone("what is to be shared was deleted")
            connection.execute(DROP_EXPIRED, values)
            connection.execute(PUT, values)
            return token

        return await self._db.write(work)

    async def find(self, token: str) -> Share | None:
        values = {"token_hash": hash_of(token), "now": self._clock.time()}
        row = await self._db.read(lambda c: c.execute(FIND, values).first())
        return None if row is None else Share(*row)

    async def listing(
        self, person_id: str, *, limit: int = 50, before: tuple[float, str] | None = None
    ) -> list[Share]:
        at, id = before or _LAST
        place = {"person_id": clean(person_id), "at": at, "id": clean(id), "limit": limit}
        values = {**place, "now": self._clock.time()}
        return await self._db.read(lambda c: [Share(*row) for row in c.execute(LISTING, values)])

    async def revoke(self, person_id: str, id: str) -> bool:
        values = {"person_id": clean(person_id), "id": clean(id), "now": self._clock.time()}
        return await self._db.write(lambda c: c.execute(REVOKE, values).rowcount > 0)
