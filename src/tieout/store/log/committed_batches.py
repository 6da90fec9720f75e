"""The batches behind a watermark, one by one, for whoever follows the log: from bodies, or once these are
gone from the segments that hold them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Engine, select

from tieout.kernel.ids import EventType, Subject, Watermark
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.ports import LogManifest, SegmentFiles, StoredEvent, TailPart
from tieout.store.log import schema
from tieout.store.log.reader import bodies_between, read_segment, rows_of, segment_file, tail_parts
from tieout.store.log.segments.named_segments import live_segments
from tieout.table.retracted import NOTHING_RETRACTED, with_more

BATCHES_MAX: Final = 1_000
"""That are read at once."""


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """`ports.live.CommittedBatch`."""

    number: Watermark
    received_at: Instant
    rows: int
    parts: tuple[TailPart, ...]

    @property
    def types(self) -> frozenset[EventType]:
        return frozenset(part.type for part in self.parts)

    def subjects(self) -> frozenset[Subject]:
        columns = (part.table.column("subject") for part in self.parts)
        return frozenset(Subject(name) for column in columns for name in pc.unique(column).to_pylist())

    def events(self, *, only: EventType | None = None) -> Iterator[StoredEvent]:
        for part in self.parts:
            if only in (None, part.type):
                for _, stored in rows_of(part.table):
                    yield stored

    def hours(self) -> Mapping[Subject, Sequence[Instant]]:
        found: dict[Subject, list[Instant]] = {}
        for part in self.parts:
            time = part.table.column("time")
            hour = pa.scalar(HOUR_MICROSECONDS, pa.int64())
            begun = pc.multiply(pc.divide(time, hour), hour)
            named = pa.table({"subject": part.table.column("subject"), "hour": begun})
            for row in named.group_by(["subject", "hour"]).aggregate([]).to_pylist():
                found.setdefault(Subject(row["subject"]), []).append(Instant(row["hour"]))
        return found

    def manifest(self, retracted: Sequence[tuple[str, str]]) -> LogManifest:
        before = [(source, event_id, 0, 0) for source, event_id in retracted]
        return LogManifest(
            self.number, (), self.parts, with_more(NOTHING_RETRACTED, before) if before else NOTHING_RETRACTED
        )


def committed_batches(
    engine: Engine, files: SegmentFiles, after: Watermark, *, rows_max: int
) -> list[StoredBatch]:
    """Raises `UnreadableSegment` where segments were merged away meanwhile: ask again."""
    batches = schema.batches
    with engine.connect() as connection:
        listed = connection.execute(
            select(batches.c.number, batches.c.received_at, batches.c.accepted)
            .where(batches.c.number > after)
            .order_by(batches.c.number)
            .limit(BATCHES_MAX)
        ).all()
        chosen, rows = [], 0
        for each in listed:
            if chosen and rows + each.accepted > rows_max:
                break
            chosen.append(each)
            rows += each.accepted
        if not chosen:
            return []
        stored = bodies_between(connection, chosen[0].number, chosen[-1].number)
    by_batch: dict[int, list[TailPart]] = {}
    for body in stored:
        by_batch.setdefault(body.batch, []).extend(tail_parts([body]))
    lacking = [
        each.number
        for each in chosen
        if sum(part.table.num_rows for part in by_batch.get(each.number, ())) != each.accepted
    ]
    if lacking:
        with engine.connect() as connection:
            found = _from_segments(connection, files, lacking)
        by_batch |= {number: found.get(number, []) for number in lacking}
    return [
        StoredBatch(
            Watermark(each.number),
            Instant(each.received_at),
            each.accepted,
            tuple(by_batch.get(each.number, ())),
        )
        for each in chosen
    ]


def batch_digest(engine: Engine, batch: Watermark) -> bytes | None:
    with engine.connect() as connection:
        found = connection.execute(
            select(schema.batches.c.digest).where(schema.batches.c.number == batch)
        ).scalar()
    return None if found is None else bytes(found)


def batch_received_at(engine: Engine, batch: Watermark) -> Instant | None:
    with engine.connect() as connection:
        found = connection.execute(
            select(schema.batches.c.received_at).where(schema.batches.c.number == batch)
        ).scalar()
    return None if found is None else Instant(found)


def _from_segments(
    connection: Connection, files: SegmentFiles, numbers: Sequence[int]
) -> dict[int, list[TailPart]]:
    first, last = min(numbers), max(numbers)
    found: dict[int, list[TailPart]] = {}
    for named in live_segments(connection):
        if named.last_batch < first or named.first_batch > last:
            continue
        segment = segment_file(files, named)
        table = read_segment(segment, [("batch", ">=", first), ("batch", "<=", last)])
        for number in pc.unique(table.column("batch")).to_pylist():
            mine = table.filter(pc.equal(table.column("batch"), pa.scalar(number, pa.int64())))
            found.setdefault(number, []).append(TailPart(segment.type, segment.contract_version, mine))
    return found
