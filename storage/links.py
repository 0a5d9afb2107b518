"""Accounts of one person: an identity joins another's person by a link code, or leaves it.

Whoever has a person of their own brings all of it along: the two become one in one transaction,
and nothing of a third is touched. On PostgreSQL no identity and no turn is written meanwhile, so
that nothing is stored for a person who has just gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from bot.errors import AccessError, LinkRefused
from bot.types import Person, PersonRole, Redeemed
from storage import askers
from storage.identities import COLUMNS, FIND, GET, IDENTIFY, MAKE, RANK, REDEEMED, REMEMBER, USE, person_of
from storage.text import folded, to_json

ALONE = text("LOCK TABLE identity, turn IN SHARE ROW EXCLUSIVE MODE")
PAIR = f"SELECT {COLUMNS} FROM person AS p WHERE id IN (:id, :gone) ORDER BY id"
ACCOUNTS = text(
    "SELECT platform, user_id FROM identity WHERE person_id = :id ORDER BY created_at, platform, user_id"
)
DROP_CODES = text("DELETE FROM invite WHERE kind = 'link' AND created_by = :by AND uses_left > 0")
UPDATE = text(
    "UPDATE person SET role = :role, name = :name, name_key = :name_key, language = :language,"
    " settings = :settings WHERE id = :id"
)
FREE = text("UPDATE identity SET person_id = :id WHERE platform = :platform AND user_id = :user_id")
MERGE = tuple(
    text(statement)
    for statement in (
        "UPDATE identity SET person_id = :id WHERE person_id = :gone",
        "UPDATE turn SET person_id = :id WHERE person_id = :gone",
        "DELETE FROM feedback WHERE person_id = :gone"
        " AND turn_id IN (SELECT turn_id FROM feedback WHERE person_id = :id)",
        "UPDATE feedback SET person_id = :id WHERE person_id = :gone",
        "DELETE FROM plugin_kv WHERE scope = :gone"
        " AND (plugin, key) IN (SELECT plugin, key FROM plugin_kv WHERE scope = :id)",
        "UPDATE plugin_kv SET scope = :id WHERE scope = :gone",
        "UPDATE invite SET created_by = :id WHERE created_by = :gone",
        "UPDATE share SET person_id = :id WHERE person_id = :gone",
        "DELETE FROM redemption WHERE person_id = :gone"
        " AND code_hash IN (SELECT code_hash FROM redemption WHERE person_id = :id)",
        "UPDATE redemption SET person_id = :id WHERE person_id = :gone",
        "DELETE FROM person WHERE id = :gone",
    )
)


def redeem(
    connection: Connection, invitation: Row[Any], values: Mapping[str, Any], *, sure: bool, lock: bool
) -> Redeemed:
    """Make the identity in `values` one of the person's who made the code; see `People.redeem`."""
    if lock:
        connection.execute(ALONE)
    known = connection.execute(FIND, values).first()
    if known is not None and connection.execute(REDEEMED, {**values, "id": known.id}).first():
        return Redeemed(person_of(known), linked=True)
    over = invitation.expires_at <= values["now"]
    if over or not connection.execute(USE, values).rowcount:
        raise LinkRefused("spent")
    pair = {"id": invitation.created_by, "gone": "" if known is None else known.id}
    rows = connection.execute(text(PAIR + " FOR UPDATE" if lock else PAIR), pair).all()
    people = {row.id: person_of(row) for row in rows}
    if (keeper := people.get(pair["id"])) is None:
        raise AccessError("whoever made this link is gone")
    other = people.get(pair["gone"])
    why = _obstacle(keeper, other, sure=sure)
    if why:
        raise LinkRefused(why)
    if other is None:
        connection.execute(IDENTIFY, {**values, "id": keeper.id})
    else:
        _merge(connection, keeper, other)
    connection.execute(REMEMBER, {**values, "id": keeper.id})
    return Redeemed(person_of(connection.execute(GET, {"id": keeper.id}).one()), linked=True)


def _obstacle(keeper: Person, other: Person | None, *, sure: bool) -> str:
    """Why the two cannot be linked; "" if they can."""
    if other is not None and other.id == keeper.id:
        return "same"
    if PersonRole.BLOCKED in (keeper.role, other and other.role):
        return "blocked"
    rises = other is not None and RANK[other.role] > RANK[keeper.role]
    return "rises" if rises and not sure else ""


def _merge(connection: Connection, keeper: Person, gone: Person) -> None:
    for statement in MERGE:
        connection.execute(statement, {"id": keeper.id, "gone": gone.id})
    askers.give(connection, gone.id, keeper.id)
    both = {
        "id": keeper.id,
        "role": str(max(keeper.role, gone.role, key=RANK.__getitem__)),
        "name": keeper.name or gone.name,
        "name_key": folded(keeper.name or gone.name),
        "language": keeper.language or gone.language,
        "settings": to_json({**gone.settings, **keeper.settings}),
    }
    connection.execute(UPDATE, both)


def unlink(connection: Connection, values: Mapping[str, Any], *, lock: bool) -> Person | None:
    """Give the identity in `values` the new person in `values`; see `People.unlink`."""
    if lock:
        connection.execute(ALONE)
    found = connection.execute(FIND, values).first()
    if found is None or len(accounts(connection, found.id)) < 2:
        return None
    if found.role == PersonRole.BLOCKED:
        raise AccessError("the accounts of a blocked person stay together")
    connection.execute(MAKE, values)
    connection.execute(FREE, values)
    return person_of(connection.execute(GET, values).one())


def accounts(connection: Connection, person_id: str) -> list[tuple[str, str]]:
    """(platform, user id) of each identity."""
    return [(row.platform, row.user_id) for row in connection.execute(ACCOUNTS, {"id": person_id})]
