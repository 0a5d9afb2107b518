"""All that is stored about one person, wherever it stands, is erased here (`storage.takeout` hands it out).

A conversation in which nobody else asked is the person's own and goes as a whole. In one that is
shared, the texts of their turns (questions and the answers to them) are erased and the places
stay, so that the others' history keeps its order; its title and summaries, which may retell them, go.
A question is its first asker's, whoever had it answered again.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from storage import askers
from storage.erasure import erased
from storage.takeout import PREPARED, senders
from storage.text import from_json, merged, to_json

TURNS = "(SELECT id FROM turn WHERE person_id = :id)"
ASKED_IN = "(SELECT conversation_id FROM asker WHERE person_id = :id)"
PLACES = "(SELECT conversation_id, number FROM turn WHERE person_id = :id AND revision = 0)"

OWN = text(f"SELECT a.conversation_id AS id FROM asker AS a WHERE a.person_id = :id AND {askers.ALONE}")
SOME_OWN = text(f"{OWN.text} LIMIT :limit")
BATCH = 100
"""Conversations removed in one transaction, in which others who write wait."""
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
        "UPDATE turn SET text = '', question_id = '', error = '', citations = '', thoughts = ''"
        f" WHERE (conversation_id, number) IN {PLACES}",
        f"DELETE FROM feedback WHERE turn_id IN {TURNS} OR person_id = :id",
        "UPDATE turn SET text = '', question_id = '', error = '', citations = '', thoughts = '',"
        " person_id = '', event_key = 'erased:' || id WHERE person_id = :id",
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


def delete_some(connection: Connection, person_id: str) -> bool:
    """Where the person has `BATCH` conversations of their own or more, remove so many. False, and nothing
    happens, where there are fewer: `delete` takes these along."""
    rows = connection.execute(SOME_OWN, {"id": person_id, "limit": BATCH}).all()
    if len(rows) < BATCH:
        return False
    for row in rows:
        remove_conversation(connection, row.id)
    return True


def delete(connection: Connection, person_id: str) -> None:
    """Erase the person. Nothing happens if there is none of this id."""
    for sender in senders(connection, person_id):
        connection.execute(FORGET_WAITING, {"sender": sender})
    for row in connection.execute(OWN, {"id": person_id}).all():
        remove_conversation(connection, row.id)
    for row in connection.execute(SHARED, {"id": person_id}).all():
        settings = to_json(merged(from_json(row.settings, dict), {PREPARED: None}))
        connection.execute(UNTOLD, {"id": row.id, "settings": settings})
        connection.execute(UNTOLD_LINKS, {"id": row.id})
    for statement in ERASE:
        connection.execute(statement, {"id": person_id, "no": False})
    if person_id:
        askers.give(connection, person_id, "")
    erased(connection, urgent=True)


def remove_conversation(connection: Connection, conversation_id: int) -> None:
    """With all that was said in it."""
    for statement in REMOVE_CONVERSATION:
        connection.execute(statement, {"conversation": conversation_id})
    erased(connection, urgent=True)
