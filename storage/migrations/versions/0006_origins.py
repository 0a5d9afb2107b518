"""Where a document's file lies; of those learned before, nothing is known about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("origin", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("documents", "origin")
