"""Drafts and what people say about them; breaks; the ledger; corrections, notes, voids and waivers."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import insert_only

revision = "books_0004"
down_revision = "books_0003"
branch_labels = None
depends_on = None

INSERT_ONLY: Mapping[str, tuple[str, ...]] = {
    "draft": ("invoice, revision",),
    "review_entry": ("id",),
    "manual_line": ("id",),
    "manual_line_decision": ("manual_line",),
    "close_break": ("close_run, ordinal",),
    "journal_entry": ("id",),
    "posting": ("entry, ordinal",),
    "manual_entry": ("id",),
    "manual_entry_decision": ("manual_entry",),
    "invoice_before_ledger": ("invoice",),
    "accounting_lock": ("accounting_period",),
    "correction": ("digest",),
    "correction_approval": ("digest, person",),
    "correction_billed": ("digest, invoice, period_start",),
    "invoice_void": ("invoice",),
    "waiver": ("digest",),
    "log_verification": ("id",),
}


def upgrade() -> None:
    for name in ("earlier", "correction"):
        op.add_column("invoice_line", sa.Column(name, sa.Text))
    op.create_index("invoice_by_close_run", "invoice", ["close_run"])
    _drafts()
    _manual_lines()
    _breaks()
    _ledger()
    _corrections()
    for statement in insert_only(op.get_bind().dialect.name, INSERT_ONLY):
        op.execute(sa.DDL(statement.replace("%", "%%")))


def _drafts() -> None:
    op.create_table(
        "draft",
        sa.Column("invoice", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("period_start", sa.BigInteger, nullable=False),
        sa.Column("period_end", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cutoff", sa.BigInteger, nullable=False),
        sa.Column("cutoff_at", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("close_run", sa.Integer, sa.ForeignKey("close_run.id"), nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("difference", sa.Text),
        sa.Column("delta", sa.Text),
        sa.Column("proposed", sa.Text),
        sa.Column("drafted_at", sa.BigInteger, nullable=False),
        sa.Column("review_until", sa.BigInteger),
    )
    op.create_table(
        "review_entry",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("invoice", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_index("draft_by_customer", "draft", ["customer", "period_start"])
    op.create_index("review_by_invoice", "review_entry", ["invoice", "revision"])


def _manual_lines() -> None:
    op.create_table(
        "manual_line",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("period_start", sa.BigInteger, nullable=False),
        sa.Column("period_end", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("tax_category", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "manual_line_decision",
        sa.Column("manual_line", sa.Text, sa.ForeignKey("manual_line.id"), primary_key=True),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
    )
    op.create_index("manual_line_by_customer", "manual_line", ["customer", "period_start"])


def _breaks() -> None:
    op.create_table(
        "close_break",
        sa.Column("close_run", sa.Integer, sa.ForeignKey("close_run.id"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("customer", sa.Text),
        sa.Column("period_start", sa.BigInteger),
        sa.Column("period_end", sa.BigInteger),
        sa.Column("invoice", sa.Text),
        sa.Column("tie", sa.Text, nullable=False),
        sa.Column("class", sa.Text, nullable=False),
        sa.Column("reach", sa.Text, nullable=False),
        sa.Column("size", sa.Text, nullable=False),
        sa.Column("expected", sa.Text, nullable=False),
        sa.Column("found", sa.Text, nullable=False),
        sa.Column("next_action", sa.Text, nullable=False),
    )


def _ledger() -> None:
    op.create_table(
        "journal_entry",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("invoice", sa.Text),
        sa.Column("effective_at", sa.BigInteger, nullable=False),
        sa.Column("effective_on", sa.Text, nullable=False),
        sa.Column("accounting_period", sa.Text, nullable=False),
        sa.Column("booked_at", sa.BigInteger, nullable=False),
        sa.Column("reverses", sa.Text, sa.ForeignKey("journal_entry.id"), unique=True),
        sa.Column("person", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "posting",
        sa.Column("entry", sa.Text, sa.ForeignKey("journal_entry.id"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("line", sa.Text),
        sqlite_with_rowid=False,  # half the writes
    )
    op.create_table(
        "manual_entry",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("effective_at", sa.BigInteger, nullable=False),
        sa.Column("effective_on", sa.Text, nullable=False),
        sa.Column("postings", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("proposed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "manual_entry_decision",
        sa.Column("manual_entry", sa.Text, sa.ForeignKey("manual_entry.id"), primary_key=True),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "invoice_before_ledger",
        sa.Column("invoice", sa.Text, sa.ForeignKey("invoice.id"), primary_key=True),
    )
    # what was sealed before there was a ledger has no entries, and says so
    op.execute(sa.text("INSERT INTO invoice_before_ledger (invoice) SELECT id FROM invoice"))
    op.create_table(
        "accounting_lock",
        sa.Column("accounting_period", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("locked_at", sa.BigInteger, nullable=False),
    )
    op.create_index("entry_by_invoice", "journal_entry", ["invoice"])
    op.create_index("entry_by_customer", "journal_entry", ["customer", "effective_at"])


def _corrections() -> None:
    op.create_table(
        "correction",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("documents", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("previewed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "correction_approval",
        sa.Column("digest", sa.Text, sa.ForeignKey("correction.digest"), primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("approved_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "correction_billed",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("invoice", sa.Text, sa.ForeignKey("invoice.id"), primary_key=True),
        sa.Column("period_start", sa.BigInteger, primary_key=True),
        sa.Column("period_end", sa.BigInteger, nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
    )
    op.create_table(
        "invoice_void",
        sa.Column("invoice", sa.Text, sa.ForeignKey("invoice.id"), primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("voided_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "waiver",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("control_total", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("proposed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "log_verification",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("batches", sa.BigInteger, nullable=False),
        sa.Column("head_digest", sa.Text, nullable=False),
        sa.Column("findings", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("verified_at", sa.BigInteger, nullable=False),
    )
