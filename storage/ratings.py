"""What people say of answers, each rating with its place in the chart: both change in one transaction, so
that the chart and the inbox tell the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, String, bindparam, text

from bot.types import RATINGS, Sample, rating
from storage.console import statistics

PUT = text(
    "INSERT INTO feedback (turn_id, person_id, value, reason, created_at, handled)"
    " VALUES (:id, :person_id, :value, :reason, :now, :handled)"
)
TAKE = text(
    "DELETE FROM feedback WHERE turn_id = :id AND person_id = :person_id RETURNING value, reason, created_at"
)
OF = text("SELECT turn_id, value FROM feedback WHERE person_id = :person_id AND turn_id IN :ids").bindparams(
    bindparam("ids", expanding=True, type_=String)
)


def put(connection: Connection, values: Mapping[str, Any]) -> None:
    """`person_id` rates the turn `id` with `value`, `now`; 0 takes back what they said before."""
    before = connection.execute(TAKE, values).first()
    counted = [] if before is None else [_sample(before.value, before.reason, before.created_at, -1)]
    if values["value"]:
        connection.execute(PUT, values)
        counted.append(_sample(values["value"], values["reason"], values["now"], 1))
    statistics.put(connection, counted)


def of(connection: Connection, turn_ids: Sequence[str], person_id: str) -> dict[str, int]:
    """What the person thinks of these turns, by the turn's id."""
    rows = connection.execute(OF, {"ids": list(turn_ids), "person_id": person_id})
    return {row.turn_id: row.value for row in rows}


def _sample(value: int, reason: str, at: float, count: int) -> Sample:
    return Sample(RATINGS, rating(value, reason), at, count, float(count))
