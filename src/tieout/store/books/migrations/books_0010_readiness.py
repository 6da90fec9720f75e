"""Readiness: levels, and the documents that people sign."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import insert_only

revision = "books_0010"
down_revision = "books_0009"
branch_labels = None
depends_on = None

INSERT_ONLY: dict[str, tuple[str, ...]] = {"readiness_level": ("seq",), "readiness_document": ("digest",)}


def upgrade() -> None:
    op.create_table(
        "readiness_level",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("accounts", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "readiness_document",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    for statement in insert_only(op.get_bind().dialect.name, INSERT_ONLY):
        op.execute(sa.DDL(statement.replace("%", "%%")))
