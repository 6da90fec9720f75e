"""The table of what customers set for themselves: budgets, alerts, targets. Rows are only added."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint

from tieout.store.books.schema import METADATA, in_folio

own_setting = Table(
    "own_setting",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("customer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text),
    Column("person", Text),
    Column("reason", Text),
    Column("api_key", Text),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
    UniqueConstraint("customer", "kind", "key", "version", name="own_setting_once"),
    Index("own_setting_of_customer", "customer", "seq"),
)
