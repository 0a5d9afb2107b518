"""A person's turns and ratings in their order, to be handed out and listed page by page."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_turn_person", "turn")
    op.create_index("ix_turn_person", "turn", ["person_id", "conversation_id", "number", "revision"])
    op.create_index("ix_feedback_person", "feedback", ["person_id", "created_at", "turn_id"])
    op.drop_index("ix_feedback_person_id", "feedback")


def downgrade() -> None:
    op.create_index("ix_feedback_person_id", "feedback", ["person_id"])
    op.drop_index("ix_feedback_person", "feedback")
    op.drop_index("ix_turn_person", "turn")
    op.create_index("ix_turn_person", "turn", ["person_id", "conversation_id"])
