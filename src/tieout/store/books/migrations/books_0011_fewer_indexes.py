"""Two indexes by invoice go: a seal wrote each of their pages for nothing.

Snapshots of an invoice are found by the unique key that begins with it; charges by its lines, which name
theirs.
"""

from __future__ import annotations

from alembic import op

revision = "books_0011"
down_revision = "books_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("snapshot_by_invoice", table_name="snapshot")
    op.drop_index("charge_by_invoice", table_name="charge")
