"""Who may read a collection; those without a row are for everybody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audience",
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
    )


def downgrade() -> None:
    op.drop_table("audience")
