"""Groups of a snapshot; programs, groups and terms of a charge; what is due; movements of balances."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import insert_only

revision = "books_0003"
down_revision = "books_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("breakdown", "groups", "conversion", "opening"):
        op.add_column("snapshot", sa.Column(name, sa.Text))
    for name in ("program", "grouped_by", "terms"):
        op.add_column("charge", sa.Column(name, sa.Text))
    op.add_column("invoice", sa.Column("due_minor", sa.BigInteger))
    op.create_table(
        "movement",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("invoice", sa.Text, sa.ForeignKey("invoice.id")),
        sa.Column("effective_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("movement_by_customer", "movement", ["customer", "account", "effective_at"])
    for statement in insert_only(op.get_bind().dialect.name, {"movement": ("id",)}):
        op.execute(sa.DDL(statement.replace("%", "%%")))
