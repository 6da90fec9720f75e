"""Columns of lines of one layout, and the checks that prove each row fit to be accepted.

A row that a check cannot prove fit is only flagged; `decode_json` then decides and finds the reason. So
nothing here may be laxer than the definition, and it may be stricter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tieout.contract.event_contract import EventContract, Field, FieldType
from tieout.ingest.layout import body_schema_of
from tieout.ingest.line_layout import VARYING, LineLayout, LiteralPart, TextPart
from tieout.ingest.split import Split
from tieout.kernel.instant import DAY_MICROSECONDS, SECOND_MICROSECONDS, Instant
from tieout.kernel.limits import (
    FUTURE_SECONDS_MAX,
    ID_LENGTH_MAX,
    SOURCE_LENGTH_MAX,
    STRING_LENGTH_MAX,
    SUBJECT_LENGTH_MAX,
)
from tieout.kernel.quantity import Quantity
from tieout.table.layout import ARROW_TYPES, DECIMAL_TYPE, FIELD_PREFIX, ColumnKind

Flags = npt.NDArray[np.bool_]

QUOTED_INTEGER = r"-?[0-9]{1,18}"
QUOTED_DECIMAL = r"-?[0-9]{1,18}(\.[0-9]{1,12})?"
BARE_INTEGER = r"-?(0|[1-9][0-9]{0,17})"
BARE_DECIMAL = BARE_INTEGER + r"(\.[0-9]{1,12})?"
"""Bare numbers are JSON's: no leading zero."""
TIME_PATTERN = (
    r"\A(19[7-9][0-9]|20[0-9][0-9])-"
    r"((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])\z"
)
"""A subset of RFC 3339 that exists in every year; the rest (leap days, finer digits) is for the
definition.
"""
BEYOND_VISIBLE_ASCII = r"[^!-~]"
BEYOND_PRINTABLE_ASCII = r"[^ -~]"
VISIBLE_ASCII, PRINTABLE_ASCII = (ord("!"), ord("~")), (ord(" "), ord("~"))
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Checked:
    """A body table in the order of the split lines, lanes still zero, and its flags: True is not proven
    fit.
    """

    table: pa.Table
    flagged: Flags


def check(split: Split, layout: LineLayout, rows: npt.NDArray[np.int32], *, received_at: Instant) -> Checked:
    """`rows` are the received rows of the split lines."""
    contract = layout.contract
    flagged = np.zeros(len(rows), dtype=bool)
    envelope = {member: split.texts[TextPart(member, None)] for member in VARYING}
    times = _instants(envelope["time"].cast(pa.string()), flagged)
    _check_reach(times, contract, received_at, flagged)
    zeros = pa.array(np.zeros(len(rows), dtype=np.uint64))
    empty = pa.repeat(pa.scalar("", pa.string()), len(rows))
    columns = {
        "row": pa.array(rows),
        "source": _identifier(envelope["source"], SOURCE_LENGTH_MAX, flagged),
        "id": _identifier(envelope["id"], ID_LENGTH_MAX, flagged),
        "subject": _identifier(envelope["subject"], SUBJECT_LENGTH_MAX, flagged),
        "time": times,
        "lane_a": zeros,
        "lane_b": zeros,
        "extras": empty,
        "attributes": empty,
    }
    for part, column in split.texts.items():
        if part.field is not None:
            columns[FIELD_PREFIX + part.field.name] = _text_field(part.field, column, flagged)
    for literal, column in split.literals.items():
        columns[FIELD_PREFIX + literal.field.name] = _literal_field(literal, column, flagged)
    return Checked(_table(columns, contract, len(rows)), flagged)


def _table(columns: dict[str, pa.Array], contract: EventContract, count: int) -> pa.Table:
    """In the order of the schema; fields that the layout lacks are absent from every row."""
    schema = body_schema_of(contract)
    for place, field in enumerate(schema):
        if field.name not in columns:
            columns[field.name] = pa.nulls(count, field.type)
        schema = schema.set(place, field.with_type(columns[field.name].type))
    return pa.Table.from_arrays([columns[field.name] for field in schema], schema=schema)


def _identifier(column: pa.Array, length_max: int, flagged: Flags) -> pa.Array:
    """Visible ASCII, not empty, not too long; of a repeating text each is looked at once."""

    def unfit(texts: pa.Array) -> pa.Array:
        lengths = pc.binary_length(texts)
        wrong_length = pc.or_(pc.equal(lengths, 0), pc.greater(lengths, length_max))
        return pc.or_(wrong_length, _holding(texts, BEYOND_VISIBLE_ASCII, within=VISIBLE_ASCII))

    return _checked_text(column, unfit, flagged)


def _text_field(field: Field, column: pa.Array, flagged: Flags) -> pa.Array:
    match field.type:
        case FieldType.INTEGER | FieldType.DECIMAL:
            pattern = QUOTED_INTEGER if field.type is FieldType.INTEGER else QUOTED_DECIMAL
            return _numbers(field, column, rf"\A{pattern}\z", (0, 0), flagged)
        case FieldType.TIMESTAMP:
            return _instants(column.cast(pa.string()), flagged)
        case _:
            return _checked_text(column, lambda texts: _unfit_text(field, texts), flagged)


