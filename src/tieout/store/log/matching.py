"""Which rows of a table of events a query means, by the columns that it asks for and no others."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tieout.kernel.instant import Instant, MalformedInstant, parse_instant
from tieout.kernel.quantity import MalformedQuantity, Quantity
from tieout.ports.review import AttributeFilter, EventQuery
from tieout.table.layout import DECIMAL_TYPE, FIELD_PREFIX, ColumnKind, layout_of

Mask = npt.NDArray[np.bool_]
INTEGER_MAX = 2**63


def columns_asked(query: EventQuery, schema: pa.Schema) -> list[str]:
    """The columns that decide; batch and row are always among them."""
    wanted = {"batch", "row"}
    if query.source is not None or query.sources is not None:
        wanted.add("source")
    if query.subject is not None or query.spans is not None:
        wanted.add("subject")
    if query.spans is not None or query.time_from is not None or query.time_until is not None:
        wanted.add("time")
    for attribute in query.attributes:
        wanted |= {FIELD_PREFIX + attribute.name, "extras", "attributes"}
    return [name for name in schema.names if name in wanted]


def matching(table: pa.Table, query: EventQuery, schema: pa.Schema) -> Mask:
    """Row by row; `schema` is that of the whole part, with its kinds."""
    mask: Mask = np.ones(table.num_rows, dtype=np.bool_)
    if query.watermark is not None:
        mask &= table.column("batch").to_numpy() <= query.watermark
    if query.positions is not None:
        mask &= _at_positions(table, query)
    if query.source is not None:
        mask &= _true(pc.equal(table.column("source"), query.source))
    if query.sources is not None:
        own = pa.array(sorted(query.sources), pa.string())
        mask &= _true(pc.is_in(table.column("source"), value_set=own))
    if query.subject is not None:
        mask &= _true(pc.equal(table.column("subject"), query.subject))
    if query.time_from is not None:
        mask &= table.column("time").to_numpy() >= query.time_from
    if query.time_until is not None:
        mask &= table.column("time").to_numpy() < query.time_until
    if query.spans is not None:
        mask &= _in_spans(table, query)
    kinds = dict(layout_of(schema))
    for attribute in query.attributes:
        mask &= _has(table, attribute, kinds.get(attribute.name))
    return mask


def _at_positions(table: pa.Table, query: EventQuery) -> Mask:
    assert query.positions is not None, "the caller looked"
    wanted = np.array([p.batch << 32 | p.row for p in query.positions], dtype=np.uint64)
    batch = table.column("batch").to_numpy().astype(np.uint64)
    return np.isin((batch << np.uint64(32)) | table.column("row").to_numpy().astype(np.uint64), wanted)


def _in_spans(table: pa.Table, query: EventQuery) -> Mask:
    assert query.spans is not None, "the caller looked"
    mask: Mask = np.zeros(table.num_rows, dtype=np.bool_)
    encoded = table.column("subject").combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    time = table.column("time").to_numpy()
    for code, subject in enumerate(encoded.dictionary.to_pylist()):
        periods = query.spans.get(subject)
        if periods is None:
            continue
        own = np.flatnonzero(codes == code)
        for period in periods:
            mask[own[(time[own] >= period.start) & (time[own] < period.end)]] = True
    return mask


def _has(table: pa.Table, wanted: AttributeFilter, kind: ColumnKind | None) -> Mask:
    mask = _member_is(table.column("extras"), wanted) | _member_is(table.column("attributes"), wanted)
    if kind is not None:
        value = _typed(wanted.value, kind)
        if value is not None:
            mask |= _true(pc.equal(table.column(FIELD_PREFIX + wanted.name), value))
    return mask


def _typed(text: str, kind: ColumnKind) -> pa.Scalar | None:
    """The text as a value of the column; None where no value of the column is written so."""
    try:
        match kind:
            case ColumnKind.STRING | ColumnKind.ENUM:
                return pa.scalar(text, pa.string())
            case ColumnKind.BOOLEAN:
                return pa.scalar(text == "true") if text in ("true", "false") else None
            case ColumnKind.TIMESTAMP:
                return pa.scalar(int(parse_instant(text)), pa.int64())
            case ColumnKind.INTEGER:
                units = int(Quantity.parse_integer(text).as_fraction())
                return pa.scalar(units, pa.int64()) if abs(units) < INTEGER_MAX else None
            case ColumnKind.DECIMAL:
                return pa.scalar(Decimal(str(Quantity.parse(text))), DECIMAL_TYPE)
    except (MalformedQuantity, MalformedInstant):
        return None


def _member_is(column: pa.ChunkedArray, wanted: AttributeFilter) -> Mask:
    """Rows whose JSON object has this member with this value. Only those that hold the name are read."""
    mask: Mask = np.zeros(len(column), dtype=np.bool_)
    key = json.dumps(wanted.name, ensure_ascii=False) + ":"
    for place in np.flatnonzero(_true(pc.match_substring(column, key))):
        members = json.loads(column[int(place)].as_py(), parse_int=_Number, parse_float=_Number)
        mask[place] = _is(members.get(wanted.name), wanted.value)
    return mask


class _Number(str):
    """A number as the JSON text writes it."""


def _is(value: object, text: str) -> bool:
    match value:
        case bool():
            return text == ("true" if value else "false")
        case _Number():
            try:
                return Quantity.parse(value) == Quantity.parse(text)
            except MalformedQuantity:
                return value == text
        case str():
            return value == text
        case _:
            return False


def _true(answers: pa.ChunkedArray) -> Mask:
    """As numpy; what is unknown is not so."""
    known = pc.fill_null(answers, False)
    found: Mask = (
        known.to_numpy() if isinstance(known, pa.ChunkedArray) else known.to_numpy(zero_copy_only=False)
    )
    return found


def overlaps(low: object, high: object, start: Instant | None, until: Instant | None) -> bool:
    """Whether statistics `[low, high]` of a time column meet `[start, until)`; unknown ones may."""
    if not isinstance(low, int) or not isinstance(high, int):
        return True
    return (start is None or high >= start) and (until is None or low < until)
