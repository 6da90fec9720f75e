"""Conditions of a meter as DuckDB expressions over typed columns, with the meaning they have over texts.

A canonical text stands for one value, so a condition compares values: a listed number that is not written
canonically equals no field's text and is dropped. No text is ever cast to a number by the engine, which would
accept `1e5` and `1_000`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa

from tieout.contract.predicate import ENVELOPE_FIELDS, Condition, Predicate
from tieout.kernel.quantity import MalformedQuantity, Quantity
from tieout.table.layout import FIELD_PREFIX

Bound = str | int | bool | Decimal | list[str]
NOTHING = "FALSE"


@dataclass(slots=True)
class Bindings:
    """Values bound to a statement by name, so that no text of a stranger becomes SQL."""

    values: dict[str, Bound] = field(default_factory=dict)

    def bind(self, value: Bound) -> str:
        """The placeholder that stands for `value`."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"


def predicate_sql(predicate: Predicate, schema: pa.Schema, bindings: Bindings) -> str:
    """TRUE or FALSE, never NULL: a conjunction of conditions over the columns that `schema` has."""
    conditions = [_condition_sql(condition, schema, bindings) for condition in predicate]
    return " AND ".join(conditions) if conditions else "TRUE"


def _condition_sql(condition: Condition, schema: pa.Schema, bindings: Bindings) -> str:
    column = condition.field if condition.field in ENVELOPE_FIELDS else FIELD_PREFIX + condition.field
    if column not in schema.names:
        return NOTHING
    type_ = schema.field(column).type
    listed = [text for value in condition.values if (text := _value_sql(value, type_, bindings))]
    quoted = f'"{column}"'
    found = f"coalesce({quoted} IN ({', '.join(listed)}), FALSE)" if listed else NOTHING
    return f"({quoted} IS NOT NULL AND NOT {found})" if condition.negated else found


def _value_sql(text: str, column: pa.DataType, bindings: Bindings) -> str | None:
    """The placeholder of a listed value, typed as the column; None if no value of the column reads so."""
    if pa.types.is_string(column):
        return f"CAST({bindings.bind(text)} AS VARCHAR)"
    if pa.types.is_boolean(column):
        return text.upper() if text in ("true", "false") else None
    number = _canonical_number(text)
    if number is None:
        return None
    if pa.types.is_decimal(column):
        return f"CAST({bindings.bind(Decimal(text))} AS DECIMAL(30, 12))"
    assert pa.types.is_int64(column), column
    return f"CAST({bindings.bind(int(text))} AS BIGINT)" if number.is_integer() else None


def _canonical_number(text: str) -> Quantity | None:
    try:
        number = Quantity.parse(text)
    except MalformedQuantity:
        return None
    return number if str(number) == text else None
