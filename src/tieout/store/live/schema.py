"""The tables of `live-N.db`. Nothing in it is ground state: what does not fit is deleted and built again."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

FORMAT: Final = "1"
METADATA = MetaData()

meta = Table(
    "meta",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("format", String(16), nullable=False),
    Column("home_id", Text, nullable=False),
    Column("watermark", BigInteger, nullable=False),
    Column("received_at", BigInteger),
    Column("digest", LargeBinary),
)
"""One row: whose log is followed, and how far; `digest` is what the log's chain says there."""

standing = Table(
    "standing",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("customer", Text, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("meter_version", Integer, nullable=False),
    Column("meter_digest", String(64), nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("breakdown", Text),
    Column("state", Text),
    Column("changed", BigInteger, nullable=False),
    Index("standing_customer", "customer", "changed"),
)
"""One row for each request that is kept up. `state` is its accumulation with a check over it; without one, it
was given up: it falls into too many groups."""

spans = Table(
    "spans",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("standing", Integer, primary_key=True, autoincrement=False),
    Column("opens", BigInteger, primary_key=True, autoincrement=False),
    Column("closes", BigInteger, nullable=False),
    Index("spans_standing", "standing"),
    sqlite_with_rowid=False,
)

groups = Table(
    "usage_groups",
    METADATA,
    Column("standing", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False),
    sqlite_with_rowid=False,
)

texts = Table(
    "texts",
    METADATA,
    Column("standing", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, primary_key=True),
    Column("times", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Of unique: how many events have each text."""
