"""Reads the log: what is in it as of a watermark, and one customer's events in plain Python.

A read transaction copies the segment list and the tail's bodies, and is over; decoding and computing come
after.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, func, select

from tieout.ingest.layout import event_of_row
from tieout.kernel.ids import EventType, Position, Subject, Watermark
from tieout.kernel.period import Period
from tieout.ports import LogManifest, SegmentFile, SegmentFiles, StoredEvent, TailPart
from tieout.store.log import schema
from tieout.store.log.encoding import decode_body, decode_dispositions
from tieout.store.log.retractions import retracted_identities
from tieout.store.log.segments.named_segments import NamedSegment, live_segments
from tieout.store.log.segments.segment_file import read_rows_at, read_segment_rows, unreadable
from tieout.store.log.segments.subject_rows import read_rows_of
from tieout.table.layout import event_type_of, layout_of, plain_schema, segment_schema
from tieout.table.packed import unpacked

SEGMENTS_WORTH_THREADS: Final = 4
THREADS_MAX: Final = 8
"""Reading Parquet lets other threads run; one customer's rows take a few milliseconds a segment."""


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


def manifest(
    engine: Engine,
    files: SegmentFiles,
    watermark: Watermark | None,
    *,
    only: frozenset[EventType] | None = None,
    distrust: bool = False,
) -> LogManifest:
    """The log as of `watermark`, or of now; with `only`, no more of it than the events of these types. Remote
    segments are fetched. Raises `UnreadableSegment` or `SegmentsUnavailable`.
    """
    with engine.connect() as connection:
        head = int(connection.execute(select(schema.head.c.batch)).scalar_one())
        upto = head if watermark is None else min(watermark, head)
        live = live_segments(connection)  # first: what is compacted meanwhile is still among the bodies
        compacted = max((segment.last_batch for segment in live), default=0)
        stored = bodies_between(connection, compacted + 1, upto, only=only)
    segments = tuple(
        segment_file(files, segment, distrust=distrust)
        for segment in live
        if segment.first_batch <= upto and (only is None or segment.type in only)
    )
    tail = tail_parts(stored)
    retracted = retracted_identities(segments, tail, read_segment)
    return LogManifest(Watermark(upto), segments, tail, retracted)


def bodies_between(
    connection: Connection, first: int, last: int, *, only: frozenset[EventType] | None = None
) -> list[BatchBody]:
    """The stored bodies of a range of batches, in batch order."""
    bodies, batches = schema.bodies, schema.batches
    query = (
        select(bodies.c.batch, bodies.c.sha256, bodies.c.body, batches.c.dispositions)
        .join(batches, batches.c.number == bodies.c.batch)
        .where(bodies.c.batch.between(first, last))
        .order_by(bodies.c.batch, bodies.c.type, bodies.c.contract_version)
    )
    if only is not None:
        query = query.where(bodies.c.type.in_(sorted(only)))
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
    for table in _tables(manifest_now, spans, types, after):
        rows += _stored_events(table, manifest_now.watermark, after, spans)
    rows.sort(key=lambda pair: pair[0])
    for _, stored in rows:
        yield stored


def event_at(engine: Engine, files: SegmentFiles, position: Position) -> StoredEvent | None:
    """The accepted event at a position."""
    with engine.connect() as connection:
        return event_at_in(connection, files, position)


def event_at_in(connection: Connection, files: SegmentFiles, position: Position) -> StoredEvent | None:
    """As `event_at`, inside a transaction."""
    return _events_at_in(connection, files, [position]).get(position)


def events_at(
    engine: Engine, files: SegmentFiles, positions: Iterable[Position]
) -> Mapping[Position, StoredEvent]:
    """The accepted events at these positions; each body and row group that holds any is read once."""
    wanted = sorted(set(positions))
    if not wanted:
        return {}
    with engine.connect() as connection:
        return _events_at_in(connection, files, wanted)


def _events_at_in(
    connection: Connection, files: SegmentFiles, positions: Sequence[Position]
) -> dict[Position, StoredEvent]:
    """From the stored bodies of their batches, or from segments once these are gone."""
    found: dict[Position, StoredEvent] = {}
    compacted: list[Position] = []
    for batch, listed in groupby(positions, key=lambda position: position.batch):
        mine = list(listed)
        parts = tail_parts(bodies_between(connection, batch, batch))
        if not parts:
            compacted += mine
        for part in parts:
            rows = pa.array([position.row for position in mine], pa.int32())
            table = part.table.filter(pc.is_in(part.table.column("row"), value_set=rows))
            found |= {stored.position: stored for _, stored in rows_of(table)}
    for segment in live_segments(connection) if compacted else ():
        inside = [
            (position.batch, position.row)
            for position in compacted
            if segment.first_batch <= position.batch <= segment.last_batch
        ]
        if inside:
            table = read_rows_at(segment_file(files, segment).path, inside)
            found |= {stored.position: stored for _, stored in rows_of(table)}
    return found


def read_segment(segment: SegmentFile, filters: list[tuple[str, str, object]] | None = None) -> pa.Table:
    """The rows of a segment that pass `filters` (as of pyarrow.parquet, over stored columns), ids as texts.
    Raises `UnreadableSegment`.
    """
    if filters is None:
        return read_segment_rows(segment.path)
    try:
        return unpacked(pq.read_table(segment.path, filters=filters, partitioning=None))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(segment.path, error) from None


def segment_file(files: SegmentFiles, segment: NamedSegment, *, distrust: bool = False) -> SegmentFile:
    """The segment as engines and readers take it, here on this machine."""
    return SegmentFile(
        path=files.local_path(
            segment.name, bytes_count=segment.bytes, sha256=segment.sha256, distrust=distrust
        ),
        type=EventType(segment.type),
        contract_version=segment.contract_version,
        first_batch=segment.first_batch,
        last_batch=segment.last_batch,
        rows=segment.rows,
        sha256=segment.sha256.hex(),
    )


def _tables(
    manifest_now: LogManifest,
    spans: Mapping[Subject, Sequence[Period]],
    types: frozenset[EventType],
    after: Watermark | None,
) -> Iterator[pa.Table]:
    subjects = list(spans)
    periods = [period for own in spans.values() for period in own]
    opens = min((period.start for period in periods), default=0)
    closes = max((period.end for period in periods), default=0)
    paths = [
        segment.path
        for segment in manifest_now.segments
        if segment.type in types and (after is None or segment.last_batch > after)
    ]
    read = partial(read_rows_of, subjects=subjects, opens=opens, closes=closes)
    if len(paths) < SEGMENTS_WORTH_THREADS:
        yield from map(read, paths)
    else:
        with ThreadPoolExecutor(min(os.cpu_count() or 1, THREADS_MAX)) as pool:
            yield from pool.map(read, paths)
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
    """The rows of a segment or of the tail, one by one in plain Python."""
    event_type, version = event_type_of(table.schema)
    layout = layout_of(table.schema)
    for row in table.to_pylist():
        event = event_of_row(row, version, event_type, layout)
        position = Position(row["batch"], row["row"])
        yield position, StoredEvent(position, event, row["lane_a"], row["lane_b"])
