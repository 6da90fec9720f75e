"""What a served log keeps besides its batches: receipts, refusals, decisions of people, rates and lags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "log_0002"
down_revision = "log_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_requests()
    _create_decisions()
    _create_rates()
    op.add_column("segments", sa.Column("retired_at", sa.BigInteger))
    op.create_table(
        "merges",
        sa.Column("first_batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_batch", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.execute(
        sa.text(
            "INSERT INTO rates (source, hour, verdict, reason, items) "
            "SELECT source, hour, verdict, reason, sum(items) FROM tallies "
            "GROUP BY source, hour, verdict, reason"
        )
    )


def _create_requests() -> None:
    op.create_table(
        "receipts",
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("idempotency_key", sa.String(255), primary_key=True),
        sa.Column("request_sha256", sa.LargeBinary, nullable=False),
        sa.Column("receipt", sa.Text, nullable=False),
        sa.Column("stored_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "refused_requests",
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("reason", sa.String(64), primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "control_totals",
        sa.Column("source", sa.String(256), primary_key=True),
        sa.Column("statement_id", sa.String(128), primary_key=True),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("window_start", sa.BigInteger, nullable=False),
        sa.Column("window_end", sa.BigInteger, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("field", sa.String(128)),
        sa.Column("total", sa.Text),
        sa.Column("stated_at", sa.BigInteger, nullable=False),
        sa.Column("stated_by", sa.Text, nullable=False),
    )


def _create_decisions() -> None:
    op.add_column("quarantine", sa.Column("reading", sa.Text))
    op.create_index("quarantine_event_id", "quarantine", ["event_id", "source"])
    op.create_table(
        "quarantine_outcomes",
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("new_batch", sa.BigInteger),
        sa.Column("new_row", sa.Integer),
    )
    op.create_index("quarantine_outcomes_new", "quarantine_outcomes", ["new_batch", "new_row"])
    op.create_table(
        "erasures",
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("identity_key", sa.LargeBinary, nullable=False),
        sa.Column("content_digest", sa.LargeBinary, nullable=False),
        sa.Column("residue_sha256", sa.LargeBinary, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("erased_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "pipeline_alerts",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("closed_by", sa.Text),
        sa.Column("close_reason", sa.Text),
    )


def _create_rates() -> None:
    op.create_table(
        "rates",
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("verdict", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("reason", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("items", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "lags",
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("lag", sa.String(96), primary_key=True),
        sa.Column("bucket", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("items", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "commit_times",
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("committed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "arrivals",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("out_of_order", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "source_heads",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("newest_time", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "cursors",
        sa.Column("consumer", sa.String(64), primary_key=True),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("acted_at", sa.BigInteger, nullable=False),
    )
