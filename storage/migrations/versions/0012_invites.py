"""Open invitations in their order, for the console's list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OPEN = sa.text("uses_left > 0 AND kind <> 'link'")


def upgrade() -> None:
    op.create_index(
        "ix_invite_open", "invite", ["created_at", "code_hash"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )


def downgrade() -> None:
    op.drop_index("ix_invite_open", "invite")
