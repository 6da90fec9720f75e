"""The tables of the books that the close adds: drafts, reviews, breaks, ledger, corrections and waivers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from tieout.store.books.schema import METADATA, in_folio

draft = Table(
    "draft",
    METADATA,
    Column("invoice", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("cutoff", BigInteger, nullable=False),
    Column("cutoff_at", BigInteger, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("close_run", Integer, ForeignKey("close_run.id"), nullable=False),
    Column("person", Text),
    Column("reason", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("difference", Text),
    Column("delta", Text),
    Column("proposed", Text),
    Column("drafted_at", BigInteger, nullable=False),
    Column("review_until", BigInteger),
    in_folio(),
)

review_entry = Table(
    "review_entry",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("invoice", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("sha256", Text),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
)

manual_line = Table(
    "manual_line",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("description", Text, nullable=False),
    Column("tax_category", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
)

manual_line_decision = Table(
    "manual_line_decision",
    METADATA,
    Column("manual_line", Text, ForeignKey("manual_line.id"), primary_key=True),
    Column("decision", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    in_folio(),
)

close_break = Table(
    "close_break",
    METADATA,
    Column("close_run", Integer, ForeignKey("close_run.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("customer", Text),
    Column("period_start", BigInteger),
    Column("period_end", BigInteger),
    Column("invoice", Text),
    Column("tie", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("reach", Text, nullable=False),
    Column("size", Text, nullable=False),
    Column("expected", Text, nullable=False),
    Column("found", Text, nullable=False),
    Column("next_action", Text, nullable=False),
    in_folio(),
)

journal_entry = Table(
    "journal_entry",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("invoice", Text),
    Column("effective_at", BigInteger, nullable=False),
    Column("effective_on", Text, nullable=False),
    Column("accounting_period", Text, nullable=False),
    Column("booked_at", BigInteger, nullable=False),
    Column("reverses", Text, ForeignKey("journal_entry.id"), unique=True),
    Column("person", Text),
    Column("reason", Text, nullable=False),
    in_folio(),
)

posting = Table(
    "posting",
    METADATA,
    Column("entry", Text, ForeignKey("journal_entry.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("line", Text),
    Column("reverses", Text),
    in_folio(),
    sqlite_with_rowid=False,
)

manual_entry = Table(
    "manual_entry",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("effective_at", BigInteger, nullable=False),
    Column("effective_on", Text, nullable=False),
    Column("postings", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    in_folio(),
)

manual_entry_decision = Table(
    "manual_entry_decision",
    METADATA,
    Column("manual_entry", Text, ForeignKey("manual_entry.id"), primary_key=True),
    Column("decision", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    in_folio(),
)

invoice_before_ledger = Table(
    "invoice_before_ledger",
    METADATA,
    Column("invoice", Text, ForeignKey("invoice.id"), primary_key=True),
    in_folio(),
)

accounting_lock = Table(
    "accounting_lock",
    METADATA,
    Column("accounting_period", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("locked_at", BigInteger, nullable=False),
    in_folio(),
)

correction = Table(
    "correction",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("documents", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("previewed_at", BigInteger, nullable=False),
    in_folio(),
)

correction_approval = Table(
    "correction_approval",
    METADATA,
    Column("digest", Text, ForeignKey("correction.digest"), primary_key=True),
    Column("person", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("approved_at", BigInteger, nullable=False),
    in_folio(),
)

correction_billed = Table(
    "correction_billed",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("invoice", Text, ForeignKey("invoice.id"), primary_key=True),
    Column("period_start", BigInteger, primary_key=True),
    Column("period_end", BigInteger, nullable=False),
    Column("customer", Text, nullable=False),
    in_folio(),
)
"""Which paper carries what an approved report says about a customer's period; an empty digest where the
signed policy approves in advance."""

invoice_void = Table(
    "invoice_void",
    METADATA,
    Column("invoice", Text, ForeignKey("invoice.id"), primary_key=True),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("voided_at", BigInteger, nullable=False),
    in_folio(),
)

waiver = Table(
    "waiver",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("control_total", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    in_folio(),
)

log_verification = Table(
    "log_verification",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("batches", BigInteger, nullable=False),
    Column("head_digest", Text, nullable=False),
    Column("findings", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("verified_at", BigInteger, nullable=False),
    in_folio(),
)

Index("draft_by_customer", draft.c.customer, draft.c.period_start)
Index("review_by_invoice", review_entry.c.invoice, review_entry.c.revision)
Index("manual_line_by_customer", manual_line.c.customer, manual_line.c.period_start)
Index("entry_by_invoice", journal_entry.c.invoice)
Index("entry_by_customer", journal_entry.c.customer, journal_entry.c.effective_at)
