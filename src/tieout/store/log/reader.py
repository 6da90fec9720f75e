"""Reads the log: what is in it as of a watermark, and one customer's events in plain Python.

A read transaction copies the segment list and the tail's bodies, and is over; decoding and computing come
after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, func, select

from tieout.ingest.layout import event_of_row
from tieout.kernel.ids import EventType, Position, Subject, Watermark
from tieout.kernel.period import Period
from tieout.ports import LogManifest, SegmentFile, StoredEvent, TailPart, UnreadableSegment
from tieout.store.log import schema
from tieout.store.log.encoding import decode_body, decode_dispositions
from tieout.table.layout import event_type_of, layout_of, plain_schema, segment_schema


@dataclass(frozen=True, slots=True)
class BatchBody:
    """One batch's rows of one event type and contract version, as stored, and the rows that were not
    accepted.
    """

    batch: int
    sha256: bytes
    body: bytes
    dispositions: bytes


def compacted_upto(connection: Connection) -> int:
    """The last batch that segments hold."""
    done = schema.compactions
    found = connection.execute(
        select(func.max(done.c.last_batch)).where(done.c.done_at.is_not(None))
    ).scalar()
    return int(found or 0)


def manifest(engine: Engine, folder: Path, watermark: Watermark | None) -> LogManifest:
    """The log as of `watermark`, or of now."""
    with engine.connect() as connection:
        head = int(connection.execute(select(schema.head.c.batch)).scalar_one())
        upto = head if watermark is None else min(watermark, head)
        compacted = compacted_upto(connection)  # first: what is compacted meanwhile is still among the bodies
        query = _segments_query(upto).where(schema.segments.c.last_batch <= compacted)
        segments = [_segment(row, folder) for row in connection.execute(query)]
        stored = bodies_between(connection, compacted + 1, upto)
    return LogManifest(Watermark(upto), tuple(segments), tail_parts(stored))


def bodies_between(connection: Connection, first: int, last: int) -> list[BatchBody]:
    """The stored bodies of a range of batches, in batch order."""
    bodies, batches = schema.bodies, schema.batches
    query = (
        select(bodies.c.batch, bodies.c.sha256, bodies.c.body, batches.c.dispositions)
        .join(batches, batches.c.number == bodies.c.batch)
        .where(bodies.c.batch.between(first, last))
        .order_by(bodies.c.batch, bodies.c.type, bodies.c.contract_version)
    )
    return [BatchBody(*row) for row in connection.execute(query)]


def tail_parts(stored: Sequence[BatchBody]) -> tuple[TailPart, ...]:
    """Accepted rows of stored bodies, one table for each event type and contract version."""
    tables: dict[tuple[str, int], list[pa.Table]] = {}
    for body in stored:
        table = accepted_rows(body)
        tables.setdefault(event_type_of(table.schema), []).append(table)
    return tuple(
        TailPart(EventType(event_type), version, pa.concat_tables(parts).combine_chunks())
        for (event_type, version), parts in sorted(tables.items())
    )


def accepted_rows(stored: BatchBody) -> pa.Table:
    """The body's rows that were accepted, with their batch number, in the layout of segments."""
    table = decode_body(stored.body, f"the body of batch {stored.batch}")
    refused = decode_dispositions(stored.dispositions, f"the dispositions of batch {stored.batch}")["row"]
    if len(refused):
        table = table.filter(pa.array(~np.isin(table.column("row").to_numpy(), refused)))
    columns = [pa.array(np.full(table.num_rows, stored.batch, dtype=np.int64))]
    target = plain_schema(segment_schema(table.schema))
    columns += [table.column(place).cast(target.field(place + 1).type) for place in range(table.num_columns)]
    return pa.Table.from_arrays(columns, schema=target)


