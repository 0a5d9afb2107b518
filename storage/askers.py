"""Who asked in which conversation, and when last: lists by person go along it, whatever there is of others.

A row of nobody ("") stands for those who were erased: a conversation in which they asked is nobody's
own. Rows go with their conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

_LATER = (
    " ON CONFLICT (person_id, conversation_id) DO UPDATE SET active_at ="
    " CASE WHEN excluded.active_at > asker.active_at THEN excluded.active_at ELSE asker.active_at END"
)
PUT = text(
    "INSERT INTO asker (person_id, conversation_id, active_at) VALUES (:person_id, :conversation_id, :now)"
    + _LATER
)
GIVE = text(
    "INSERT INTO asker (person_id, conversation_id, active_at)"
    " SELECT :id, conversation_id, active_at FROM asker WHERE person_id = :gone" + _LATER
)
DROP = text("DELETE FROM asker WHERE person_id = :gone")
ALONE = (
    "NOT EXISTS (SELECT 1 FROM asker AS other"
    " WHERE other.conversation_id = a.conversation_id AND other.person_id <> a.person_id)"
)
"""A condition for rows of `asker AS a`: nobody else asked there."""


def put(connection: Connection, values: Mapping[str, Any]) -> None:
    """`person_id` asks in `conversation_id`, `now`."""
    connection.execute(PUT, values)


def give(connection: Connection, gone: str, id: str) -> None:
    """All that `gone`, another, had asked was asked by `id`; "" is nobody."""
    values = {"gone": gone, "id": id}
    connection.execute(GIVE, values)
    connection.execute(DROP, values)
