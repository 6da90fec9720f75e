"""Columns of one event type, collected from decoded lines, and the checks that prove each row fit to be accepted.

A row that a check cannot prove fit is only flagged; `decode_json` then decides and finds the reason. So nothing
here may be laxer than the definition, and it may be stricter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tieout.contract.event_contract import EventContract, Field, FieldType, Use
from tieout.ingest.layout import body_schema_of
from tieout.ingest.shape import JSON_CONTENT_TYPE, Shape
from tieout.ingest.validate import DAY_MICROSECONDS, SECOND_MICROSECONDS
from tieout.kernel.instant import Instant
from tieout.kernel.limits import (
    FUTURE_SECONDS_MAX,
    ID_LENGTH_MAX,
    SOURCE_LENGTH_MAX,
    STRING_LENGTH_MAX,
    SUBJECT_LENGTH_MAX,
)
from tieout.kernel.quantity import Quantity
from tieout.table.layout import DECIMAL_TYPE

Flags = npt.NDArray[np.bool_]

ENVELOPE_QUOTES = 2 * (7 + 6)
"""Seven keys (specversion, id, source, type, subject, time, data) and six text values, two quotes each."""
CONTENT_TYPE_QUOTES = 4
INTEGER_PATTERN = r"\A-?[0-9]{1,18}\z"
DECIMAL_PATTERN = r"\A-?[0-9]{1,18}(\.[0-9]{1,12})?\z"
TIME_PATTERN = (
    r"\A(19[7-9][0-9]|20[0-9][0-9])-"
    r"((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])\z"
)
"""A subset of RFC 3339 that exists in every year; the rest (leap days, finer digits) is for the definition."""
DAMAGE_PATTERN = r"[^!-~]"


@dataclass(slots=True)
class Collected:
    """Decoded lines of one shape, column by column; `lines` are their indices in the block."""

    shape: Shape
    lines: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    specversions: set[str] = field(default_factory=set)
    content_types: list[str | msgspec.UnsetType] = field(default_factory=list)
    members: list[list[object]] = field(default_factory=list)
    other_versions: bool = False

    def __post_init__(self) -> None:
        self.members = [[] for _ in self.shape.members]

    def add(self, decoded: Sequence[msgspec.Struct], lines: Sequence[int]) -> None:
        """Appends the values of `decoded`, all of this shape's structure."""
        self.lines += lines
        self.ids += [item.id for item in decoded]  # type: ignore[attr-defined] # structures are made at run time
        self.sources += [item.source for item in decoded]  # type: ignore[attr-defined]
        self.subjects += [item.subject for item in decoded]  # type: ignore[attr-defined]
        self.times += [item.time for item in decoded]  # type: ignore[attr-defined]
        self.specversions.update([item.specversion for item in decoded])  # type: ignore[attr-defined]
        self.content_types += [item.datacontenttype for item in decoded]  # type: ignore[attr-defined]
        data = [item.data for item in decoded]  # type: ignore[attr-defined]
        for column, (member, attribute) in zip(self.members, self.shape.members, strict=True):
            values = [*map(attrgetter(attribute), data)]
            if member.use is Use.CONTEXT and msgspec.UNSET in values:
                column += [_present(value) for value in values]
            else:
                column += map(bytes, values) if member.type.numeric else values  # type: ignore[call-overload]


def _present(value: object) -> object:
    if value is msgspec.UNSET:
        return None
    return bytes(value) if isinstance(value, msgspec.Raw) else value


@dataclass(frozen=True, slots=True)
class Checked:
    """A body table without rows or lanes yet known, its flags (True: not proven fit) and the quotes its lines
    must have if no key occurs twice."""

    table: pa.Table
    flagged: Flags
    quotes: npt.NDArray[np.int64]


def check(collected: Collected, *, received_at: Instant) -> Checked:
    """The columns as a body table in the order of `collected.lines`, with every row that is not proven fit flagged."""
    contract = collected.shape.contract
    count = len(collected.lines)
    flagged = np.zeros(count, dtype=bool)
    if collected.specversions != {"1.0"}:
        flagged[:] = True
    quotes = np.full(count, ENVELOPE_QUOTES, dtype=np.int64)
    _check_content_types(collected.content_types, flagged, quotes)
    sources = _identifier(collected.sources, SOURCE_LENGTH_MAX, flagged)
    ids = _identifier(collected.ids, ID_LENGTH_MAX, flagged)
    subjects = _identifier(collected.subjects, SUBJECT_LENGTH_MAX, flagged)
    times = _instants(pa.array(collected.times, pa.string()), flagged)
    _check_reach(times, contract, received_at, flagged)
    fields = [
        _field_column(member, values, flagged, quotes)
        for (member, _), values in zip(collected.shape.members, collected.members, strict=True)
    ]
    zeros = pa.array(np.zeros(count, dtype=np.uint64))
    empty = pa.repeat(pa.scalar("", pa.string()), count)
    rows = pa.array(np.asarray(collected.lines, dtype=np.int32))
    columns = [rows, sources, ids, subjects, times, zeros, zeros, empty, empty, *fields]
    return Checked(pa.Table.from_arrays(columns, schema=body_schema_of(contract)), flagged, quotes)


