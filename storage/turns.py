"""Turns and their deliveries: the persisted state machine."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from bot.errors import StorageGone
from bot.ports import Clock
from bot.types import (
    NO_THOUGHTS,
    Address,
    Citation,
    Conversation,
    Delivery,
    DeliveryState,
    Event,
    FinishReason,
    Message,
    Role,
    Thoughts,
    Turn,
    TurnState,
    Usage,
)
from storage import askers, ratings, said
from storage.conversations import MESSAGE, message_of, message_rows
from storage.db import Database
from storage.text import clean, clean_address, from_json, key_of, to_json

COLUMNS = (
    "id, conversation_id, event_key, number, state, person_id, text, question_id, attempts, model,"
    " prompt_tokens, completion_tokens, cached_tokens, finish_reason, citations, error, started_at, ended_at,"
    " thoughts"
)
_WELL = (TurnState.DONE, TurnState.CANCELLED)
"""The ends after which a turn is part of the history, if it has an answer or waits for a person's."""
_BEGIN = (
    f"INSERT INTO turn ({COLUMNS}, revision)"
    " SELECT :id, :conversation_id, :event_key, {number}, 'generating', coalesce("
    "(SELECT id FROM person WHERE id = :person_id),"
    " (SELECT person_id FROM identity WHERE platform = :platform AND user_id = :user_id), :person_id),"
    " '', :question_id, 1, '',"
    " 0, 0, 0, '', '', '', :now, 0, '', {revision} FROM turn WHERE conversation_id = :conversation_id {which}"
    f" ON CONFLICT (event_key) DO UPDATE SET attempts = turn.attempts + 1 RETURNING {COLUMNS}"
)

TOUCH = text("UPDATE conversation SET active_at = :now WHERE id = :conversation_id")
"""Its row is also what others wait for who begin a turn here (PostgreSQL)."""
BEGIN = text(_BEGIN.format(number="coalesce(max(number), 0) + 1", revision="0", which=""))
BEGIN_AGAIN = text(
    _BEGIN.format(number=":number", revision="max(revision) + 1", which="AND number = :number")
)
REPLACED = text("SELECT number, question_id FROM turn WHERE id = :id AND conversation_id = :conversation_id")
NEWEST = text(
    f"SELECT {COLUMNS} FROM turn WHERE conversation_id = :conversation_id AND number = :number"
    " ORDER BY revision DESC LIMIT 1"
)
TAKE_DELIVERIES = text(
    "UPDATE delivery SET turn_id = :id WHERE turn_id IN (SELECT id FROM turn"
    " WHERE conversation_id = :conversation_id AND number = :number AND id <> :id)"
)
CHECKPOINT = text(
    "UPDATE turn SET text = :text, state = :state, thoughts = :thoughts"
    " WHERE id = :id AND state IN ('generating', 'delivering')"
)
FINISH = text(
    "UPDATE turn SET state = :state, text = :text, model = :model, prompt_tokens = :prompt,"
    " completion_tokens = :completion, cached_tokens = :cached, finish_reason = :finish_reason,"
    " citations = :citations, thoughts = :thoughts, error = :error, ended_at = :ended_at"
    " WHERE id = :id AND state NOT IN ('done', 'cancelled')"
)
UNSAY = text("DELETE FROM message WHERE conversation_id = :conversation_id AND turn = :number")
SAY = text(
    f"INSERT INTO message (conversation_id, shown, {MESSAGE})"
    " VALUES (:conversation_id, :shown, :turn, :step, :role, :text, :context, :name, :attachments,"
    " :tool_calls, :tool_call_id, :tokens, :context_tokens)"
)
SHOW = text(
    "UPDATE message SET shown = :shown"
    " WHERE conversation_id = :conversation_id AND turn = :number AND shown <> :shown"
)
ANSWERED = text(
    "SELECT 1 FROM message WHERE conversation_id = :conversation_id AND turn = :number"
    " AND role = 'assistant' AND text <> '' LIMIT 1"
)
GET = text(f"SELECT {COLUMNS} FROM turn WHERE id = :id")
OF_EVENT = text(f"SELECT {COLUMNS} FROM turn WHERE event_key = :key")
OF_MESSAGE = text(
    f"SELECT {COLUMNS} FROM turn WHERE id IN ("
    "SELECT id FROM turn WHERE conversation_id = :conversation_id AND question_id = :message_id"
    " UNION SELECT t.id FROM delivery AS d JOIN turn AS t ON t.id = d.turn_id"
    " WHERE d.message_id = :message_id AND t.conversation_id = :conversation_id)"
    " ORDER BY number DESC, revision DESC LIMIT 1"
)
SHOWN_BY = text(
    f"SELECT {COLUMNS} FROM turn WHERE id IN ("
    "SELECT t.id FROM delivery AS d JOIN turn AS t ON t.id = d.turn_id"
    " JOIN conversation AS c ON c.id = t.conversation_id WHERE d.message_id = :message_id"
    " AND c.platform = :platform AND c.account = :account AND c.chat = :chat)"
    " ORDER BY number DESC, revision DESC LIMIT 1"
)
LAST = text(
    f"SELECT {COLUMNS} FROM turn WHERE conversation_id = :conversation_id"
    " AND number >= (SELECT start_turn FROM conversation WHERE id = :conversation_id)"
    " ORDER BY number DESC, revision DESC LIMIT 1"
)
LISTING = text(
    f"SELECT {COLUMNS} FROM turn AS t WHERE conversation_id = :conversation_id AND number < :before"
    " AND revision = (SELECT max(revision) FROM turn AS r"
    " WHERE r.conversation_id = t.conversation_id AND r.number = t.number)"
    " ORDER BY number DESC LIMIT :limit"
)
QUESTION = text(
    f"SELECT {MESSAGE} FROM message"
    " WHERE conversation_id = :conversation_id AND turn = :number AND role = 'user'"
    " ORDER BY step LIMIT 1"
)
DELIVERIES = text(
    "SELECT turn_id, part, state, message_id, digest FROM delivery WHERE turn_id = :id ORDER BY part"
)
PUT_DELIVERY = text(
    "INSERT INTO delivery (turn_id, part, state, message_id, digest)"
    " VALUES (:turn_id, :part, :state, :message_id, :digest) ON CONFLICT (turn_id, part)"
    " DO UPDATE SET state = excluded.state, message_id = excluded.message_id, digest = excluded.digest"
)
DROP_DELIVERIES = text("DELETE FROM delivery WHERE turn_id = :id AND part >= :part")


