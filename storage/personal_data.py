"""All that is stored about one person, wherever it stands: to hand out, and to erase.

A conversation in which nobody else asked is the person's own and goes as a whole. In one that is
shared, the texts of their turns (questions and the answers to them) are erased and the places
stay, so that the others' history keeps its order; its summary, which may retell them, goes.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, text

from storage.text import from_json, to_json

TURNS = "(SELECT id FROM turn WHERE person_id = :id)"
ASKED_IN = "(SELECT DISTINCT conversation_id FROM turn WHERE person_id = :id)"
PLACES = "(SELECT conversation_id, number FROM turn WHERE person_id = :id)"

EXPORTED = {
    "person": "SELECT id, role, name, language, settings, created_at FROM person WHERE id = :id",
    "identities": "SELECT platform, user_id, name, created_at FROM identity WHERE person_id = :id",
    "invitations": "SELECT kind, role, uses_left, expires_at, created_at FROM invite WHERE created_by = :id",
    "conversations": f"SELECT * FROM conversation WHERE id IN {ASKED_IN} ORDER BY id",
    "turns": "SELECT * FROM turn WHERE person_id = :id ORDER BY conversation_id, number, revision",
    "messages": f"SELECT * FROM message WHERE (conversation_id, turn) IN {PLACES}"
    " ORDER BY conversation_id, turn, step",
    "deliveries": f"SELECT * FROM delivery WHERE turn_id IN {TURNS} ORDER BY turn_id, part",
    "feedback": "SELECT turn_id, value, reason, created_at FROM feedback WHERE person_id = :id",
    "plugins": "SELECT plugin, key, value FROM plugin_kv WHERE scope = :id ORDER BY plugin, key",
}
_JSON_COLUMNS = {"settings", "attachments", "tool_calls", "citations", "value", "payload"}
SENDERS = text("SELECT platform, user_id FROM identity WHERE person_id = :id")
WAITING = text("SELECT payload FROM inbox WHERE state <> 1 AND sender = :sender ORDER BY id")

OWN = text(
    "SELECT mine.conversation_id AS id FROM (SELECT DISTINCT conversation_id FROM turn"
    " WHERE person_id = :id) AS mine WHERE NOT EXISTS (SELECT 1 FROM turn AS other"
    " WHERE other.conversation_id = mine.conversation_id AND other.person_id <> :id)"
)
REMOVE_CONVERSATION = tuple(
    text(statement)
    for statement in (
        "DELETE FROM delivery WHERE turn_id IN (SELECT id FROM turn WHERE conversation_id = :conversation)",
        "DELETE FROM turn WHERE conversation_id = :conversation",
        "DELETE FROM message WHERE conversation_id = :conversation",
        "DELETE FROM plugin_kv WHERE scope = 'conversation:' || CAST(:conversation AS TEXT)",
        "DELETE FROM conversation WHERE id = :conversation",
    )
)
ERASE = tuple(
    text(statement)
    for statement in (
        f"DELETE FROM delivery WHERE turn_id IN {TURNS}",
        "UPDATE message SET text = '', context = '', name = '', attachments = '', tool_calls = '',"
        f" shown = :no, tokens = 0 WHERE (conversation_id, turn) IN {PLACES}",
        f"UPDATE conversation SET summary = '', summary_tokens = 0 WHERE id IN {ASKED_IN}",
        f"DELETE FROM feedback WHERE turn_id IN {TURNS} OR person_id = :id",
        "UPDATE turn SET text = '', question_id = '', error = '', citations = '', person_id = '',"
        " event_key = 'erased:' || id WHERE person_id = :id",
        "DELETE FROM plugin_kv WHERE scope = :id",
        "DELETE FROM invite WHERE created_by = :id",
        "DELETE FROM identity WHERE person_id = :id",
        "DELETE FROM person WHERE id = :id",
    )
)
FORGET_WAITING = text(
    "UPDATE inbox SET state = 1, payload = '', sender = '', reason = '' WHERE state <> 1 AND sender = :sender"
)


def export(connection: Connection, person_id: str) -> dict[str, Any]:
    """One list for each table, rows as JSON-ready objects; events that still wait included."""
    found: dict[str, Any] = {
        name: [_plain(row._mapping) for row in connection.execute(text(sql), {"id": person_id})]
        for name, sql in EXPORTED.items()
    }
    found["waiting"] = [
        from_json(row.payload, object)
        for sender in _senders(connection, person_id)
        for row in connection.execute(WAITING, sender)
    ]
    return found


def delete(connection: Connection, person_id: str) -> None:
    """Erase the person. Nothing happens if there is none of this id."""
    for sender in _senders(connection, person_id):
        connection.execute(FORGET_WAITING, sender)
    for row in connection.execute(OWN, {"id": person_id}).all():
        for statement in REMOVE_CONVERSATION:
            connection.execute(statement, {"conversation": row.id})
    for statement in ERASE:
        connection.execute(statement, {"id": person_id, "no": False})


def _senders(connection: Connection, person_id: str) -> list[dict[str, str]]:
    rows = connection.execute(SENDERS, {"id": person_id}).all()
    return [{"sender": to_json([row.platform, row.user_id])} for row in rows]


def _plain(row: Any) -> dict[str, Any]:
    return {k: _value(v) if k in _JSON_COLUMNS else v for k, v in row.items()}


def _value(stored: Any) -> Any:
    if not isinstance(stored, str):
        return stored
    try:
        return from_json(stored, object) if stored else None
    except msgspec.DecodeError:
        return stored