def _check_content_types(
    values: Sequence[str | msgspec.UnsetType], flagged: Flags, quotes: npt.NDArray[np.int64]
) -> None:
    if values.count(msgspec.UNSET) == len(values):
        return
    for index, value in enumerate(values):
        if value == JSON_CONTENT_TYPE:
            quotes[index] += CONTENT_TYPE_QUOTES
        elif value is not msgspec.UNSET:
            flagged[index] = True


def _identifier(values: list[str], length_max: int, flagged: Flags) -> pa.Array:
    column = pa.array(values, pa.string())
    lengths = pc.binary_length(column).to_numpy()
    flagged |= (lengths == 0) | (lengths > length_max)
    flagged |= _matches(column, DAMAGE_PATTERN)
    return column


def _instants(texts: pa.Array, flagged: Flags) -> pa.Array:
    """UTC microseconds; null stays null, and what is not plainly a time is flagged and becomes 0."""
    wrong = ~_matches(texts, TIME_PATTERN, null=True)
    if wrong.any():
        flagged |= wrong
        texts = pc.if_else(pa.array(wrong), "1970-01-01T00:00:00Z", texts)
    return texts.cast(pa.timestamp("us", "UTC")).view(pa.int64())


def _check_reach(times: pa.Array, contract: EventContract, received_at: Instant, flagged: Flags) -> None:
    micros = times.to_numpy()
    flagged |= micros > received_at + FUTURE_SECONDS_MAX * SECOND_MICROSECONDS
    flagged |= micros < contract.effective_from
    if contract.reach_days_max is not None:
        flagged |= micros < received_at - contract.reach_days_max * DAY_MICROSECONDS


def _field_column(
    member: Field, values: list[object], flagged: Flags, quotes: npt.NDArray[np.int64]
) -> pa.Array:
    match member.type:
        case FieldType.INTEGER | FieldType.DECIMAL:
            column = _numbers(member, values, flagged, quotes)
        case FieldType.BOOLEAN:
            column = pa.array(values, pa.bool_())
        case FieldType.TIMESTAMP:
            texts = pa.array(values, pa.string())
            column = _instants(texts, flagged)
            quotes += 2
        case FieldType.STRING | FieldType.ENUM:
            column = _texts(member, values, flagged)
            quotes += 2
    quotes += 2
    if column.null_count and member.type is not FieldType.BOOLEAN:
        absent = column.is_null().to_numpy(zero_copy_only=False)
        quotes -= np.where(absent, 2 if member.type.numeric else 4, 0)
    elif column.null_count:
        quotes -= np.where(column.is_null().to_numpy(zero_copy_only=False), 2, 0)
    return column


def _numbers(
    member: Field, values: list[object], flagged: Flags, quotes: npt.NDArray[np.int64]
) -> pa.Array:
    raw = pa.array(values, pa.binary())
    written = raw.cast(pa.string(), safe=False)
    quoted = pc.fill_null(pc.starts_with(written, '"'), False).to_numpy(zero_copy_only=False)
    if quoted.any():
        quotes += np.where(quoted, 2, 0)
        written = pc.ascii_trim(written, '"')
    whole = member.type is FieldType.INTEGER
    wrong = ~_matches(written, INTEGER_PATTERN if whole else DECIMAL_PATTERN, null=True)
    if wrong.any():
        flagged |= wrong
        written = pc.if_else(pa.array(wrong), "0", written)
    column = written.cast(pa.int64() if whole else DECIMAL_TYPE)
    for bound, outside in ((member.minimum, pc.less), (member.maximum, pc.greater)):
        if bound is not None:
            flagged |= _true(outside(column, _bound(bound, whole=whole)))
    return column


def _bound(bound: Quantity, *, whole: bool) -> pa.Scalar:
    """The bound as a decimal that both 18 integer digits and 12 fractional ones fit; integers compare as decimals."""
    return pa.scalar(Decimal(str(bound)), pa.decimal128(38, 12) if whole else DECIMAL_TYPE)


def _texts(member: Field, values: list[object], flagged: Flags) -> pa.Array:
    column = pa.array(values, pa.string())
    if member.type is FieldType.ENUM:
        known = pa.array(member.values, pa.string())
        flagged |= ~_true(pc.is_in(column, value_set=known)) & _true(column.is_valid())
        return column
    bytes_max = STRING_LENGTH_MAX if member.length_max is None else min(member.length_max, STRING_LENGTH_MAX)
    flagged |= _true(pc.greater(pc.binary_length(column), bytes_max))
    return column


def _matches(column: pa.Array, pattern: str, *, null: bool = False) -> Flags:
    return _true(pc.match_substring_regex(column, pattern), null=null)


def _true(column: pa.Array, *, null: bool = False) -> Flags:
    filled = pc.fill_null(column, null) if column.null_count else column
    flags: Flags = filled.to_numpy(zero_copy_only=False)
    return flags
