"""The tables of readiness: levels, and what people sign. Rows are only added."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from tieout.store.books.schema import METADATA, in_folio

readiness_level = Table(
    "readiness_level",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("level", Text, nullable=False),
    Column("accounts", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
)

readiness_document = Table(
    "readiness_document",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("person", Text),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
)
