"""Rows of the table `segments`: what was written, what is live, and what ranges of batches they cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import Connection, insert, select

from tieout.kernel.instant import Instant
from tieout.store.log import schema
from tieout.store.log.segments.tiers import RangeOfBatches


@dataclass(frozen=True, slots=True)
class NamedSegment:
    """A durable segment file as the log names it; `name` is relative to where segments lie."""

    name: str
    type: str
    contract_version: int
    first_batch: int
    last_batch: int
    rows: int
    bytes: int
    sha256: bytes


def name_of(event_type: str, version: int, *, first: int, last: int, sha256: bytes) -> str:
    """A name that belongs to these bytes alone."""
    return f"{quote(event_type, safe='')}/v{version}/{first:012}-{last:012}-{sha256.hex()[:12]}.parquet"


def insert_segments(connection: Connection, segments: Sequence[NamedSegment], now: Instant) -> None:
    for segment in segments:
        connection.execute(
            insert(schema.segments).values(
                path=segment.name,
                type=segment.type,
                contract_version=segment.contract_version,
                first_batch=segment.first_batch,
                last_batch=segment.last_batch,
                rows=segment.rows,
                bytes=segment.bytes,
                sha256=segment.sha256,
                created_at=now,
            )
        )


def live_segments(connection: Connection) -> list[NamedSegment]:
    """Those that readers see, by one statement: even where each statement sees a state of its own, merges are
    seen whole.
    """
    segments = schema.segments
    query = select(segments).where(segments.c.retired_at.is_(None))
    ordered = query.order_by(segments.c.first_batch, segments.c.path)
    return [_named(row) for row in connection.execute(ordered)]


def retired_segments(connection: Connection) -> list[NamedSegment]:
    """Those that were merged into longer ones, and wait to be deleted."""
    segments = schema.segments
    query = select(segments).where(segments.c.retired_at.is_not(None)).order_by(segments.c.path)
    return [_named(row) for row in connection.execute(query)]


def ranges_of(segments: Sequence[NamedSegment]) -> list[RangeOfBatches]:
    """The ranges that live segments cover, in order; those of one range have different types or versions."""
    rows: dict[tuple[int, int], int] = {}
    for segment in segments:
        span = (segment.first_batch, segment.last_batch)
        rows[span] = rows.get(span, 0) + segment.rows
    return [RangeOfBatches(first, last, count) for (first, last), count in sorted(rows.items())]


def _named(row) -> NamedSegment:  # type: ignore[no-untyped-def] # a SQLAlchemy row
    return NamedSegment(
        name=row.path,
        type=row.type,
        contract_version=row.contract_version,
        first_batch=row.first_batch,
        last_batch=row.last_batch,
        rows=row.rows,
        bytes=row.bytes,
        sha256=bytes(row.sha256),
    )
