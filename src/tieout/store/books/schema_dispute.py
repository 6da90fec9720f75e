"""The tables of disputes. Rows are only added; `said` is canonical JSON (`dispute/event_text.py`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from tieout.store.books.schema import METADATA, in_folio

dispute_event = Table(
    "dispute_event",
    METADATA,
    Column("dispute", Text, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("customer", Text, nullable=False),
    Column("invoice", Text, ForeignKey("invoice.id"), nullable=False),
    Column("act", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
    Index("dispute_event_of_customer", "customer", "dispute", "ordinal"),
    Index("dispute_event_of_invoice", "invoice"),
)

dispute_owners = Table(
    "dispute_owners",
    METADATA,
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("said", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
)
