"""Folios: what each transaction wrote, chained. The rows that are there are folio 0."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.folios import begin_chain
from tieout.store.books.triggers import insert_only

revision = "books_0013"
down_revision = "books_0012"
branch_labels = None
depends_on = None

INSERT_ONLY: dict[str, tuple[str, ...]] = {"folio": ("number",)}
CHAINED = (
    *("meta", "document", "signing_key", "signature", "close_run", "close_outcome", "invoice", "snapshot"),
    *("charge", "invoice_line", "api_key", "movement"),
    *("draft", "review_entry", "manual_line", "manual_line_decision", "close_break", "journal_entry"),
    *("posting", "manual_entry", "manual_entry_decision", "invoice_before_ledger", "accounting_lock"),
    *("correction", "correction_approval", "correction_billed", "invoice_void", "waiver"),
    "log_verification",
    *("notice", "notice_part", "notice_sent_once", "notice_attempt", "notice_acknowledgement"),
    *("trigger_change", "hold", "hold_release", "exposure_review", "exposure_review_decision"),
    *("interim_request", "interim_answer", "own_setting", "log_head", "log_head_signature"),
    *("dispute_event", "dispute_owners", "readiness_level", "readiness_document", "replay_result"),
)


def upgrade() -> None:
    for table in CHAINED:
        op.add_column(table, sa.Column("folio", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "folio",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("contents", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    begin_chain(op.get_bind())
    for statement in insert_only(op.get_bind().dialect.name, INSERT_ONLY):
        op.execute(sa.DDL(statement.replace("%", "%%")))
