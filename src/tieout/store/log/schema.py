"""The log's tables. Everything here is ground state, except `keys`, which the identity index is built
from.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

meta = Table(
    "meta",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
"""home_id and identity_secret: made once, when the home is."""

head = Table(
    "head",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""One row: the last batch and its digest. Whoever holds it locked may append."""

batches = Table(
    "batches",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("commit_id", String(32), nullable=False, unique=True),
    Column("received_at", BigInteger, nullable=False),
    Column("previous_digest", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("received", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("contracts", Text, nullable=False),
    Column("dispositions", LargeBinary, nullable=False),
    Column("origin", Text, nullable=False),
)
"""`contracts`: the contract versions that judged it, as JSON. `dispositions`: the rows that were not
accepted.
"""

bodies = Table(
    "bodies",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("type", String(128), primary_key=True),
    Column("contract_version", Integer, primary_key=True),
    Column("sha256", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("retired_at", BigInteger),
)
"""Rows as an Arrow stream, until a segment holds them; readers skip the rows that dispositions name."""

keys = Table(
    "keys",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("entries", LargeBinary, nullable=False),
    Column("retired_at", BigInteger),
)

tallies = Table(
    "tallies",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("verdict", Integer, primary_key=True),
    Column("reason", Integer, primary_key=True),
    Column("items", BigInteger, nullable=False),
)
"""Law L1's numbers: received items by source, hour received (microseconds), verdict and reason."""

quarantine = Table(
    "quarantine",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("verdict", Integer, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("field", Text),
    Column("detail", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text),
    Column("origin", Text, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("original_batch", BigInteger),
    Column("original_row", Integer),
    Column("raw", LargeBinary, nullable=False),
    Index("quarantine_reason", "reason"),
)
"""Quarantined items and conflicts, with the bytes as they came."""

segments = Table(
    "segments",
    METADATA,
    Column("path", Text, primary_key=True),
    Column("type", String(128), nullable=False),
    Column("contract_version", Integer, nullable=False),
    Column("first_batch", BigInteger, nullable=False),
    Column("last_batch", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

compactions = Table(
    "compactions",
    METADATA,
    Column("first_batch", BigInteger, primary_key=True, autoincrement=False),
    Column("last_batch", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
)
"""Intents and what became of them. Done ranges are disjoint and gapless from batch 1."""
