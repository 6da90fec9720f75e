"""The log's first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "log_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meta",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    _create_batches()
    _create_rows()
    _create_segments()
    op.execute(
        sa.text("INSERT INTO head (id, batch, digest) VALUES (1, 0, :zero)").bindparams(zero=bytes(32))
    )


def _create_batches() -> None:
    op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("commit_id", sa.String(32), nullable=False, unique=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("previous_digest", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("received", sa.Integer, nullable=False),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("contracts", sa.Text, nullable=False),
        sa.Column("dispositions", sa.LargeBinary, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
    )
    op.create_table(
        "bodies",
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("type", sa.String(128), primary_key=True),
        sa.Column("contract_version", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("retired_at", sa.BigInteger),
    )
    op.create_table(
        "keys",
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entries", sa.LargeBinary, nullable=False),
        sa.Column("retired_at", sa.BigInteger),
    )


def _create_rows() -> None:
    op.create_table(
        "tallies",
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True),
        sa.Column("verdict", sa.Integer, primary_key=True),
        sa.Column("reason", sa.Integer, primary_key=True),
        sa.Column("items", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("verdict", sa.Integer, nullable=False),
        sa.Column("reason", sa.Integer, nullable=False),
        sa.Column("field", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("line", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("original_batch", sa.BigInteger),
        sa.Column("original_row", sa.Integer),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_index("quarantine_reason", "quarantine", ["reason"])


def _create_segments() -> None:
    op.create_table(
        "segments",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("contract_version", sa.Integer, nullable=False),
        sa.Column("first_batch", sa.BigInteger, nullable=False),
        sa.Column("last_batch", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "compactions",
        sa.Column("first_batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_batch", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("done_at", sa.BigInteger),
    )
