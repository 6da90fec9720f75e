"""Finds, counts and streams accepted events over segments and tail: row group by row group, only the columns
that are asked for, and never all events in memory.

Row groups are left out by the statistics of subject, source, time and batch; segments are sorted by subject,
so that one customer's events lie in few of them.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tieout.kernel.ids import EventType, Position
from tieout.kernel.quantity import Quantity
from tieout.ports import LogManifest, SegmentFile, StoredEvent, TailPart, UnreadableSegment
from tieout.ports.review import EventQuery, FoundEvents, Progress, TypeTotal
from tieout.store.log.matching import columns_asked, matching, overlaps
from tieout.store.log.reader import rows_of
from tieout.store.log.retracted_rows import RETRACTED, RetractedRows
from tieout.table.exact_sum import exact_sum
from tieout.table.layout import FIELD_PREFIX, ColumnKind, layout_of
from tieout.table.packed import columns_of, unpacked

NUMERIC = (ColumnKind.INTEGER, ColumnKind.DECIMAL)
Candidate = tuple[Position, int, int, int]
"""(position, place of the part, row group, row within it)."""


@dataclass(slots=True)
class Part:
    """A segment file or the tail of one event type and contract version. A tail is one row group."""

    type: EventType
    contract_version: int
    first_batch: int
    last_batch: int
    segment: SegmentFile | None
    table: pa.Table | None
    _file: pq.ParquetFile | None = field(default=None)

    @property
    def schema(self) -> pa.Schema:
        if self.table is not None:
            return self.table.schema
        return self._opened().schema_arrow

    def groups(self, query: EventQuery, after: Position | None) -> list[int]:
        """The row groups that may hold what the query means."""
        if self.table is not None:
            return [0]
        metadata = self._opened().metadata
        bounds = [_bounds(metadata.row_group(group)) for group in range(metadata.num_row_groups)]
        return [group for group, bound in enumerate(bounds) if _may_hold(bound, query, after)]

    @property
    def row_groups(self) -> int:
        return 1 if self.table is not None else int(self._opened().metadata.num_row_groups)

    def read(self, group: int, columns: Sequence[str] | None) -> pa.Table:
        if self.table is not None:
            return self.table if columns is None else self.table.select(list(columns))
        try:
            file = self._opened()
            stored = None if columns is None else _stored(file.schema_arrow.names, columns)
            return unpacked(file.read_row_group(group, columns=stored))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise UnreadableSegment(self._path, str(error).splitlines()[0]) from None

    @property
    def _path(self) -> str:
        assert self.segment is not None, "a tail has no file"
        return self.segment.path

    def _opened(self) -> pq.ParquetFile:
        if self._file is None:
            try:
                self._file = pq.ParquetFile(self._path)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise UnreadableSegment(self._path, str(error).splitlines()[0]) from None
        return self._file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def parts_of(manifest: LogManifest, query: EventQuery, after: Position | None = None) -> list[Part]:
    """The parts that may hold what the query means, by their first batch."""
    parts = [_segment_part(segment) for segment in manifest.segments]
    parts += [_tail_part(part) for part in manifest.tail if part.table.num_rows]
    first = 0 if after is None else after.batch
    upto = manifest.watermark if query.watermark is None else min(query.watermark, manifest.watermark)
    wanted = [
        part
        for part in parts
        if (query.types is None or part.type in query.types)
        and part.last_batch >= first
        and part.first_batch <= upto
        and _holds_positions(part, query.positions)
    ]
    return sorted(wanted, key=lambda part: (part.first_batch, part.type, part.contract_version))


def find(manifest: LogManifest, query: EventQuery, *, after: Position | None, limit: int) -> FoundEvents:
    """The first `limit` events after a position, in position order."""
    parts = parts_of(manifest, query, after)
    best: list[Candidate] = []
    for place, part in enumerate(parts):
        before = sum(1 for candidate in best if candidate[0].batch < part.first_batch)
        if before > limit:
            break  # parts come by their first batch: no later one holds an earlier position
        for group, table, rows in _matches(part, query, after):
            best = heapq.nsmallest(
                limit + 1, [*best, *_earliest(table, rows, place=place, group=group, limit=limit + 1)]
            )
        part.close()
    page = best[:limit]
    events = _read(parts, page)
    following = page[-1][0] if len(best) > limit else None
    return FoundEvents(events, following, manifest.watermark)


def totals(manifest: LogManifest, query: EventQuery, progress: Progress | None) -> tuple[TypeTotal, ...]:
    """How many events of each type the query means, and the exact sum of each numeric field."""
    adding = Adding()
    for part, table in stream(manifest, query, progress, numeric_only=True):
        adding.add(part, table)
    return adding.totals()


class Adding:
    """Events and exact sums by type, part after part; of those how many are retracted, and their sums."""

    def __init__(self) -> None:
        self._events: dict[EventType, int] = {}
        self._retracted: dict[EventType, int] = {}
        self._atoms: dict[EventType, dict[str, int]] = {}
        self._retracted_atoms: dict[EventType, dict[str, int]] = {}

    def add(self, part: Part, table: pa.Table) -> None:
        """Rows of `stream`."""
        retracted = table.filter(table.column(RETRACTED))
        self._events[part.type] = self._events.get(part.type, 0) + table.num_rows
        self._retracted[part.type] = self._retracted.get(part.type, 0) + retracted.num_rows
        _add_sums(self._atoms.setdefault(part.type, {}), part, table)
        _add_sums(self._retracted_atoms.setdefault(part.type, {}), part, retracted)

    def totals(self) -> tuple[TypeTotal, ...]:
        return tuple(
            TypeTotal(
                event_type,
                events,
                _quantities(self._atoms[event_type]),
                self._retracted[event_type],
                _quantities(self._retracted_atoms[event_type]),
            )
            for event_type, events in sorted(self._events.items())
        )


def _add_sums(sums: dict[str, int], part: Part, table: pa.Table) -> None:
    for name, kind in layout_of(part.schema):
        if kind in NUMERIC:
            sums[name] = sums.get(name, 0) + exact_sum(table.column(FIELD_PREFIX + name))


def _quantities(atoms: dict[str, int]) -> dict[str, Quantity]:
    return {name: Quantity.from_atoms(sums) for name, sums in sorted(atoms.items())}


def stream(
    manifest: LogManifest, query: EventQuery, progress: Progress | None, *, numeric_only: bool = False
) -> Iterator[tuple[Part, pa.Table]]:
    """The matching rows, a row group at a time, with a column that says which are retracted. `numeric_only`:
    without the other columns.
    """
    parts = parts_of(manifest, query)
    whole = sum(part.row_groups for part in parts)
    done = 0
    upto = manifest.watermark if query.watermark is None else min(query.watermark, manifest.watermark)
    retracted = RetractedRows(manifest.retracted, upto)
    for part in parts:
        numbers = [FIELD_PREFIX + name for name, kind in layout_of(part.schema) if kind in NUMERIC]
        asked = columns_asked(query, part.schema)
        wanted = sorted({*asked, *numbers, *retracted.columns}) if numeric_only else None
        for group in part.groups(query, None):
            table = part.read(group, wanted)
            mask = matching(table, query, part.schema)
            yield part, retracted.told(table if mask.all() else table.filter(pa.array(mask)))
            done += 1
            if progress is not None:
                progress(done, whole)
        part.close()
    if progress is not None:
        progress(whole, whole)


def _matches(
    part: Part, query: EventQuery, after: Position | None
) -> Iterator[tuple[int, pa.Table, np.ndarray]]:
    columns = columns_asked(query, part.schema)
    for group in part.groups(query, after):
        table = part.read(group, columns)
        mask = matching(table, query, part.schema)
        if after is not None:
            batch, row = table.column("batch").to_numpy(), table.column("row").to_numpy()
            mask &= (batch > after.batch) | ((batch == after.batch) & (row > after.row))
        rows = np.flatnonzero(mask)
        if len(rows):
            yield group, table, rows


def _earliest(table: pa.Table, rows: np.ndarray, *, place: int, group: int, limit: int) -> list[Candidate]:
    batch, row = table.column("batch").to_numpy()[rows], table.column("row").to_numpy()[rows]
    packed = (batch.astype(np.int64) << 32) | row
    order = np.argpartition(packed, limit)[:limit] if len(packed) > limit else np.arange(len(packed))
    return [(Position(int(batch[index]), int(row[index])), place, group, int(rows[index])) for index in order]


def _read(parts: Sequence[Part], page: Sequence[Candidate]) -> tuple[StoredEvent, ...]:
    by_group: dict[tuple[int, int], list[int]] = {}
    for _, place, group, row in page:
        by_group.setdefault((place, group), []).append(row)
    found: list[tuple[Position, StoredEvent]] = []
    for (place, group), rows in by_group.items():
        found += rows_of(parts[place].read(group, None).take(pa.array(rows, pa.int64())))
        parts[place].close()
    return tuple(stored for _, stored in sorted(found, key=lambda pair: pair[0]))


def _segment_part(segment: SegmentFile) -> Part:
    return Part(
        segment.type, segment.contract_version, segment.first_batch, segment.last_batch, segment, None
    )


def _tail_part(part: TailPart) -> Part:
    batch = part.table.column("batch").to_numpy()
    return Part(part.type, part.contract_version, int(batch.min()), int(batch.max()), None, part.table)


def _stored(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The columns of a segment that these are read from; one written long ago has `id` itself."""
    wanted = {*columns, *columns_of(list(columns))}
    return [name for name in names if name in wanted]


