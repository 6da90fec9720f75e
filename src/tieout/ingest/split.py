"""Takes lines of one layout apart at their quotes, as columns, and proves that nothing was lost on the way.

Arrow's CSV reader does the splitting, with the quote as its separator. The proof: the columns, written out
again by the layout, are byte for byte the line. So every key, comma and brace is where the layout has it,
each key occurs once, and all that is left to check are the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from tieout.contract.event_contract import FieldType
from tieout.ingest.line_layout import LineLayout, LiteralPart, Part, TextPart

BYTES = pa.binary()
REPEATING = pa.dictionary(pa.int32(), BYTES)


@dataclass(frozen=True, slots=True)
class Split:
    """Columns of the lines that fit the layout: `texts` by envelope member or field, as bytes without quotes,
    and `literals` by field with what stands around them. `lines`: their indices among the lines given,
    ascending.
    """

    lines: npt.NDArray[np.int64]
    texts: Mapping[TextPart, pa.Array]
    literals: Mapping[LiteralPart, pa.Array]


def split(buffer: bytes, count: int, layout: LineLayout) -> Split:
    """Takes `count` lines apart, each ended by a newline. None of them is blank or holds a carriage
    return.
    """
    misfits: list[int] = []
    table = _read(buffer, layout, misfits)
    lines = np.arange(count)
    if misfits:
        lines = np.delete(lines, np.asarray(misfits) - 1)
    assert table.num_rows == len(lines), "every line is a row or a misfit"
    columns = {place: table.column(_name(place)).combine_chunks() for place in _varying(layout)}
    if misfits or not _writes_out_as(buffer, layout.parts, columns):
        fits = _fitting(buffer, lines, layout.parts, columns)
        lines = lines[fits]
        columns = {place: column.filter(pa.array(fits)) for place, column in columns.items()}
    by_part = {layout.parts[place]: column for place, column in columns.items()}
    return Split(
        lines,
        {part: column for part, column in by_part.items() if isinstance(part, TextPart)},
        {part: column for part, column in by_part.items() if isinstance(part, LiteralPart)},
    )


def _read(buffer: bytes, layout: LineLayout, misfits: list[int]) -> pa.Table:
    def skip(row: csv.InvalidRow) -> str:
        misfits.append(row.number)
        return "skip"

    wanted = {_name(place): _column_type(layout.parts[place]) for place in _varying(layout)}
    return csv.read_csv(
        pa.BufferReader(buffer),
        read_options=csv.ReadOptions(
            column_names=[_name(place) for place in range(len(layout.parts))],
            use_threads=False,
            block_size=len(buffer) + 1,
        ),
        parse_options=csv.ParseOptions(
            delimiter='"',
            quote_char=False,
            double_quote=False,
            escape_char=False,
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        convert_options=csv.ConvertOptions(
            column_types=wanted,
            include_columns=list(wanted),
            check_utf8=False,
            strings_can_be_null=False,
        ),
    )


def _writes_out_as(buffer: bytes, parts: Sequence[Part], columns: Mapping[int, pa.Array]) -> bool:
    written = _written(parts, columns)
    content = written.buffers()[2]
    return content is not None and content.slice(0, written.total_values_length).equals(pa.py_buffer(buffer))


def _fitting(
    buffer: bytes, lines: npt.NDArray[np.int64], parts: Sequence[Part], columns: Mapping[int, pa.Array]
) -> npt.NDArray[np.bool_]:
    """For each row whether it is written out as the line it came from."""
    given = pa.array([line + b"\n" for line in buffer.split(b"\n")[:-1]], BYTES).take(pa.array(lines))
    return np.asarray(pc.equal(_written(parts, columns), given))


def _written(parts: Sequence[Part], columns: Mapping[int, pa.Array]) -> pa.Array:
    """Each row as a line again: the constant bytes of the layout, and the values between them."""
    pieces: list[pa.Array | pa.Scalar] = []
    constant = b""
    for place, part in enumerate(parts):
        if place:
            constant += b'"'
        if isinstance(part, bytes):
            constant += part
            continue
        column = columns[place]
        pieces += [pa.scalar(constant, BYTES), _plain(column)]
        constant = b""
    return pc.binary_join_element_wise(*pieces, pa.scalar(constant + b"\n", BYTES), pa.scalar(b"", BYTES))


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _varying(layout: LineLayout) -> list[int]:
    return [place for place, part in enumerate(layout.parts) if not isinstance(part, bytes)]


def _column_type(part: Part) -> pa.DataType:
    """Sources, subjects and texts mostly repeat; ids, times and numbers do not."""
    if isinstance(part, TextPart):
        field = part.field
        repeats = part.member in ("source", "subject") if field is None else field.type in TEXT_TYPES
        return REPEATING if repeats else BYTES
    return BYTES


TEXT_TYPES = (FieldType.STRING, FieldType.ENUM)


def _name(place: int) -> str:
    return f"part_{place}"
