"""Trees of hashes over the rows of segments: derived, made when a proof first needs one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "log_0003"
down_revision = "log_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "segment_trees",
        sa.Column("sha256", sa.LargeBinary, primary_key=True),
        sa.Column("groups", sa.LargeBinary, nullable=False),
    )
