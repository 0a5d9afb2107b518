"""All that is stored about one person, wherever it stands: to hand out, and to erase.

A conversation in which nobody else asked is the person's own and goes as a whole. In one that is
shared, the texts of their turns (questions and the answers to them) are erased and the places
stay, so that the others' history keeps its order; its title and summaries, which may retell them, go.
A question is its first asker's, whoever had it answered again.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, text

from storage.erasure import erased
from storage.text import from_json, merged, to_json

TURNS = "(SELECT id FROM turn WHERE person_id = :id)"
ASKED_IN = "(SELECT DISTINCT conversation_id FROM turn WHERE person_id = :id)"
PLACES = "(SELECT conversation_id, number FROM turn WHERE person_id = :id AND revision = 0)"

EXPORTED = {
    "person": "SELECT id, role, name, language, settings, created_at FROM person WHERE id = :id",
    "identities": "SELECT platform, user_id, name, created_at FROM identity WHERE person_id = :id",
    "invitations": "SELECT kind, role, uses_left, expires_at, created_at FROM invite WHERE created_by = :id",
    "conversations": "SELECT id, platform, account, chat, thread, start_turn, first_turn, context_turn,"
    " summary, summary_tokens, model, persona, title, settings FROM conversation"
    f" WHERE id IN {ASKED_IN} ORDER BY id",
    "turns": "SELECT id, conversation_id, number, revision, event_key, state, text, question_id, attempts,"
    " model, prompt_tokens, completion_tokens, cached_tokens, finish_reason, citations, error, started_at,"
    " ended_at FROM turn WHERE person_id = :id ORDER BY conversation_id, number, revision",
    "messages": "SELECT conversation_id, turn, step, shown, role, text, context, name, attachments,"
    " tool_calls, tool_call_id, tokens, context_tokens FROM message"
    f" WHERE (conversation_id, turn) IN {PLACES} ORDER BY conversation_id, turn, step",
    "deliveries": "SELECT turn_id, part, state, message_id, digest FROM delivery"
    f" WHERE turn_id IN {TURNS} ORDER BY turn_id, part",
    "feedback": "SELECT turn_id, value, reason, created_at FROM feedback WHERE person_id = :id",
    "overheard": "SELECT conversation_id, message_id, text, said_at FROM overheard"
    " WHERE (platform, user_id) IN (SELECT platform, user_id FROM identity WHERE person_id = :id)"
    " ORDER BY conversation_id, said_at",
    "plugins": "SELECT plugin, key, value FROM plugin_kv WHERE scope = :id ORDER BY plugin, key",
    "shares": "SELECT conversation_id, last_turn, title, created_at, expires_at FROM share"
    " WHERE person_id = :id ORDER BY created_at",
}
_JSON_COLUMNS = {"settings", "attachments", "tool_calls", "citations", "value", "payload"}
PREPARED = "prepared_summary"
"""The key in a conversation's settings of a summary that is not in use yet."""
ASKED = text(f"SELECT conversation_id, number FROM turn WHERE (conversation_id, number) IN {PLACES}")
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
        "DELETE FROM overheard WHERE conversation_id = :conversation",
        "DELETE FROM conversation WHERE id = :conversation",
    )
)
ERASE = tuple(
    text(statement)
    for statement in (
        f"DELETE FROM delivery WHERE turn_id IN {TURNS}",
        f"DELETE FROM said WHERE (conversation_id, turn) IN {PLACES}",
        "UPDATE message SET text = '', context = '', name = '', attachments = '', tool_calls = '',"
        f" shown = :no, tokens = 0, context_tokens = 0 WHERE (conversation_id, turn) IN {PLACES}",
        "UPDATE turn SET text = '', question_id = '', error = '', citations = ''"
        f" WHERE (conversation_id, number) IN {PLACES}",
        f"DELETE FROM feedback WHERE turn_id IN {TURNS} OR person_id = :id",
        "UPDATE turn SET text = '', question_id = '', error = '', citations = '', person_id = '',"
        " event_key = 'erased:' || id WHERE person_id = :id",
        "DELETE FROM plugin_kv WHERE scope = :id",
        "DELETE FROM invite WHERE created_by = :id",
        "DELETE FROM redemption WHERE person_id = :id",
        "DELETE FROM overheard WHERE (platform, user_id) IN"
        " (SELECT platform, user_id FROM identity WHERE person_id = :id)",
        "DELETE FROM identity WHERE person_id = :id",
        "DELETE FROM person WHERE id = :id",
    )
)
SHARED = text(f"SELECT id, settings FROM conversation WHERE id IN {ASKED_IN}")
UNTOLD = text(
    "UPDATE conversation SET title = '', summary = '', summary_tokens = 0, settings = :settings"
    " WHERE id = :id"
)
UNTOLD_LINKS = text("UPDATE share SET title = '' WHERE conversation_id = :id")
FORGET_WAITING = text(
    "UPDATE inbox SET state = 1, payload = '', sender = '', reason = '' WHERE state <> 1 AND sender = :sender"
)


def export(connection: Connection, person_id: str) -> dict[str, Any]:
    """One list for each table, rows as JSON-ready objects; events that still wait included.

    Nothing that others wrote, nor what may retell it: of conversations that are shared no title
    and no summary, of turns that answer another's question no text.
    """
    found: dict[str, Any] = {
        name: [_plain(row._mapping) for row in connection.execute(text(sql), {"id": person_id})]
        for name, sql in EXPORTED.items()
    }
    own = {row.id for row in connection.execute(OWN, {"id": person_id})}
    asked = {tuple(row) for row in connection.execute(ASKED, {"id": person_id})}
    for conversation in found["conversations"]:
        if conversation["id"] not in own:
            conversation.update(title="", summary="", summary_tokens=0)
            conversation["settings"] = merged(conversation["settings"], {PREPARED: None})
    for share in found["shares"]:
        if share["conversation_id"] not in own:
            share.update(title="")
    for turn in found["turns"]:
        if (turn["conversation_id"], turn["number"]) not in asked:
            turn.update(text="", citations=None, error="")
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
        remove_conversation(connection, row.id)
    for row in connection.execute(SHARED, {"id": person_id}).all():
        settings = to_json(merged(from_json(row.settings, dict), {PREPARED: None}))
        connection.execute(UNTOLD, {"id": row.id, "settings": settings})
        connection.execute(UNTOLD_LINKS, {"id": row.id})
    for statement in ERASE:
        connection.execute(statement, {"id": person_id, "no": False})
    erased(connection, urgent=True)


def remove_conversation(connection: Connection, conversation_id: int) -> None:
    """With all that was said in it."""
    for statement in REMOVE_CONVERSATION:
        connection.execute(statement, {"conversation": conversation_id})
    erased(connection, urgent=True)


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
