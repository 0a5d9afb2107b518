"""Measurements, summed by the minute and by longer spans, so that a chart of any length reads few rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
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
    "INSERT INTO statistic (span, at, name, label, bucket, count, total)"
    " VALUES (:span, :at, :name, :label, :bucket, :count, :total)"
    " ON CONFLICT (span, at, name, label, bucket) DO UPDATE"
    " SET count = statistic.count + excluded.count, total = statistic.total + excluded.total"
)
_WITHIN = " FROM statistic WHERE span = :span AND at >= :since AND at < :until AND name IN :names"
SPANNED = text(
    f"SELECT at AS start, name, label, bucket, count, total{_WITHIN} ORDER BY at, name, label, bucket"
).bindparams(bindparam("names", expanding=True))
"""For steps that are stored as such: a walk along the primary key."""
RANGE = text(
    "SELECT at - at % :step AS start, name, label, bucket, sum(count) AS count, sum(total) AS total"
    f"{_WITHIN} GROUP BY start, name, label, bucket ORDER BY start, name, label, bucket"
).bindparams(bindparam("names", expanding=True))
FORGET = text("DELETE FROM statistic WHERE span = :span AND at < :before")


class SqlStatistics:
    """See `bot.ports.StatisticsStore`. Raises StorageError."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, samples: Sequence[Sample]) -> None:
        rows = [row for sample in samples for row in _rows(sample)]
        rows.sort(key=lambda row: (row["span"], row["at"], row["name"], row["label"], row["bucket"]))

        def work(connection: Connection) -> None:
            connection.execute(ADD, rows)

        if rows:
            await self._db.write(work)

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
        samples = [_sample(key, list(group)) for key, group in groupby(rows, itemgetter(0, 1, 2))]
        return sorted(samples, key=lambda s: (s.name, s.label, s.at))

    async def forget(self, *, before: float, minutes_before: float = 0.0) -> None:
        def work(connection: Connection) -> None:
            for span in SPANS:
                bound = before if span >= _KEPT else max(before, minutes_before)
                connection.execute(FORGET, {"span": span, "before": int(bound // span * span)})

        await self._db.write(work)


def _rows(sample: Sample) -> Iterator[dict[str, Any]]:
    """The sample's rows in each span. Buckets are stored as differences, those that are 0 left out
    but for the last, which tells how many there are."""
    steps = [after - before for before, after in pairwise((0, *sample.buckets))]
    counts = [(n, count) for n, count in enumerate(steps, start=1) if count or n == len(steps)]
    name = {"name": clean(sample.name), "label": clean(sample.label)}
    for span in SPANS:
        place = {"span": span, "at": int(sample.at // span * span), **name}
        yield {**place, "bucket": 0, "count": sample.count, "total": sample.total}
        yield from ({**place, "bucket": n, "count": count, "total": 0.0} for n, count in counts)


def _sample(key: tuple[int, str, str], rows: Sequence[Any]) -> Sample:
    """Of the rows of one step, the first of which is bucket 0."""
    (*_, count, total), *more = rows
    buckets: tuple[int, ...] = ()
    if more:
        steps = [0] * more[-1][3]
        for _, _, _, bucket, fell, _ in more:
            steps[bucket - 1] = int(fell)
        buckets = tuple(accumulate(steps))
    return Sample(key[1], key[2], float(key[0]), int(count), float(total), buckets)
