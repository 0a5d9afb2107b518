"""Measurements, summed by the minute and by longer spans, so that a chart of any length reads few rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

from sqlalchemy import Connection, bindparam, text

from bot.types import Sample
from storage.db import Database
from storage.text import clean

SPANS = (60, 900, 3_600, 86_400)
"""Seconds. Each sample is added to one row of each."""
_KEPT = 3_600
"""Spans from here on stay after `minutes_before`."""
ADD = text(
    "INSERT INTO statistic (span, at, name, label, bucket, count, total, highest)"
    " VALUES (:span, :at, :name, :label, :bucket, :count, :total, :highest)"
    " ON CONFLICT (span, at, name, label, bucket) DO UPDATE"
    " SET count = statistic.count + excluded.count, total = statistic.total + excluded.total,"
    " highest = CASE WHEN excluded.highest > statistic.highest THEN excluded.highest"
    " ELSE statistic.highest END"
)
_WITHIN = " FROM statistic WHERE span = :span AND at >= :since AND at < :until AND name IN :names"
SPANNED = text(
    f"SELECT at AS start, name, label, bucket, count, total, highest{_WITHIN}"
    " ORDER BY at, name, label, bucket"
).bindparams(bindparam("names", expanding=True))
"""For steps that are stored as such: a walk along the primary key."""
RANGE = text(
    "SELECT at - at % :step AS start, name, label, bucket, sum(count) AS count, sum(total) AS total,"
    " max(highest) AS highest"
    f"{_WITHIN} GROUP BY start, name, label, bucket ORDER BY start, name, label, bucket"
).bindparams(bindparam("names", expanding=True))
FORGET = text("DELETE FROM statistic WHERE span = :span AND at < :before")


class SqlStatistics:
    """See `bot.ports.StatisticsStore`. Raises StorageError."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, samples: Sequence[Sample]) -> None:
        if samples:
            await self._db.write(lambda c: put(c, samples))

    async def range(self, names: Sequence[str], *, since: float, until: float, step: float) -> list[Sample]:
        if step < SPANS[0] or step % SPANS[0]:
            raise ValueError("a step is made of whole minutes")
        values = {
            "names": [clean(name) for name in names],
            "since": int(since // step * step),
            "until": int(-(-until // step) * step),
            "step": int(step),
            "span": max(span for span in SPANS if step % span == 0),
        }
        statement = SPANNED if step in SPANS else RANGE
        rows = await self._db.read(lambda c: c.execute(statement, values).all()) if names else []
        return _samples(rows)

    async def forget(self, *, before: float, minutes_before: float = 0.0) -> None:
        def work(connection: Connection) -> None:
            for span in SPANS:
                bound = before if span >= _KEPT else max(before, minutes_before)
                connection.execute(FORGET, {"span": span, "before": int(bound // span * span)})

        await self._db.write(work)


def put(connection: Connection, samples: Sequence[Sample]) -> None:
    """`SqlStatistics.add`, as part of a transaction. Rows are locked in one order, whoever writes them."""
    rows = [row for sample in samples for row in _rows(sample)]
    rows.sort(key=lambda row: (row["span"], row["at"], row["name"], row["label"], row["bucket"]))
    if rows:
        connection.execute(ADD, rows)


def _rows(sample: Sample) -> Iterator[dict[str, Any]]:
    """The sample's rows in each span. Buckets are stored as differences, those that are 0 left out
    but for the last, which tells how many there are."""
    steps = [after - before for before, after in pairwise((0, *sample.buckets))]
    counts = [(n, count) for n, count in enumerate(steps, start=1) if count or n == len(steps)]
    name = {"name": clean(sample.name), "label": clean(sample.label)}
    for span in SPANS:
        place = {"span": span, "at": int(sample.at // span * span), **name}
        yield {**place, "bucket": 0, "count": sample.count, "total": sample.total, "highest": sample.highest}
        rest = {**place, "total": 0.0, "highest": 0.0}
        yield from ({**rest, "bucket": n, "count": count} for n, count in counts)


def _samples(rows: Sequence[Any]) -> list[Sample]:
    """By name, label and time. Bucket 0 is the sample itself; most have no other."""
    found: list[tuple[str, str, int, int, float, float]] = []
    fell: dict[tuple[str, str, int], list[tuple[int, int]]] = defaultdict(list)
    for at, name, label, bucket, count, total, highest in rows:
        if bucket:
            fell[name, label, at].append((bucket, int(count)))
        else:
            found.append((name, label, at, int(count), float(total), float(highest)))
    return [
        Sample(name, label, float(at), count, total, _summed(fell.get((name, label, at), ())), highest)
        for name, label, at, count, total, highest in sorted(found)
    ]


def _summed(fell: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """What fell into each bucket, in their order, as cumulative counts."""
    if not fell:
        return ()
    steps = [0] * fell[-1][0]
    for bucket, count in fell:
        steps[bucket - 1] = count
    return tuple(accumulate(steps))
