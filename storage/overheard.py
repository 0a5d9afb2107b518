"""What was said in a chat without being said to the bot: a short, bounded memory."""

from __future__ import annotations

from sqlalchemy import Connection, text

from bot.ports import Clock
from bot.types import Remark, Sender
from storage.db import Database
from storage.text import clean

KEPT = 40
"""Remarks of one conversation."""
LONGEST = 500
"""Characters of one remark."""
KEEP_SECONDS = 24 * 3600.0

PUT = text(
    "INSERT INTO overheard (conversation_id, message_id, platform, user_id, name, text, said_at)"
    " VALUES (:id, :message, :platform, :user, :name, :text, :now)"
    " ON CONFLICT (conversation_id, message_id) DO UPDATE SET text = excluded.text"
)
FORGET = text(
    "DELETE FROM overheard WHERE conversation_id = :id AND (said_at < :horizon OR said_at < ("
    "SELECT min(said_at) FROM (SELECT said_at FROM overheard WHERE conversation_id = :id"
    " ORDER BY said_at DESC LIMIT :kept) AS newest))"
)
RECENT = text(
    "SELECT name, text, said_at FROM overheard WHERE conversation_id = :id AND said_at >= :horizon"
    " ORDER BY said_at DESC LIMIT :limit"
)


class SqlOverheard:
    """See `bot.ports.Overheard`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def put(
        self, conversation_id: int, platform: str, sender: Sender, message_id: str, said: str
    ) -> None:
        now = self._clock.time()
        row = {
            "id": conversation_id,
            "message": clean(message_id),
            "platform": clean(platform),
            "user": clean(sender.id),
            "name": clean(sender.name),
            "text": clean(said[:LONGEST]),
            "now": now,
        }
        bounds = {"id": conversation_id, "horizon": now - KEEP_SECONDS, "kept": KEPT}

        def work(connection: Connection) -> None:
            connection.execute(PUT, row)
            connection.execute(FORGET, bounds)

        await self._db.write(work)

    async def recent(self, conversation_id: int, limit: int = KEPT) -> list[Remark]:
        bounds = {"id": conversation_id, "horizon": self._clock.time() - KEEP_SECONDS, "limit": limit}
        rows = await self._db.read(lambda c: c.execute(RECENT, bounds).all())
        return [Remark(row.name, row.text, row.said_at) for row in reversed(rows)]
