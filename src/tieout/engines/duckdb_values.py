"""Values of events as DuckDB expressions: a number as two whole numbers, any value as its canonical text.

Numbers may become texts here, never the other way: DuckDB would read `1e5` and `1_000` as numbers.
"""

from __future__ import annotations

import pyarrow as pa

from tieout.kernel.quantity import ATOMS_PER_UNIT
from tieout.table.layout import FIELD_PREFIX

NO_NUMBER = "CAST(NULL AS BIGINT)"
NO_TEXT = "CAST(NULL AS VARCHAR)"


def number_sql(field: str | None, schema: pa.Schema) -> tuple[str, str]:
    """The value's whole units and the atoms beyond them, both BIGINT and of its sign; NULL where absent."""
    column = _column(field, schema)
    if column is None:
        return NO_NUMBER, NO_NUMBER
    quoted = f'"{column}"'
    if pa.types.is_decimal(schema.field(column).type):
        rest = f"({quoted} - trunc({quoted})) * {ATOMS_PER_UNIT}"
        return f"CAST(trunc({quoted}) AS BIGINT)", f"CAST({rest} AS BIGINT)"
    assert pa.types.is_int64(schema.field(column).type), f"{column} is metered, and is no number"
    return quoted, f"CASE WHEN {quoted} IS NOT NULL THEN CAST(0 AS BIGINT) END"


def text_sql(field: str | None, schema: pa.Schema) -> str:
    """The canonical text without its type tag, VARCHAR; NULL where absent. Decimals lose their last zeros."""
    column = _column(field, schema)
    if column is None:
        return NO_TEXT
    text = f'CAST("{column}" AS VARCHAR)'
    if pa.types.is_decimal(schema.field(column).type):
        return f"rtrim(rtrim({text}, '0'), '.')"
    return text


def _column(field: str | None, schema: pa.Schema) -> str | None:
    column = None if field is None else FIELD_PREFIX + field
    return column if column in schema.names else None
