"""All that is stored about one person, wherever it stands, read in short pages along keys.

Nothing that others wrote is in it, nor what may retell it: of conversations that are shared no title
and no summary, of turns that answer another's question no text.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, TextClause, bindparam, text

from bot.errors import StorageGone
from bot.types import Exported
from storage.askers import ALONE
from storage.db import Database
from storage.text import from_json, merged, to_json

FIRST_PAGE = 20
MOST_ROWS = 250
"""Of one page; of rows with much text fewer, so that a page stays near `PAGE_SIZE`."""
PAGE_SIZE = 250_000
"""Characters."""
_ROW_SIZE = 200
"""What a row takes beside its texts."""
PREPARED = "prepared_summary"
"""The key in a conversation's settings of a summary that is not in use yet."""
_JSON_COLUMNS = {"settings", "attachments", "tool_calls", "citations", "thoughts", "value"}
_UNTOLD = {
    "title": "",
    "summary": "",
    "summary_tokens": 0,
    "text": "",
    "citations": None,
    "thoughts": None,
    "error": "",
}
"""What stands in place of what others wrote."""
_KEYS = ("k0", "k1", "k2")

# Counted, and not asked for by EXISTS: PostgreSQL would read all of a person's turns for that.
_ASKED = (
    "(SELECT count(*) FROM turn AS asked WHERE asked.conversation_id = t.conversation_id"
    " AND asked.number = t.number AND asked.revision = 0 AND asked.person_id = :id) AS own"
)
_TURNS = (
    "WITH own AS MATERIALIZED (SELECT id, conversation_id, number, revision FROM turn"
    " WHERE person_id = :id AND (conversation_id, number, revision) > (:k0, :k1, :k2){which}"
    " ORDER BY conversation_id, number, revision LIMIT :limit)"
    " SELECT own.conversation_id AS k0, own.number AS k1, own.revision AS k2, "
)


@dataclass(frozen=True, slots=True)
class Part:
    """A list of the export. `statement` begins with the columns k0, k1, …, by which it is ordered and
    after which it goes on (`first`: before all); what is joined to a key may be nothing (`joined`, a
    column that is then NULL)."""

    name: str
    statement: TextClause
    first: tuple[Any, ...]
    joined: str = ""


PARTS = (
    Part(
        "person",
        text(
            "SELECT id AS k0, id, role, name, language, settings, created_at FROM person"
            " WHERE id = :id AND id > :k0 LIMIT :limit"
        ),
        ("",),
    ),
    Part(
        "identities",
        text(
            "SELECT platform AS k0, user_id AS k1, platform, user_id, name, created_at FROM identity"
            " WHERE person_id = :id AND (platform, user_id) > (:k0, :k1)"
            " ORDER BY platform, user_id LIMIT :limit"
        ),
        ("", ""),
    ),
    Part(
        "invitations",
        text(
            "SELECT code_hash AS k0, kind, role, uses_left, expires_at, created_at FROM invite"
            " WHERE created_by = :id AND code_hash > :k0 ORDER BY code_hash LIMIT :limit"
        ),
        ("",),
    ),
    Part(
        "conversations",
        text(
            "SELECT c.id AS k0, c.id, c.platform, c.account, c.chat, c.thread, c.start_turn, c.first_turn,"
            " c.context_turn, c.summary, c.summary_tokens, c.model, c.persona, c.title, c.settings,"
            f" {ALONE} AS own FROM asker AS a JOIN conversation AS c ON c.id = a.conversation_id"
            " WHERE a.person_id = :id AND a.conversation_id > :k0 ORDER BY a.conversation_id LIMIT :limit"
        ),
        (0,),
    ),
    Part(
        "turns",
        text(
            "SELECT t.conversation_id AS k0, t.number AS k1, t.revision AS k2, t.id, t.conversation_id,"
            " t.number, t.revision, t.event_key, t.state, t.text, t.question_id, t.attempts, t.model,"
            " t.prompt_tokens, t.completion_tokens, t.cached_tokens, t.finish_reason, t.citations,"
            f" t.thoughts, t.error, t.started_at, t.ended_at, {_ASKED} FROM turn AS t"
            " WHERE t.person_id = :id AND (t.conversation_id, t.number, t.revision) > (:k0, :k1, :k2)"
            " ORDER BY t.conversation_id, t.number, t.revision LIMIT :limit"
        ),
        (0, 0, 0),
    ),
    Part(
        "messages",
        text(
            _TURNS.format(which=" AND revision = 0")
            + "m.conversation_id, m.turn, m.step, m.shown, m.role, m.text, m.context, m.name, m.attachments,"
            " m.tool_calls, m.tool_call_id, m.tokens, m.context_tokens FROM own LEFT JOIN message AS m"
            " ON m.conversation_id = own.conversation_id AND m.turn = own.number ORDER BY 1, 2, 3, m.step"
        ),
        (0, 0, 0),
        joined="step",
    ),
    Part(
        "deliveries",
        text(
            _TURNS.format(which="")
            + "d.turn_id, d.part, d.state, d.message_id, d.digest FROM own LEFT JOIN delivery AS d"
            " ON d.turn_id = own.id ORDER BY 1, 2, 3, d.part"
        ),
        (0, 0, 0),
        joined="part",
    ),
    Part(
        "feedback",
        text(
            "SELECT created_at AS k0, turn_id AS k1, turn_id, value, reason, created_at FROM feedback"
            " WHERE person_id = :id AND (created_at, turn_id) > (:k0, :k1)"
            " ORDER BY created_at, turn_id LIMIT :limit"
        ),
        (-1e300, ""),
    ),
    Part(
        "overheard",
        text(
            "SELECT o.conversation_id AS k0, o.message_id AS k1, o.conversation_id, o.message_id, o.text,"
            " o.said_at FROM identity AS i CROSS JOIN overheard AS o WHERE i.person_id = :id"
            " AND o.platform = i.platform AND o.user_id = i.user_id"
            " AND (o.conversation_id, o.message_id) > (:k0, :k1)"
            " ORDER BY o.conversation_id, o.message_id LIMIT :limit"
        ),
        (0, ""),
    ),
    Part(
        "plugins",
        text(
            "SELECT plugin AS k0, key AS k1, plugin, key, value FROM plugin_kv WHERE scope = :id"
            " AND (plugin, key) > (:k0, :k1) ORDER BY plugin, key LIMIT :limit"
        ),
        ("", ""),
    ),
    Part(
        "shares",
        text(
            "SELECT a.created_at AS k0, a.id AS k1, a.conversation_id, a.last_turn, a.title, a.created_at,"
            f" a.expires_at, {ALONE} AS own FROM share AS a WHERE a.person_id = :id"
            " AND (a.created_at, a.id) > (:k0, :k1) ORDER BY a.created_at, a.id LIMIT :limit"
        ),
        (-1e300, ""),
    ),
    Part(
        "waiting",
        text(
            "SELECT id AS k0, payload FROM inbox WHERE state <> 1 AND sender IN :senders AND id > :k0"
            " ORDER BY id LIMIT :limit"
        ).bindparams(bindparam("senders", expanding=True)),
        (0,),
    ),
)

