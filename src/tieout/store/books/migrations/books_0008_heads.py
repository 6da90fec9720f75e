"""Heads of the log, as they were stated at each seal, and their signatures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import insert_only

revision = "books_0008"
down_revision = "books_0007"
branch_labels = None
depends_on = None

INSERT_ONLY: dict[str, tuple[str, ...]] = {
    "log_head": ("number", "close_run"),
    "log_head_signature": ("number",),
}


def upgrade() -> None:
    op.create_table(
        "log_head",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("close_run", sa.Integer, sa.ForeignKey("close_run.id"), nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.UniqueConstraint("close_run", name="log_head_of_run"),
    )
    op.create_table(
        "log_head_signature",
        sa.Column(
            "number", sa.Integer, sa.ForeignKey("log_head.number"), primary_key=True, autoincrement=False
        ),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("signed_at", sa.BigInteger, nullable=False),
    )
    for statement in insert_only(op.get_bind().dialect.name, INSERT_ONLY):
        op.execute(sa.DDL(statement.replace("%", "%%")))