def _unfit_text(field: Field, texts: pa.Array) -> pa.Array:
    if field.type is FieldType.ENUM:
        return pc.invert(
            pc.is_in(texts, value_set=pa.array([value.encode() for value in field.values], pa.binary()))
        )
    bytes_max = STRING_LENGTH_MAX if field.length_max is None else min(field.length_max, STRING_LENGTH_MAX)
    return pc.or_(
        pc.greater(pc.binary_length(texts), bytes_max),
        _holding(texts, BEYOND_PRINTABLE_ASCII, within=PRINTABLE_ASCII),
    )


def _holding(texts: pa.Array, pattern: str, *, within: tuple[int, int]) -> pa.Array:
    """Which texts hold a character of `pattern`, which is any outside the range of bytes `within`.

    One look at all bytes at once mostly spares a regular expression for each text, at a hundredth of its
    cost.
    """
    content = texts.buffers()[2]
    if content is not None and content.size:
        octets = np.frombuffer(content, dtype=np.uint8)
        if octets.min() >= within[0] and octets.max() <= within[1]:
            return pa.array(np.zeros(len(texts), dtype=bool))
    return pc.match_substring_regex(texts, pattern)


def _checked_text(column: pa.Array, unfit: Callable[[pa.Array], pa.Array], flagged: Flags) -> pa.Array:
    if not pa.types.is_dictionary(column.type):
        flagged |= _flags(unfit(column))
        return column.cast(pa.string())
    wrong = _flags(unfit(column.dictionary))
    if wrong.any():
        flagged |= wrong[column.indices.to_numpy()]
    return pa.DictionaryArray.from_arrays(column.indices, column.dictionary.cast(pa.string()))


def _literal_field(part: LiteralPart, column: pa.Array, flagged: Flags) -> pa.Array:
    around = (len(part.before), len(part.after))
    if part.field.type is FieldType.BOOLEAN:
        values = _between(column, around)
        truth = pc.equal(values, b"true")
        flagged |= _flags(pc.invert(pc.or_(truth, pc.equal(values, b"false"))))
        flagged |= ~_stands_between(column, part)
        return truth
    pattern = BARE_INTEGER if part.field.type is FieldType.INTEGER else BARE_DECIMAL
    before, after = (_literally(text.decode()) for text in (part.before, part.after))
    return _numbers(part.field, column, rf"\A{before}{pattern}{after}\z", around, flagged)


def _stands_between(column: pa.Array, part: LiteralPart) -> Flags:
    return _flags(pc.and_(pc.starts_with(column, part.before), pc.ends_with(column, part.after)))


def _literally(text: str) -> str:
    """The text as a regular expression that matches just it."""
    return "".join(f"[{character}]" for character in text)


def _between(column: pa.Array, around: tuple[int, int]) -> pa.Array:
    if around == (0, 0):
        return column
    return pc.binary_slice(column, around[0], -around[1])


def _numbers(
    field: Field, column: pa.Array, pattern: str, around: tuple[int, int], flagged: Flags
) -> pa.Array:
    wrong = ~_flags(pc.match_substring_regex(column, pattern))
    digits = _between(column, around)
    if wrong.any():
        flagged |= wrong
        digits = pc.if_else(pa.array(wrong), b"0", digits)
    whole = field.type is FieldType.INTEGER
    numbers = digits.cast(pa.string()).cast(ARROW_TYPES[ColumnKind(field.type.value)])
    for bound, outside in ((field.minimum, pc.less), (field.maximum, pc.greater)):
        if bound is not None:
            flagged |= _flags(outside(numbers, _bound(bound, whole=whole)))
    return numbers


def _bound(bound: Quantity, *, whole: bool) -> pa.Scalar:
    """The bound as a decimal; integers are compared as decimals, since a bound may have a fraction."""
    if whole and bound.as_fraction().denominator == 1:
        return pa.scalar(int(bound.as_fraction()), pa.int64())
    return pa.scalar(Decimal(str(bound)), pa.decimal128(38, 12) if whole else DECIMAL_TYPE)


def _instants(texts: pa.Array, flagged: Flags) -> pa.Array:
    """UTC microseconds; what is not plainly a time is flagged and becomes 0."""
    wrong = ~_flags(pc.match_substring_regex(texts, TIME_PATTERN))
    if wrong.any():
        flagged |= wrong
        texts = pc.if_else(pa.array(wrong), EPOCH, texts)
    return texts.cast(pa.timestamp("us", "UTC")).view(pa.int64())


def _check_reach(times: pa.Array, contract: EventContract, received_at: Instant, flagged: Flags) -> None:
    micros = times.to_numpy()
    flagged |= micros > received_at + FUTURE_SECONDS_MAX * SECOND_MICROSECONDS
    flagged |= micros < contract.effective_from
    if contract.reach_days_max is not None:
        flagged |= micros < received_at - contract.reach_days_max * DAY_MICROSECONDS


def _flags(column: pa.Array) -> Flags:
    flags: Flags = column.to_numpy(zero_copy_only=False)
    return flags
