"""The audit log by account, action, both or target, in the order of time."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NEW = {
    "ix_console_audit_at": ["at", "id"],
    "ix_console_audit_account": ["account_id", "at", "id"],
    "ix_console_audit_action": ["action", "at", "id"],
    "ix_console_audit_both": ["account_id", "action", "at", "id"],
    "ix_console_audit_target": ["target", "at", "id"],
}


def upgrade() -> None:
    op.drop_index("ix_console_audit_account", "console_audit")
    for index, columns in NEW.items():
        op.create_index(index, "console_audit", columns)


def downgrade() -> None:
    for index in reversed(NEW):
        op.drop_index(index, "console_audit")
    op.create_index("ix_console_audit_account", "console_audit", ["account_id", "id"])
