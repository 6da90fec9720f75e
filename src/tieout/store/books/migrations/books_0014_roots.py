"""Heads with roots: of no run, and the pieces of the log that each root is over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import insert_only

revision = "books_0014"
down_revision = "books_0013"
branch_labels = None
depends_on = None

HEADS: dict[str, tuple[str, ...]] = {"log_head": ("number", "close_run"), "log_head_signature": ("number",)}
PIECES: dict[str, tuple[str, ...]] = {"log_head_piece": ("head, type, contract_version, first_batch",)}


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        _made_anew()
    else:
        op.alter_column("log_head", "close_run", nullable=True)
    op.create_table(
        "log_head_piece",
        sa.Column(
            "head", sa.Integer, sa.ForeignKey("log_head.number"), primary_key=True, autoincrement=False
        ),
        sa.Column("type", sa.Text, primary_key=True),
        sa.Column("contract_version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first_batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_batch", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        _folio(),
    )
    for statement in insert_only(dialect, PIECES):
        op.execute(sa.DDL(statement.replace("%", "%%")))


def _folio() -> sa.Column[int]:
    return sa.Column("folio", sa.BigInteger, nullable=False, server_default="0")


def _made_anew() -> None:
    """SQLite cannot let a column be null that could not: both tables are written once more."""
    for name in HEADS:
        op.execute(f"CREATE TEMP TABLE kept_{name} AS SELECT * FROM {name}")  # noqa: S608 (our own names)
    for name in reversed(HEADS):
        op.drop_table(name)
    op.create_table(
        "log_head",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("close_run", sa.Integer, sa.ForeignKey("close_run.id")),
        sa.Column("statement", sa.Text, nullable=False),
        _folio(),
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
        _folio(),
    )
    for name in HEADS:
        op.execute(f"INSERT INTO {name} SELECT * FROM kept_{name}")  # noqa: S608 (our own names)
        op.execute(f"DROP TABLE kept_{name}")
    for statement in insert_only("sqlite", HEADS):
        op.execute(sa.DDL(statement.replace("%", "%%")))
