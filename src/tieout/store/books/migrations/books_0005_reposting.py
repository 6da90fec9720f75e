"""Postings say which entry they take back a part of: corrections reverse what stands, and post it anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "books_0005"
down_revision = "books_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("posting", sa.Column("reverses", sa.Text))
