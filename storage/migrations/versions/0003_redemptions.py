"""Who used which invitation, so that the same message may come twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "redemption",
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("code_hash", "person_id"),
    )
    op.create_index("ix_redemption_person_id", "redemption", ["person_id"])


def downgrade() -> None:
    op.drop_table("redemption")
