"""Disputes: what is recorded of them, and who owns them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import insert_only

revision = "books_0009"
down_revision = "books_0008"
branch_labels = None
depends_on = None

INSERT_ONLY: dict[str, tuple[str, ...]] = {
    "dispute_event": ("dispute, ordinal",),
    "dispute_owners": ("ordinal",),
}


def upgrade() -> None:
    op.create_table(
        "dispute_event",
        sa.Column("dispute", sa.Text, primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("invoice", sa.Text, sa.ForeignKey("invoice.id"), nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_index("dispute_event_of_customer", "dispute_event", ["customer", "dispute", "ordinal"])
    op.create_index("dispute_event_of_invoice", "dispute_event", ["invoice"])
    op.create_table(
        "dispute_owners",
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    for statement in insert_only(op.get_bind().dialect.name, INSERT_ONLY):
        op.execute(sa.DDL(statement.replace("%", "%%")))