class SqlTurns:
    """See `bot.ports.Turns`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def begin(
        self, conversation: Conversation, event: Event, *, person_id: str, replaces: str = ""
    ) -> Turn:
        now = self._clock.time()
        values = {
            "id": turn_id(now),
            "conversation_id": conversation.id,
            "event_key": key_of(event),
            "person_id": person_id,  # unless it has become the sender's other one since
            "platform": clean(event.address.platform),
            "user_id": clean(event.sender.id),
            "question_id": clean(event.message_id),
            "now": now,
        }
        return turn_of(await self._db.write(lambda c: _begin(c, values, replaces)))

    async def checkpoint(
        self,
        turn_id: str,
        text: str,
        state: TurnState = TurnState.GENERATING,
        *,
        thoughts: Thoughts = NO_THOUGHTS,
    ) -> None:
        values = {"id": turn_id, "text": clean(text), "state": str(state), "thoughts": _thoughts(thoughts)}

        def work(connection: Connection) -> None:
            connection.execute(CHECKPOINT, values)

        await self._db.write(work)

    async def finish(self, turn: Turn, messages: Sequence[Message] = ()) -> None:
        dialect, at = self._db.dialect, self._clock.time()
        terms = said.terms_of(messages, dialect)

        def work(connection: Connection) -> None:
            if connection.execute(FINISH, _values(turn)).rowcount:
                place = {"conversation_id": turn.conversation_id, "number": turn.number}
                if _say(connection, turn, messages, place) and terms:
                    said.put(connection, place, terms, at, dialect)

        await self._db.write(work)

    async def get(self, turn_id: str) -> Turn | None:
        return await self._one(GET, id=turn_id)

    async def of_event(self, event_key: str) -> Turn | None:
        return await self._one(OF_EVENT, key=clean(event_key))

    async def of_message(self, conversation_id: int, message_id: str) -> Turn | None:
        if not message_id:
            return None
        return await self._one(OF_MESSAGE, conversation_id=conversation_id, message_id=clean(message_id))

    async def shown_by(self, address: Address, message_id: str) -> Turn | None:
        if not message_id:
            return None
        place = clean_address(address)
        return await self._one(
            SHOWN_BY,
            message_id=clean(message_id),
            platform=place.platform,
            account=place.account,
            chat=place.chat,
        )

    async def last(self, conversation_id: int) -> Turn | None:
        return await self._one(LAST, conversation_id=conversation_id)

    async def listing(self, conversation_id: int, *, limit: int = 50, before: int = 0) -> list[Turn]:
        values = {"conversation_id": conversation_id, "limit": limit, "before": before or 2**31 - 1}
        rows = await self._db.read(lambda c: c.execute(LISTING, values).all())
        return [turn_of(row) for row in rows]

    async def question(self, turn: Turn) -> Message | None:
        place = {"conversation_id": turn.conversation_id, "number": turn.number}
        row = await self._db.read(lambda c: c.execute(QUESTION, place).first())
        return None if row is None else message_of(row)

    async def deliveries(self, turn_id: str) -> list[Delivery]:
        rows = await self._db.read(lambda c: c.execute(DELIVERIES, {"id": clean(turn_id)}).all())
        return [Delivery(r.turn_id, r.part, DeliveryState(r.state), r.message_id, r.digest) for r in rows]

    async def put_delivery(self, delivery: Delivery) -> None:
        values = {
            "turn_id": clean(delivery.turn_id),
            "part": delivery.part,
            "state": str(delivery.state),
            "message_id": clean(delivery.message_id),
            "digest": delivery.digest,
        }

        def work(connection: Connection) -> None:
            connection.execute(PUT_DELIVERY, values)

        await self._db.write(work)

    async def drop_deliveries(self, turn_id: str, from_part: int) -> None:
        def work(connection: Connection) -> None:
            connection.execute(DROP_DELIVERIES, {"id": clean(turn_id), "part": from_part})

        await self._db.write(work)

    async def feedback(self, turn_id: str, person_id: str, value: int, reason: str = "") -> bool:
        values = {"id": turn_id, "person_id": person_id, "value": value, "reason": clean(reason)}
        values |= {"now": self._clock.time(), "handled": False}

        def work(connection: Connection) -> bool:
            if connection.execute(GET, values).first() is None:
                return False
            ratings.put(connection, values)
            return True

        return await self._db.write(work)

    async def ratings(self, turn_ids: Sequence[str], person_id: str) -> dict[str, int]:
        ids, person_id = [clean(id) for id in turn_ids], clean(person_id)
        return await self._db.read(lambda c: ratings.of(c, ids, person_id))

    async def _one(self, statement: Any, **values: Any) -> Turn | None:
        row = await self._db.read(lambda c: c.execute(statement, values).first())
        return None if row is None else turn_of(row)


def turn_id(now: float) -> str:
    """A new id: the time, so that ids of a day lie together in the index, and 72 random bits."""
    return f"{int(now * 1000):011x}{secrets.token_urlsafe(9)}"


def _begin(connection: Connection, values: dict[str, Any], replaces: str) -> Row[Any]:
    if not connection.execute(TOUCH, values).rowcount:
        raise StorageGone(f"there is no conversation {values['conversation_id']}")
    old = None
    if replaces:
        place = {"id": replaces, "conversation_id": values["conversation_id"]}
        old = connection.execute(REPLACED, place).first()
    if old is None:
        row = connection.execute(BEGIN, values).one()
    else:
        asked = {"number": old.number, "question_id": old.question_id or values["question_id"]}
        row = connection.execute(BEGIN_AGAIN, {**values, **asked}).one()
    askers.put(connection, {**values, "person_id": row.person_id})
    place = {"id": row.id, "conversation_id": row.conversation_id, "number": row.number}
    if row.attempts > 1:  # it may have been replaced since
        return connection.execute(NEWEST, place).one()
    if old is not None:
        connection.execute(TAKE_DELIVERIES, place)
    return row


def _say(connection: Connection, turn: Turn, messages: Sequence[Message], place: dict[str, int]) -> bool:
    """Store the turn's messages, or show those that are stored; whether there are new ones."""
    if messages:
        answered = any(m.role is Role.ASSISTANT and clean(m.text) for m in messages)
        shown = turn.state in _WELL and (answered or turn.finish_reason == FinishReason.TAKEN)
        if connection.execute(UNSAY, place).rowcount:
            said.drop(connection, place)
        connection.execute(SAY, message_rows(turn.conversation_id, turn.number, messages, shown=shown))
    elif turn.state.ended:
        kept = turn.finish_reason == FinishReason.TAKEN or connection.execute(ANSWERED, place).first()
        shown = turn.state in _WELL and bool(kept)
        connection.execute(SHOW, {**place, "shown": shown})
    return bool(messages)


