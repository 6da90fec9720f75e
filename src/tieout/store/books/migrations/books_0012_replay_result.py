"""Results of replays: what a home's replay sets came to, run by run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import insert_only

revision = "books_0012"
down_revision = "books_0011"
branch_labels = None
depends_on = None

INSERT_ONLY: dict[str, tuple[str, ...]] = {"replay_result": ("number", "digest")}


def upgrade() -> None:
    op.create_table(
        "replay_result",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("digest", name="replay_result_digest"),
    )
    for statement in insert_only(op.get_bind().dialect.name, INSERT_ONLY):
        op.execute(sa.DDL(statement.replace("%", "%%")))
