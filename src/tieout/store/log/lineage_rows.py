"""The rows inside the windows of one lineage, a bounded number at a time; a page of them as whole events."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.evidence.piece import Piece
from tieout.kernel.ids import EventType, Position, Subject, Watermark
from tieout.kernel.period import Period
from tieout.ports import LogManifest, StoredEvent
from tieout.ports.lineage import PieceProof
from tieout.store.log.pieces import LogPieces
from tieout.store.log.reader import THREADS_MAX, rows_of
from tieout.store.log.segments.subject_rows import read_row_group_of, row_groups_of
from tieout.table.layout import event_type_of
from tieout.table.position_words import position_words

ROWS_AT_ONCE: Final = 65_536
NOT_CONTENT: Final = frozenset({"attributes"})
"""What neither meters nor digests read."""


class SqlLineageRows:
    """`LineageRows` over one manifest."""

    def __init__(
        self,
        manifest: LogManifest,
        windows: Mapping[Subject, Sequence[Period]],
        event_type: EventType,
        pieces: LogPieces | None = None,
    ) -> None:
        self._pieces = pieces
        self._manifest = manifest
        self._type = event_type
        self._windows = windows
        self._subjects = sorted(windows)
        periods = [period for own in windows.values() for period in own]
        self._opens = min((period.start for period in periods), default=0)
        self._closes = max((period.end for period in periods), default=0)

    @property
    def watermark(self) -> Watermark:
        return self._manifest.watermark

    @property
    def retracted(self) -> pa.Table:
        return self._manifest.retracted

    def tables(self) -> Iterator[pa.Table]:
        return _gathered(self._parts(None, without=NOT_CONTENT))

    def at(self, positions: Collection[Position]) -> Mapping[Position, StoredEvent]:
        found: dict[Position, StoredEvent] = {}
        if not positions:
            return found
        wanted = np.array([(each.batch, each.row) for each in positions], dtype=np.int64)
        words = position_words(wanted[:, 0], wanted[:, 1])
        for table in self._parts(wanted[:, 0], without=()):
            own = position_words(table.column("batch").to_numpy(), table.column("row").to_numpy())
            chosen = np.isin(own, words)
            for position, stored in rows_of(table.filter(pa.array(chosen))):
                periods = self._windows.get(stored.event.subject, ())
                if any(period.contains(stored.event.time) for period in periods):
                    found[position] = stored
        return found

    def proofs(self, disclosed: pa.Table, pieces: Sequence[Piece]) -> tuple[PieceProof, ...]:
        assert self._pieces is not None, "a log's rows know its pieces"
        own = [piece for piece in pieces if piece.place.type == self._type]
        return self._pieces.proofs(disclosed, own, self._groups_of)

    def _parts(self, batches: np.ndarray | None, *, without: Collection[str]) -> Iterator[pa.Table]:
        """The rows of every row group that may hold some, and of the tail; of those batches, where given."""
        read = partial(
            read_row_group_of,
            subjects=self._subjects,
            opens=self._opens,
            closes=self._closes,
            without=without,
        )
        for table in _ahead(read, self._row_groups(batches)):
            if table is not None:
                yield table
        for part in self._manifest.tail:
            if part.type == self._type:
                subjects = pa.array(self._subjects, pa.string())
                yield part.table.filter(pc.is_in(part.table.column("subject"), value_set=subjects))

    def _row_groups(self, batches: np.ndarray | None) -> Iterator[tuple[str, int]]:
        for segment in self._manifest.segments:
            if segment.type != self._type:
                continue
            if batches is not None:
                asked = (segment.first_batch <= batches) & (batches <= segment.last_batch)
                if not asked.any():
                    continue
            yield from ((segment.path, group) for group in self._groups_of(segment.path))

    def _groups_of(self, path: str) -> list[int]:
        return row_groups_of(path, self._subjects, opens=self._opens, closes=self._closes)


def _ahead(read: partial[pa.Table | None], tasks: Iterable[tuple[str, int]]) -> Iterator[pa.Table | None]:
    """What `read` gives for each, in order; threads read a few of them ahead, so few are in memory."""
    tasks = iter(tasks)
    few = list(islice(tasks, 2))
    if len(few) < 2:
        yield from (read(*task) for task in few)
        return
    threads = min(os.cpu_count() or 1, THREADS_MAX)
    with ThreadPoolExecutor(threads) as pool:
        reading: deque[Future[pa.Table | None]] = deque(pool.submit(read, *task) for task in few)
        while reading:
            reading.extend(pool.submit(read, *task) for task in islice(tasks, 2 * threads - len(reading)))
            yield reading.popleft().result()


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in fewer tables: what a table costs is paid once for many parts of one version."""
    waiting: dict[tuple[str, int], list[pa.Table]] = {}
    for table in tables:
        for start in range(0, table.num_rows, ROWS_AT_ONCE):
            version = event_type_of(table.schema)
            mine = waiting.setdefault(version, [])
            mine.append(table.slice(start, ROWS_AT_ONCE))
            if sum(each.num_rows for each in mine) >= ROWS_AT_ONCE:
                yield _joined(waiting.pop(version))
    for parts in waiting.values():
        yield _joined(parts)


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    names = [name for name in tables[0].column_names if name not in NOT_CONTENT]
    metadata = tables[0].schema.metadata
    return pa.concat_tables([table.select(names) for table in tables]).replace_schema_metadata(metadata)