def _holds_positions(part: Part, positions: Sequence[Position] | None) -> bool:
    return positions is None or any(part.first_batch <= p.batch <= part.last_batch for p in positions)


def _bounds(group: pq.RowGroupMetaData) -> dict[str, tuple[object, object]]:
    """(least, greatest) of the columns that prune, where the file says them."""
    found: dict[str, tuple[object, object]] = {}
    for place in range(group.num_columns):
        column = group.column(place)
        name = column.path_in_schema
        if name in ("subject", "source", "time", "batch") and column.is_stats_set:
            statistics = column.statistics
            if statistics.has_min_max:
                found[name] = (statistics.min, statistics.max)
    return found


def _may_hold(bounds: dict[str, tuple[object, object]], query: EventQuery, after: Position | None) -> bool:
    unknown = (None, None)
    if not overlaps(*bounds.get("time", unknown), query.time_from, query.time_until):
        return False
    first, last = bounds.get("batch", unknown)
    if after is not None and isinstance(last, int) and last < after.batch:
        return False
    if query.positions is not None and isinstance(first, int) and isinstance(last, int):
        inside = any(first <= position.batch <= last for position in query.positions)
        if not inside:
            return False
    for name, asked in (("source", query.source), ("subject", query.subject)):
        low, high = bounds.get(name, unknown)
        if asked is not None and isinstance(low, str) and isinstance(high, str) and not low <= asked <= high:
            return False
    low, high = bounds.get("subject", unknown)
    if query.spans is not None and isinstance(low, str) and isinstance(high, str):
        subjects = sorted(query.spans)
        place = bisect_left(subjects, low)
        return place < len(subjects) and subjects[place] <= high
    return True