THERE = text("SELECT 1 FROM person WHERE id = :id")
SENDERS = text("SELECT platform, user_id FROM identity WHERE person_id = :id")
COUNTED = {
    name: text(f"SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT :limit) AS counted")
    for name, rows in {
        "conversations": "asker WHERE person_id = :id",
        "messages": "turn AS t CROSS JOIN message AS m WHERE t.person_id = :id AND t.revision = 0"
        " AND m.conversation_id = t.conversation_id AND m.turn = t.number",
        "feedback": "feedback WHERE person_id = :id",
        "shares": "share WHERE person_id = :id",
        "overheard": "identity AS i CROSS JOIN overheard AS o WHERE i.person_id = :id"
        " AND o.platform = i.platform AND o.user_id = i.user_id",
        "invitations": "invite WHERE created_by = :id",
        "plugins": "plugin_kv WHERE scope = :id",
    }.items()
}


def stored(connection: Connection, person_id: str, most: int) -> dict[str, int]:
    """See `People.stored`."""
    values = {"id": person_id, "limit": most + 1}
    return {name: int(connection.execute(rows, values).scalar_one()) for name, rows in COUNTED.items()}


async def export(db: Database, person_id: str) -> AsyncGenerator[Exported]:
    """See `People.export`."""
    for part in PARTS:
        after: tuple[Any, ...] | None = part.first
        limit = FIRST_PAGE
        while after is not None:
            work = partial(_page, person_id=person_id, part=part, after=after, limit=limit)
            rows, after, limit = await db.read(work)
            yield Exported(part.name, rows)


def senders(connection: Connection, person_id: str) -> list[str]:
    """What stands in the inbox as the sender of what the person's accounts said."""
    rows = connection.execute(SENDERS, {"id": person_id})
    return [to_json([row.platform, row.user_id]) for row in rows]


def _page(
    connection: Connection, person_id: str, part: Part, after: tuple[Any, ...], limit: int
) -> tuple[list[Any], tuple[Any, ...] | None, int]:
    """Rows of the part, the key after which the next page goes on (None: this was the last), and how
    many keys that may have. Raises StorageGone if there is no such person any more."""
    values: dict[str, Any] = {"id": person_id, "limit": limit, **dict(zip(_KEYS, after, strict=False))}
    if part.name == "waiting":
        values["senders"] = senders(connection, person_id)
    found = [dict(row) for row in connection.execute(part.statement, values).mappings()]
    # asked last: whoever is there now was there while this page was read
    if connection.execute(THERE, values).first() is None:
        raise StorageGone("this person was deleted, or became one with another")
    keys = [tuple(row.pop(key) for key in _KEYS[: len(after)]) for row in found]
    size = sum(_size(row) for row in found)
    fitting = min(MOST_ROWS, 2 * limit, max(1, limit * PAGE_SIZE // max(1, size)))
    rows = [_plain(row) for row in found if not part.joined or row[part.joined] is not None]
    return rows, keys[-1] if len(set(keys)) >= limit else None, fitting


def _size(row: Mapping[str, Any]) -> int:
    return _ROW_SIZE + sum(len(value) for value in row.values() if isinstance(value, str))


def _plain(row: dict[str, Any]) -> Any:
    """As it is handed out: without what others wrote where the row is not the person's `own`."""
    if "payload" in row:
        return from_json(row["payload"], object)
    for column in _JSON_COLUMNS & row.keys():
        row[column] = _value(row[column])
    if not row.pop("own", True):
        row |= {name: empty for name, empty in _UNTOLD.items() if name in row}
        if "settings" in row:
            row["settings"] = merged(row["settings"], {PREPARED: None})
    return row


def _value(stored: Any) -> Any:
    if not isinstance(stored, str):
        return stored
    try:
        return from_json(stored, object) if stored else None
    except msgspec.DecodeError:
        return stored
