"""The highest of a level that is looked at now and then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statistic", sa.Column("highest", sa.Float(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("statistic", "highest")
