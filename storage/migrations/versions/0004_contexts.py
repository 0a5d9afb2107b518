"""Until which turn contexts are no longer rendered, and what of a message's tokens its context has.

Contexts stored before go on being rendered until the next cut; their tokens are not known apart.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversation", sa.Column("context_turn", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("message", sa.Column("context_tokens", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("message", "context_tokens")
    op.drop_column("conversation", "context_turn")