def _values(turn: Turn) -> dict[str, Any]:
    return {
        "id": turn.id,
        "state": str(turn.state),
        "text": clean(turn.text),
        "model": clean(turn.model),
        "prompt": turn.usage.prompt,
        "completion": turn.usage.completion,
        "cached": turn.usage.cached,
        "finish_reason": clean(turn.finish_reason),
        "citations": to_json(turn.citations) if turn.citations else "",
        "thoughts": _thoughts(turn.thoughts),
        "error": clean(turn.error),
        "ended_at": turn.ended_at,
    }


def _thoughts(thoughts: Thoughts) -> str:
    return to_json(thoughts) if thoughts != NO_THOUGHTS else ""


def turn_of(row: Row[Any]) -> Turn:
    """The turn of a row of COLUMNS."""
    return Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        event_key=row.event_key,
        number=row.number,
        state=TurnState(row.state),
        person_id=row.person_id,
        text=row.text,
        question_id=row.question_id,
        attempts=row.attempts,
        model=row.model,
        usage=Usage(row.prompt_tokens, row.completion_tokens, row.cached_tokens),
        finish_reason=row.finish_reason,
        citations=from_json(row.citations, tuple[Citation, ...]) if row.citations else (),
        thoughts=from_json(row.thoughts, Thoughts) if row.thoughts else NO_THOUGHTS,
        error=row.error,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
