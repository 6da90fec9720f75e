"""The tables of the books.

Instants are UTC microseconds; money is whole minor units; exact quantities and amounts are text, since no
column type of either database holds them. What was applied, signed or sealed can only be inserted (see
`triggers`).
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

FOLIO: Final = "folio"

_MAY_CHANGE: Final = "may_change"


def in_folio() -> Column[int]:
    """Of a table whose rows are only added: the folio that added a row (see `folios`). Folio 0 holds what was
    there before; a row that is added past `insert_rows` claims to be of it, and is found by `verify`."""
    return Column(FOLIO, BigInteger, nullable=False, server_default="0")


def may_change(column: Column[Any]) -> bool:
    """Whether it changes once after its row was added; each change stands in a folio."""
    return _MAY_CHANGE in column.info


folio = Table(
    "folio",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("contents", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

meta = Table(
    "meta",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    in_folio(),
)

document = Table(
    "document",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("line", Integer),
    Column("body", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("applied_at", BigInteger, nullable=False),
    in_folio(),
    UniqueConstraint("kind", "key", "version"),
)

signing_key = Table(
    "signing_key",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("registered_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, info={_MAY_CHANGE: True}),
    in_folio(),
)

signature = Table(
    "signature",
    METADATA,
    Column("document_digest", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("key_id", Text, ForeignKey("signing_key.key_id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("signed_at", BigInteger, nullable=False),
    in_folio(),
)

close_run = Table(
    "close_run",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("as_of", BigInteger, nullable=False),
    Column("cutoff", BigInteger, nullable=False),
    Column("cutoff_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, info={_MAY_CHANGE: True}),
    in_folio(),
)

close_outcome = Table(
    "close_outcome",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("close_run", Integer, ForeignKey("close_run.id"), nullable=False),
    Column("customer", Text, nullable=False),
    Column("period_start", BigInteger),
    Column("period_end", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("next_action", Text, nullable=False),
    Column("invoice", Text),
    in_folio(),
)

number_series = Table(
    "number_series",
    METADATA,
    Column("series", Text, primary_key=True),
    Column("last_number", BigInteger, nullable=False),
)

invoice = Table(
    "invoice",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("customer", Text, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("series", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("cutoff", BigInteger, nullable=False),
    Column("policy_digest", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("close_run", Integer, ForeignKey("close_run.id"), nullable=False),
    Column("due_minor", BigInteger),
    in_folio(),
    UniqueConstraint("customer", "period_start", "period_end", "series", "currency", "kind", "sequence"),
)

snapshot = Table(
    "snapshot",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("invoice", Text, ForeignKey("invoice.id"), nullable=False),
    Column("customer", Text, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("meter_version", Integer, nullable=False),
    Column("meter_digest", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("watermark", BigInteger, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("excluded_count", BigInteger, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("predicate", Text, nullable=False),
    Column("retracted_count", BigInteger, nullable=False, server_default="0"),
    Column("breakdown", Text),
    Column("groups", Text),
    Column("conversion", Text),
    Column("opening", Text),
    in_folio(),
    UniqueConstraint("invoice", "subscription", "meter", "meter_version", "period_start", "period_end"),
)

charge = Table(
    "charge",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("invoice", Text, ForeignKey("invoice.id"), nullable=False),
    Column("snapshot", Text, ForeignKey("snapshot.id")),
    Column("subscription", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("price_version", Integer, nullable=False),
    Column("price_digest", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("plan_version", Integer, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("segment_start", BigInteger, nullable=False),
    Column("segment_end", BigInteger, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("steps", Text, nullable=False),
    Column("program", Text),
    Column("grouped_by", Text),
    Column("terms", Text),
    in_folio(),
)

invoice_line = Table(
    "invoice_line",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("invoice", Text, ForeignKey("invoice.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("charge", Text, ForeignKey("charge.id"), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("meter", Text),
    Column("quantity", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("earlier", Text),
    Column("correction", Text),
    in_folio(),
    UniqueConstraint("invoice", "ordinal"),
)

Index("invoice_by_customer", invoice.c.customer, invoice.c.period_start)
Index("invoice_by_close_run", invoice.c.close_run)
Index("outcome_by_customer", close_outcome.c.customer, close_outcome.c.close_run)

api_key = Table(
    "api_key",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("sources", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, info={_MAY_CHANGE: True}),
    in_folio(),
)
"""Keys of the HTTP interface. `sources`: a JSON list of the sources that a key of role `source` may write."""

movement = Table(
    "movement",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("invoice", Text, ForeignKey("invoice.id")),
    Column("effective_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("person", Text),
    Column("reason", Text, nullable=False),
    Column("details", Text, nullable=False),
    in_folio(),
)
"""What went into and out of a customer's balances (wallets, commitments, fees in advance): a balance is the
sum of its movements. Only inserted."""

Index("movement_by_customer", movement.c.customer, movement.c.account, movement.c.effective_at)
