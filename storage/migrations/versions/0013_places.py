"""Where people meet the bot, for the console's list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TEXTS = ("platform", "account", "chat", "thread", "name", "code", "parent_key", "around")


def upgrade() -> None:
    op.create_table(
        "place",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXTS),
        sa.Column("name_key", ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_place_within", "place", ["parent_key", "name_key", "id"])
    op.create_index("ix_place_name", "place", ["name_key", "id"])
    op.create_index("ix_place_code", "place", ["code", "id"])


def downgrade() -> None:
    op.drop_table("place")
