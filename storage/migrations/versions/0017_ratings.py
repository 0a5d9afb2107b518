"""Ratings are counted for the chart as they are now, those that are stored already, too."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

DAY = 86_400
DAYS = {60: 8, 900: 8, 3_600: 90, DAY: 90}
"""How long the counts of each span are kept."""
KIND = "CASE WHEN value < 0 THEN 'down' WHEN reason = 'helped' THEN 'helped' ELSE 'up' END"


def upgrade() -> None:
    bind = op.get_bind()
    floor = "floor(created_at)" if bind.dialect.name == "postgresql" else "created_at"
    count = sa.text(
        "INSERT INTO statistic (span, at, name, label, bucket, count, total)"
        " SELECT :span, (at / :span) * :span, 'ratings', kind, 0, count(*), count(*) FROM ("
        f"SELECT CAST({floor} AS bigint) AS at, {KIND} AS kind FROM feedback WHERE created_at >= :since"
        ") AS given GROUP BY 2, 4"
    ).bindparams(sa.bindparam("span", type_=sa.BigInteger()))
    for span, days in DAYS.items():
        bind.execute(count, {"span": span, "since": time.time() - days * DAY})


def downgrade() -> None:
    op.execute("DELETE FROM statistic WHERE name = 'ratings'")