def read_events(
    manifest_now: LogManifest,
    spans: Mapping[Subject, Sequence[Period]],
    types: frozenset[EventType],
    *,
    after: Watermark | None,
) -> Iterator[StoredEvent]:
    """Accepted events of these subjects in these periods, in position order, one by one in plain Python."""
    if not spans:
        return
    rows: list[tuple[Position, StoredEvent]] = []
    for table in _tables(manifest_now, list(spans), types):
        rows += _stored_events(table, manifest_now.watermark, after, spans)
    rows.sort(key=lambda pair: pair[0])
    for _, stored in rows:
        yield stored


def event_at(engine: Engine, folder: Path, position: Position) -> StoredEvent | None:
    """The accepted event at a position."""
    with engine.connect() as connection:
        return event_at_in(connection, folder, position)


def event_at_in(connection: Connection, folder: Path, position: Position) -> StoredEvent | None:
    """As `event_at`, inside a transaction."""
    tables = [part.table for part in tail_parts(bodies_between(connection, position.batch, position.batch))]
    if not tables:
        segments = schema.segments
        query = _segments_query(position.batch).where(segments.c.last_batch >= position.batch)
        found = [_segment(row, folder) for row in connection.execute(query)]
        tables = [read_segment(segment, [("batch", "=", position.batch)]) for segment in found]
    for table in tables:
        here = pc.and_(
            pc.equal(table.column("batch"), position.batch),
            pc.equal(table.column("row"), pa.scalar(position.row, pa.int32())),
        )
        for _, stored in rows_of(table.filter(here)):
            return stored
    return None


def read_segment(segment: SegmentFile, filters: list[tuple[str, str, object]] | None = None) -> pa.Table:
    """The rows of a segment that pass `filters` (as of pyarrow.parquet). Raises `UnreadableSegment`."""
    try:
        return pq.read_table(segment.path, filters=filters, partitioning=None)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableSegment(segment.path, str(error).splitlines()[0]) from None


def segments_between(connection: Connection, folder: Path, first: int, last: int) -> list[SegmentFile]:
    """The segments whose range of batches lies within a range."""
    segments = schema.segments
    query = _segments_query(last).where(segments.c.first_batch >= first, segments.c.last_batch <= last)
    return [_segment(row, folder) for row in connection.execute(query)]


def _segments_query(upto: int):  # type: ignore[no-untyped-def] # the type of a Select says nothing here
    segments = schema.segments
    return (
        select(segments)
        .where(segments.c.first_batch <= upto)
        .order_by(segments.c.first_batch, segments.c.path)
    )


def _segment(row, folder: Path) -> SegmentFile:  # type: ignore[no-untyped-def] # a SQLAlchemy row
    return SegmentFile(
        path=str(folder / row.path),
        type=EventType(row.type),
        contract_version=row.contract_version,
        first_batch=row.first_batch,
        last_batch=row.last_batch,
        rows=row.rows,
        sha256=row.sha256.hex(),
    )


def _tables(
    manifest_now: LogManifest, subjects: list[Subject], types: frozenset[EventType]
) -> Iterator[pa.Table]:
    for segment in manifest_now.segments:
        if segment.type in types:
            yield read_segment(segment, [("subject", "in", subjects)])
    for part in manifest_now.tail:
        if part.type in types:
            chosen = pc.is_in(part.table.column("subject"), value_set=pa.array(subjects, pa.string()))
            yield part.table.filter(chosen)


def _stored_events(
    table: pa.Table, upto: Watermark, after: Watermark | None, spans: Mapping[Subject, Sequence[Period]]
) -> Iterator[tuple[Position, StoredEvent]]:
    for position, stored in rows_of(table):
        if position.batch > upto or (after is not None and position.batch <= after):
            continue
        if any(period.contains(stored.event.time) for period in spans.get(stored.event.subject, ())):
            yield position, stored


def rows_of(table: pa.Table) -> Iterator[tuple[Position, StoredEvent]]:
    event_type, version = event_type_of(table.schema)
    layout = layout_of(table.schema)
    for row in table.to_pylist():
        event = event_of_row(row, version, event_type, layout)
        position = Position(row["batch"], row["row"])
        yield position, StoredEvent(position, event, row["lane_a"], row["lane_b"])
