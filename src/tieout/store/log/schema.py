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
    Column("reading", Text),
    Index("quarantine_reason", "reason"),
    Index("quarantine_event_id", "event_id", "source"),
)
"""Quarantined items and conflicts, with the bytes as they came, and how these are read (`ingest.reading`)."""

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
    Column("retired_at", BigInteger),
)
"""Those with `retired_at` were merged into a longer one, and wait to be deleted."""

segment_trees = Table(
    "segment_trees",
    METADATA,
    Column("sha256", LargeBinary, primary_key=True),
    Column("groups", LargeBinary, nullable=False),
)
"""Derived: the roots of the groups of leaves (`segments.segment_tree`) of a piece of the log, by the root
over them, which `sha256` is."""

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

merges = Table(
    "merges",
    METADATA,
    Column("first_batch", BigInteger, primary_key=True, autoincrement=False),
    Column("last_batch", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""The intent to merge the segments of a range of batches; gone once the merge is done."""

receipts = Table(
    "receipts",
    METADATA,
    Column("key_id", String(64), primary_key=True),
    Column("idempotency_key", String(255), primary_key=True),
    Column("request_sha256", LargeBinary, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
)
"""Answers to requests with an Idempotency-Key, for ever: the same key and body get the same answer, another
body a 409. `receipt` is the answer as JSON."""

refused_requests = Table(
    "refused_requests",
    METADATA,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("key_id", String(64), primary_key=True),
    Column("reason", String(64), primary_key=True),
    Column("requests", BigInteger, nullable=False),
)
"""Requests that were refused before an item of theirs was received (401, 413, 429), by hour, API key and
reason."""

quarantine_outcomes = Table(
    "quarantine_outcomes",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("outcome", String(16), nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("new_batch", BigInteger),
    Column("new_row", Integer),
    Index("quarantine_outcomes_new", "new_batch", "new_row"),
)
"""What a person decided about a quarantined item: released (as a new arrival at `new_batch`, `new_row`) or
discarded. At most one decision an item."""

erasures = Table(
    "erasures",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("identity_key", LargeBinary, nullable=False),
    Column("content_digest", LargeBinary, nullable=False),
    Column("residue_sha256", LargeBinary, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
)
"""Received items whose personal data was erased: the digest that was chained for the whole item (the content
digest of an accepted event, the SHA-256 of the bytes of a quarantined one), who asked, and the SHA-256 of
what remains."""

rates = Table(
    "rates",
    METADATA,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, primary_key=True),
    Column("verdict", Integer, primary_key=True, autoincrement=False),
    Column("reason", Integer, primary_key=True, autoincrement=False),
    Column("items", BigInteger, nullable=False),
)
"""The tallies of all batches, added up by source and hour in the commit itself, so that rates are read at
once."""

lags = Table(
    "lags",
    METADATA,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, primary_key=True),
    Column("lag", String(96), primary_key=True),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("items", BigInteger, nullable=False),
)
"""How long accepted events took, by source, hour received and kind of lag: a count for each bucket."""

commit_times = Table(
    "commit_times",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("committed_at", BigInteger, nullable=False),
)
"""When the process that committed a batch saw it committed; removed once every consumer has acted on it."""

arrivals = Table(
    "arrivals",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("accepted", BigInteger, nullable=False),
    Column("out_of_order", BigInteger, nullable=False),
)
"""Accepted events by source and hour received, and how many of them were older than one accepted before."""

source_heads = Table(
    "source_heads",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("newest_time", BigInteger, nullable=False),
)
"""The newest event time accepted from each source."""

control_totals = Table(
    "control_totals",
    METADATA,
    Column("source", String(256), primary_key=True),
    Column("statement_id", String(128), primary_key=True),
    Column("type", String(128), nullable=False),
    Column("window_start", BigInteger, nullable=False),
    Column("window_end", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("field", String(128)),
    Column("total", Text),
    Column("stated_at", BigInteger, nullable=False),
    Column("stated_by", Text, nullable=False),
)
"""What a source states that it sent: how many events of a type, and what sum of a field, with times in a
window."""

pipeline_alerts = Table(
    "pipeline_alerts",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("source", Text, nullable=False),
    Column("hour", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_by", Text),
    Column("close_reason", Text),
)
"""Sudden shifts of a source's acceptance or duplicate rate; open until a person closes it with a reason."""

cursors = Table(
    "cursors",
    METADATA,
    Column("consumer", String(64), primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("acted_at", BigInteger, nullable=False),
)
"""How far each consumer of the log has acted, and when."""
