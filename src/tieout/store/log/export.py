"""Streams events into one file, written beside and renamed: Parquet with exact types, or CSV that is safe in
a spreadsheet.

One row has the columns of every event type in the export; a field that a type does not declare is empty
there; a retracted event is there, and says so. Rows come part by part, sorted by subject and time within
each, not in position order.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tieout.kernel.errors import ConflictError, Refusal
from tieout.kernel.instant import Instant, format_instant
from tieout.ports import LogManifest
from tieout.ports.review import EventQuery, Progress, TypeTotal
from tieout.store.files import sync_folder
from tieout.store.log.retracted_rows import RETRACTED
from tieout.store.log.scan import Adding, Part, parts_of, stream
from tieout.table.layout import ARROW_TYPES, DECIMAL_TYPE, FIELD_PREFIX, ColumnKind, layout_of, plain_schema

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so is a formula to a spreadsheet, unless an apostrophe stands before it."""
TIME_TYPE = pa.timestamp("us", tz="UTC")
ENVELOPE = (
    ("batch", pa.int64()),
    ("row", pa.int32()),
    ("source", pa.string()),
    ("id", pa.string()),
    ("type", pa.string()),
    ("contract_version", pa.int32()),
    ("subject", pa.string()),
    ("time", TIME_TYPE),
    (RETRACTED, pa.bool_()),
)
REST = (("extras", pa.string()), ("attributes", pa.string()))


class UnknownExport(Refusal):
    """The name of the file does not say in which format to write it."""

    code = "unknown-export"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: an export is a .parquet or a .csv file.")


class FileInTheWay(ConflictError):
    """An export never replaces a file."""

    code = "file-in-the-way"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already; name another file, or remove it.")


class _Sheet(Protocol):
    def write(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


def export(
    manifest: LogManifest, query: EventQuery, out: Path, progress: Progress | None
) -> tuple[TypeTotal, ...]:
    """Durable at its name when this returns; before, and after any failure, nothing is there.

    Raises `UnknownExport` and `FileInTheWay`.
    """
    if out.suffix.lower() not in (".parquet", ".csv"):
        raise UnknownExport(out)
    if out.exists():
        raise FileInTheWay(out)
    schema = united_schema(parts_of(manifest, query))
    beside = out.with_name(f".{out.name}.{os.getpid()}.new")
    adding = Adding()
    try:
        sheet = _opened(beside, out.suffix.lower(), schema)
        try:
            for part, table in stream(manifest, query, progress):
                adding.add(part, table)
                if table.num_rows:
                    sheet.write(_in_schema(table, part, schema))
        finally:
            sheet.close()
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(out)
        sync_folder(out.parent)
    finally:
        beside.unlink(missing_ok=True)
    return adding.totals()


def united_schema(parts: Sequence[Part]) -> pa.Schema:
    """The columns of all parts; a field that is a number of two kinds is a decimal, one of other kinds a
    text.
    """
    kinds: dict[str, ColumnKind] = {}
    for part in parts:
        for name, kind in layout_of(part.schema):
            kinds[name] = kind if kinds.get(name, kind) == kind else _wider(kinds[name], kind)
        part.close()
    declared = [(f"data.{name}", _type_of(kind)) for name, kind in sorted(kinds.items())]
    return pa.schema([*ENVELOPE, *declared, *REST])


def _wider(one: ColumnKind, other: ColumnKind) -> ColumnKind:
    numbers = {ColumnKind.INTEGER, ColumnKind.DECIMAL}
    return ColumnKind.DECIMAL if {one, other} <= numbers else ColumnKind.STRING


def _type_of(kind: ColumnKind) -> pa.DataType:
    return TIME_TYPE if kind is ColumnKind.TIMESTAMP else ARROW_TYPES[kind]


def _in_schema(table: pa.Table, part: Part, schema: pa.Schema) -> pa.Table:
    table = table.cast(plain_schema(table.schema))
    count = table.num_rows
    columns = []
    for column in schema:
        stored = FIELD_PREFIX + column.name.removeprefix("data.")
        name = stored if column.name.startswith("data.") else column.name
        if name == "type":
            columns.append(pa.array([part.type] * count, pa.string()))
        elif name == "contract_version":
            columns.append(pa.array(np.full(count, part.contract_version, dtype=np.int32)))
        elif name not in table.column_names:
            columns.append(pa.nulls(count, column.type))
        else:
            columns.append(_as(table.column(name), column.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _as(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if column.type == wanted:
        return column
    if wanted == DECIMAL_TYPE and pa.types.is_int64(column.type):
        return pa.chunked_array(
            [pa.array([None if v is None else Decimal(v) for v in column.to_pylist()], wanted)]
        )
    return column.cast(wanted)


def _opened(path: Path, suffix: str, schema: pa.Schema) -> _Sheet:
    return _Parquet(path, schema) if suffix == ".parquet" else _Csv(path, schema)


class _Parquet:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()


class _Csv:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\r\n")
        self._writer.writerow([cell_text(name) for name in schema.names])

    def write(self, table: pa.Table) -> None:
        cells = [list(_cells(table.column(place))) for place in range(table.num_columns)]
        self._writer.writerows(zip(*cells, strict=True))

    def close(self) -> None:
        self._file.close()


def _cells(column: pa.ChunkedArray) -> Iterator[str]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        yield from _times(column)
    elif pa.types.is_boolean(kind):
        yield from ("" if value is None else "true" if value else "false" for value in column.to_pylist())
    elif pa.types.is_string(kind):
        yield from (cell_text(value or "") for value in column.to_pylist())
    else:
        yield from ("" if value is None else number_text(value) for value in column.to_pylist())


def _times(column: pa.ChunkedArray) -> Iterable[str]:
    micros = pc.cast(column, pa.int64()).to_pylist()
    return ("" if value is None else format_instant(Instant(value)) for value in micros)


def cell_text(text: str) -> str:
    """The text as a cell that no spreadsheet runs."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def number_text(value: int | Decimal) -> str:
    """Plain digits without needless zeros; a negative number keeps its sign, for it is a number."""
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text
