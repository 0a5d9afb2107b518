"""An account's passkeys and sessions in their order, for the console's pages of them."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OLD = {table: f"ix_{table}_account_id" for table in ("console_passkey", "console_session")}


def upgrade() -> None:
    op.create_index("ix_console_passkey_made", "console_passkey", ["account_id", "created_at", "id"])
    op.create_index(
        "ix_console_session_seen", "console_session", ["account_id", "seen_at", "created_at", "id"]
    )
    for table, index in OLD.items():
        op.drop_index(index, table)


def downgrade() -> None:
    for table, index in OLD.items():
        op.create_index(index, table, ["account_id"])
    op.drop_index("ix_console_session_seen", "console_session")
    op.drop_index("ix_console_passkey_made", "console_passkey")
