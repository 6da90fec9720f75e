"""What customers set for themselves: budgets, alerts and targets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import insert_only

revision = "books_0007"
down_revision = "books_0006"
branch_labels = None
depends_on = None

INSERT_ONLY: dict[str, tuple[str, ...]] = {"own_setting": ("seq", "customer, kind, key, version")}


def upgrade() -> None:
    op.create_table(
        "own_setting",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("person", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("api_key", sa.Text),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("customer", "kind", "key", "version", name="own_setting_once"),
    )
    op.create_index("own_setting_of_customer", "own_setting", ["customer", "seq"])
    for statement in insert_only(op.get_bind().dialect.name, INSERT_ONLY):
        op.execute(sa.DDL(statement.replace("%", "%%")))
