"""Who asked in which conversation, so that a person's list does not read all their turns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "asker",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", SERIAL, nullable=False),
        sa.Column("active_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", "conversation_id"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO asker (person_id, conversation_id, active_at)"
        " SELECT person_id, conversation_id, max(started_at) FROM turn GROUP BY person_id, conversation_id"
    )
    op.create_index("ix_asker_active", "asker", ["person_id", "active_at", "conversation_id"])
    op.create_index("ix_asker_conversation", "asker", ["conversation_id"])


def downgrade() -> None:
    op.drop_table("asker")
