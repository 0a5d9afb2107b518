"""Conversations and their histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from bot.errors import StorageGone
from bot.ports import Clock
from bot.types import Address, Conversation, Message, Part, Role, ToolCall
from storage.db import Database
from storage.text import clean, clean_address, from_json, merged, to_json

COLUMNS = (
    "id, platform, account, chat, thread, start_turn, first_turn, context_turn, summary, summary_tokens,"
    " model, persona, title, settings"
)
MESSAGE = (
    "turn, step, role, text, context, name, attachments, tool_calls, tool_call_id, tokens, context_tokens"
)
"""What a message is stored as, beside its conversation and whether it is shown."""
_FAR = 1 << 30

FIND = text(f"SELECT {COLUMNS} FROM conversation WHERE address_key = :key")
GET = text(f"SELECT {COLUMNS} FROM conversation WHERE id = :id")
MAKE = text(
    "INSERT INTO conversation (address_key, platform, account, chat, thread, start_turn, first_turn,"
    " context_turn, summary, summary_tokens, model, persona, title, settings)"
    " VALUES (:key, :platform, :account, :chat, :thread, 1, 1, 1, '', 0, '', '', '', '{}')"
    " ON CONFLICT (address_key) DO NOTHING"
)
HISTORY = text(
    f"SELECT {MESSAGE} FROM message"
    " WHERE conversation_id = :id AND turn >= :first AND turn < :before AND shown"
    " ORDER BY turn, step"
)
RESTART = text(
    "UPDATE conversation SET start_turn = last.number + 1, first_turn = last.number + 1,"
    " context_turn = last.number + 1, summary = '', summary_tokens = 0"
    " FROM (SELECT coalesce(max(number), 0) AS number FROM turn WHERE conversation_id = :id) AS last"
    f" WHERE id = :id RETURNING {COLUMNS}"
)
CUT = text(
    "UPDATE conversation SET first_turn = :first, summary = :summary, summary_tokens = :tokens,"
    " context_turn = CASE WHEN context_turn < :context THEN :context ELSE context_turn END"
    " WHERE id = :id AND first_turn < :first"
)
UPDATE = text(
    "UPDATE conversation SET model = :model, persona = :persona, title = :title, settings = :settings"
    f" WHERE id = :id RETURNING {COLUMNS}"
)
MAKE_ROOM = text(
    "DELETE FROM conversation WHERE address_key = :new"
    " AND NOT EXISTS (SELECT 1 FROM turn WHERE turn.conversation_id = conversation.id)"
)
MOVE = text(
    "UPDATE conversation SET address_key = :new, platform = :platform, account = :account, chat = :chat,"
    " thread = :thread WHERE address_key = :old"
    " AND NOT EXISTS (SELECT 1 FROM conversation AS there WHERE there.address_key = :new)"
)
LISTING = text(
    f"SELECT {COLUMNS} FROM conversation WHERE id IN ("
    "SELECT conversation_id FROM asker WHERE person_id = :person AND conversation_id < :before"
    " ORDER BY conversation_id DESC LIMIT :limit) ORDER BY id DESC"
)


class SqlConversations:
    """See `bot.ports.Conversations`. An unknown id raises StorageGone."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def open(self, address: Address) -> Conversation:
        address = clean_address(address)
        key = {"key": address.key}
        row = await self._db.read(lambda c: c.execute(FIND, key).first())
        if row is None:
            row = await self._db.write(lambda c: _make(c, address))
        return conversation_of(row)

    async def find(self, address: Address) -> Conversation | None:
        key = {"key": clean_address(address).key}
        row = await self._db.read(lambda c: c.execute(FIND, key).first())
        return None if row is None else conversation_of(row)

    async def get(self, conversation_id: int) -> Conversation | None:
        row = await self._db.read(lambda c: c.execute(GET, {"id": conversation_id}).first())
        return None if row is None else conversation_of(row)

    async def history(
        self, conversation_id: int, *, first_turn: int, before_turn: int | None = None
    ) -> list[Message]:
        bounds = {
            "id": conversation_id,
            "first": first_turn,
            "before": _FAR if before_turn is None else before_turn,
        }
        rows = await self._db.read(lambda c: c.execute(HISTORY, bounds).all())
        return [message_of(row) for row in rows]

    async def restart(self, conversation_id: int) -> Conversation:
        return await self._change(RESTART, {"id": conversation_id})

    async def cut(
        self, conversation_id: int, *, first_turn: int, context_turn: int, summary: str, summary_tokens: int
    ) -> Conversation:
        values = {
            "id": conversation_id,
            "first": first_turn,
            "context": context_turn,
            "summary": clean(summary),
            "tokens": summary_tokens,
        }

        def work(connection: Connection) -> Row[Any] | None:
            connection.execute(CUT, values)
            return connection.execute(GET, {"id": conversation_id}).first()

        return _known(await self._db.write(work), conversation_id)

    async def update(
        self,
        conversation_id: int,
        *,
        model: str | None = None,
        persona: str | None = None,
        title: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Conversation:
        def work(connection: Connection) -> Row[Any] | None:
            lock = " FOR UPDATE" if self._db.dialect == "postgresql" else ""
            row = connection.execute(text(f"{GET.text}{lock}"), {"id": conversation_id}).first()
            if row is None:
                return None
            given = {"model": model, "persona": persona, "title": title}
            values = {k: getattr(row, k) if v is None else clean(v) for k, v in given.items()}
            values["settings"] = to_json(merged(from_json(row.settings, dict), settings))
            return connection.execute(UPDATE, {"id": conversation_id, **values}).first()

        return _known(await self._db.write(work), conversation_id)

    async def move(self, old: Address, new: Address) -> None:
        there = clean_address(new)
        place = {
            "old": clean_address(old).key,
            "new": there.key,
            "platform": there.platform,
            "account": there.account,
            "chat": there.chat,
            "thread": there.thread,
        }

        def work(connection: Connection) -> None:
            if place["old"] != place["new"] and connection.execute(FIND, {"key": place["old"]}).first():
                connection.execute(MAKE_ROOM, place)
                connection.execute(MOVE, place)

        await self._db.write(work)

    async def listing(self, person_id: str, *, limit: int = 50, before: int = 0) -> list[Conversation]:
        bounds = {"person": person_id, "before": before or 1 << 62, "limit": limit}
        rows = await self._db.read(lambda c: c.execute(LISTING, bounds).all())
        return [conversation_of(row) for row in rows]

    async def _change(self, statement: TextClause, values: Mapping[str, Any]) -> Conversation:
        row = await self._db.write(lambda c: c.execute(statement, values).first())
        return _known(row, values["id"])


def _make(connection: Connection, address: Address) -> Row[Any]:
    key = {"key": address.key}
    connection.execute(
        MAKE,
        {
            **key,
            "platform": address.platform,
            "account": address.account,
            "chat": address.chat,
            "thread": address.thread,
        },
    )
    return connection.execute(FIND, key).one()


def _known(row: Row[Any] | None, conversation_id: int) -> Conversation:
    if row is None:
        raise StorageGone(f"there is no conversation {conversation_id}")
    return conversation_of(row)


def conversation_of(row: Row[Any]) -> Conversation:
    """The conversation of a row of COLUMNS."""
    return Conversation(
        id=row.id,
        address=Address(row.platform, row.account, row.chat, row.thread),
        start_turn=row.start_turn,
        first_turn=row.first_turn,
        context_turn=row.context_turn,
        summary=row.summary,
        summary_tokens=row.summary_tokens,
        model=row.model,
        persona=row.persona,
        title=row.title,
        settings=from_json(row.settings, dict),
    )


def message_of(row: Row[Any]) -> Message:
    """The message of a row of the columns MESSAGE."""
    return Message(
        role=Role(row.role),
        text=row.text,
        context=row.context,
        name=row.name,
        attachments=from_json(row.attachments, tuple[Part, ...]) if row.attachments else (),
        tool_calls=from_json(row.tool_calls, tuple[ToolCall, ...]) if row.tool_calls else (),
        tool_call_id=row.tool_call_id,
        tokens=row.tokens,
        context_tokens=row.context_tokens,
        turn=row.turn,
        step=row.step,
    )


def message_rows(
    conversation_id: int, number: int, messages: Sequence[Message], *, shown: bool
) -> list[dict[str, Any]]:
    """Rows of the `message` table; empty tuples are stored as empty text."""
    return [
        {
            "conversation_id": conversation_id,
            "turn": number,
            "step": step,
            "shown": shown,
            "role": str(m.role),
            "text": clean(m.text),
            "context": clean(m.context),
            "name": clean(m.name),
            "attachments": to_json(m.attachments) if m.attachments else "",
            "tool_calls": to_json(m.tool_calls) if m.tool_calls else "",
            "tool_call_id": clean(m.tool_call_id),
            "tokens": m.tokens,
            "context_tokens": m.context_tokens,
        }
        for step, m in enumerate(messages)
    ]
