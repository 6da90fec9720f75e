"""One segment as a Parquet file: how it is laid out, written in a stream, and read where it matters.

Rows are sorted by subject, then time, so that one customer's rows lie together: a reader skips row groups and
pages by their bounds. Columns that are random are stored as they are; the others as what packs them best.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tieout.kernel.digest import LANE_MODULUS
from tieout.ports import UnreadableSegment
from tieout.store.files import sync_file
from tieout.table.layout import plain_schema
from tieout.table.packed import ID_TEXT, ID_UUID, columns_of, packed, unpacked

Whole = TypeVar("Whole", int, npt.NDArray[Any])

ROWS_PER_GROUP: Final = 65_536
PAGE_BYTES: Final = 65_536
RANDOM: Final = frozenset({"lane_a", "lane_b", ID_UUID})
"""No encoding makes these smaller, so none is tried."""
BOUNDED: Final = ("subject", "time", "batch")
"""Columns whose bounds are kept for each row group; for the others they would only lengthen the footer."""
REPEATED: Final = ["source", "extras", "attributes"]
"""Texts with few values: read as dictionaries, a row group costs a third of the time."""
ORDER: Final = ("subject", "time", "batch", "row")


class SegmentWriter:
    """Writes stored-form rows, sorted already, as one file that is synced when the block ends.

    A context manager: leaving it with an error removes the file. Afterwards `rows`, `bytes` and `sha256` say
    what was written.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = self.bytes = 0
        self._path = path
        self._file = path.open("wb")
        self._sha256 = hashlib.sha256()
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._sink = pa.PythonFile(self, mode="w")
        self._schema = schema
        self._writer = pq.ParquetWriter(self._sink, schema, **_options(schema))

    @property
    def sha256(self) -> bytes:
        return self._sha256.digest()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def append(self, table: pa.Table) -> None:
        """The next rows; they are written a row group at a time."""
        self._waiting.append(table.cast(self._schema) if table.schema != self._schema else table)
        self._waiting_rows += table.num_rows
        if self._waiting_rows >= ROWS_PER_GROUP:
            whole = pa.concat_tables(self._waiting)
            end = self._waiting_rows // ROWS_PER_GROUP * ROWS_PER_GROUP
            self._write_rows(whole.slice(0, end))
            self._waiting, self._waiting_rows = [whole.slice(end)], self._waiting_rows - end

    def write(self, content: bytes) -> int:
        """Takes the bytes that the Parquet writer makes, in order: it only appends."""
        self._sha256.update(content)
        self.bytes += len(content)
        return self._file.write(content)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """The file is closed by the block's end, when it is synced."""

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                if self._waiting_rows:
                    self._write_rows(pa.concat_tables(self._waiting))
                self._writer.close()
                self._file.flush()
                sync_file(self._path)
        except BaseException:
            self._abandon()
            raise
        finally:
            self._waiting.clear()
            del self._writer, self._sink  # Arrow holds this object, so no collector would free the circle
        if error is not None:
            self._abandon()
        self._file.close()

    def _write_rows(self, table: pa.Table) -> None:
        self.rows += table.num_rows
        self._writer.write_table(table, row_group_size=ROWS_PER_GROUP)

    def _abandon(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _options(schema: pa.Schema) -> dict[str, object]:
    names = [column.name for column in schema]
    texts = [column.name for column in schema if pa.types.is_string(column.type) and column.name != ID_TEXT]
    integers = {column.name for column in schema if pa.types.is_integer(column.type)} - RANDOM
    encodings = dict.fromkeys(sorted(integers - {"time"}), "DELTA_BINARY_PACKED")
    encodings |= {name: "PLAIN" for name in names if name in RANDOM or name == ID_TEXT}
    return {
        "compression": {name: "none" if name in RANDOM else "zstd" for name in names},
        "use_dictionary": texts,
        "column_encoding": {**encodings, "time": "BYTE_STREAM_SPLIT"},
        "write_statistics": [name for name in names if name in BOUNDED],
        "write_page_index": True,
        "data_page_size": PAGE_BYTES,
        "store_schema": True,
        "write_page_checksum": True,
    }


def stored_form(table: pa.Table) -> pa.Table:
    """Rows as a segment stores them: ids packed, dictionaries written out by the Parquet writer."""
    return packed(table)


def stored_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of the stored form of rows with this one."""
    return packed(plain_schema(schema).empty_table()).schema


def in_order(table: pa.Table) -> pa.Table:
    """The rows by subject, time, batch, row."""
    subjects = table.column("subject").combine_chunks().dictionary_encode()
    if isinstance(subjects, pa.ChunkedArray):
        subjects = subjects.unify_dictionaries().combine_chunks()
    ranks = np.empty(len(subjects.dictionary), dtype=np.int64)
    ranks[pc.sort_indices(subjects.dictionary).to_numpy()] = np.arange(len(ranks))
    keys = [table.column(name).to_numpy() for name in reversed(ORDER[1:])]
    order = np.lexsort([*keys, ranks[subjects.indices.to_numpy()]])
    if len(order) < 2 or (np.diff(order) == 1).all():
        return table
    return table.take(pa.array(order))


def read_segment_rows(path: str, *, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows, ids as texts. Raises `UnreadableSegment`."""
    try:
        stored = None if columns is None else columns_of(list(columns))
        table = unpacked(pq.ParquetFile(path).read(columns=_present(path, stored)))
        return table if columns is None else table.select(list(columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None


def read_segment_rows_between(path: str, columns: Sequence[str], *, first: int, last: int) -> pa.Table:
    """These columns (not `id`) of the rows in batches `first` to `last`, of which one row group at a time is
    read. Raises `UnreadableSegment`.
    """
    try:
        file = pq.ParquetFile(path)
        tables = [file.schema_arrow.empty_table().select(list(columns))]
        for group in range(file.metadata.num_row_groups):
            table = file.read_row_group(group, columns=list(columns), use_threads=False).select(list(columns))
            batch = table.column("batch").to_numpy()
            tables.append(table.filter(pa.array((first <= batch) & (batch <= last))))
        return pa.concat_tables(tables)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None


def read_row_at(path: str, *, batch: int, row: int) -> pa.Table:
    """The row at a position, ids as texts, or no row. Raises `UnreadableSegment`."""
    return read_rows_at(path, [(batch, row)])


def read_rows_at(path: str, positions: Sequence[tuple[int, int]]) -> pa.Table:
    """The rows at these (batch, row), for those that the segment holds, ids as texts: two narrow columns are
    searched, then each row group that holds any is read once. Raises `UnreadableSegment`.
    """
    wanted = np.sort(np.array([_packed(*each) for each in positions], dtype=np.int64))
    left = len(wanted)
    try:
        file = pq.ParquetFile(path)
        place = file.schema_arrow.names.index("batch")
        tables = [file.schema_arrow.empty_table()]
        for group in range(file.metadata.num_row_groups if left else 0):
            bounds = file.metadata.row_group(group).column(place).statistics
            if bounds is not None and bounds.has_min_max:
                first, last = _packed(bounds.min, 0), _packed(bounds.max + 1, 0)
                if np.searchsorted(wanted, first) == np.searchsorted(wanted, last):
                    continue
            keys = file.read_row_group(group, columns=["batch", "row"], use_threads=False)
            packed_keys = _packed(keys.column("batch").to_numpy(), keys.column("row").to_numpy())
            found = np.flatnonzero(np.isin(packed_keys, wanted))
            if found.size:
                tables.append(file.read_row_group(group, use_threads=False).take(pa.array(found)))
                left -= found.size
            if not left:
                break
        return unpacked(pa.concat_tables(tables))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None


def _packed(batch: Whole, row: Whole) -> Whole:
    """Both in one integer that sorts as they do."""
    return (batch << 32) | row


def unreadable(path: str, error: Exception) -> UnreadableSegment:
    return UnreadableSegment(path, str(error).splitlines()[0] if str(error) else type(error).__name__)


def _present(path: str, wanted: list[str] | None) -> list[str] | None:
    """Of the wanted columns those that the file has: one written before has `id` itself."""
    if wanted is None:
        return None
    names = pq.read_schema(path).names
    old = ["id"] if ID_UUID in wanted and "id" in names else []
    return [name for name in wanted if name in names] + old


def fingerprint_of(paths: Sequence[str]) -> tuple[int, int, int]:
    """Count and sums of both lanes (mod 2^64) over the rows of all files together."""
    count, sums = 0, [0, 0]
    for path in paths:
        for batch in pq.ParquetFile(path).iter_batches(columns=["lane_a", "lane_b"]):
            count += batch.num_rows
            for place in range(2):
                sums[place] += int(batch.column(place).to_numpy().sum(dtype=np.uint64))
    return count, sums[0] % LANE_MODULUS, sums[1] % LANE_MODULUS


def batches_of_rows(path: str, *, rows: int, columns: Iterable[str] | None = None) -> Iterator[pa.Table]:
    """The stored rows in their order, at most `rows` at a time, in the stored form."""
    file = pq.ParquetFile(path)
    for batch in file.iter_batches(batch_size=rows, columns=None if columns is None else list(columns)):
        yield packed(pa.Table.from_batches([batch], schema=batch.schema))
