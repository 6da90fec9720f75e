"""The column layout of accepted events of one event type and contract version.

Nine columns name and date the event, one more per declared field (`f_` + field name; null = absent). Each
field column carries its kind as Arrow metadata, so that the canonical form can be recomputed from a segment
alone, without the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import pyarrow as pa

KIND_KEY = b"tieout.kind"
TYPE_KEY = b"tieout.type"
VERSION_KEY = b"tieout.contract_version"
FIELD_PREFIX = "f_"


class ColumnKind(StrEnum):
    """How a declared field is stored; the names are those of the event contract's field types."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    ENUM = "enum"


Layout = Sequence[tuple[str, ColumnKind]]
"""(field name, kind) in ascending order of name."""

DECIMAL_TYPE = pa.decimal128(30, 12)
ARROW_TYPES: Mapping[ColumnKind, pa.DataType] = {
    ColumnKind.STRING: pa.string(),
    ColumnKind.ENUM: pa.string(),
    ColumnKind.INTEGER: pa.int64(),
    ColumnKind.DECIMAL: DECIMAL_TYPE,
    ColumnKind.BOOLEAN: pa.bool_(),
    ColumnKind.TIMESTAMP: pa.int64(),
}

EVENT_COLUMNS: tuple[pa.Field, ...] = (
    pa.field("row", pa.int32(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("id", pa.string(), nullable=False),
    pa.field("subject", pa.string(), nullable=False),
    pa.field("time", pa.int64(), nullable=False),
    pa.field("lane_a", pa.uint64(), nullable=False),
    pa.field("lane_b", pa.uint64(), nullable=False),
    pa.field("extras", pa.string(), nullable=False),
    pa.field("attributes", pa.string(), nullable=False),
)
"""`row` is the received row in its batch; `time` microseconds since 1970 in UTC; the lanes are the first two
64-bit little-endian words of the content digest; `extras` the undeclared data members as canonical JSON."""

BATCH_COLUMN = pa.field("batch", pa.int64(), nullable=False)


def field_column(name: str, kind: ColumnKind) -> pa.Field:
    return pa.field(FIELD_PREFIX + name, ARROW_TYPES[kind], metadata={KIND_KEY: kind.value.encode()})


def body_schema(event_type: str, contract_version: int, layout: Layout) -> pa.Schema:
    """Columns of one batch's body: no batch number, since a body is encoded before its batch has one."""
    fields = [*EVENT_COLUMNS, *(field_column(name, kind) for name, kind in layout)]
    return pa.schema(fields, metadata=_metadata(event_type, contract_version))


def segment_schema(body: pa.Schema) -> pa.Schema:
    """Columns of a segment or of the log's tail: the batch number, then those of the body."""
    return pa.schema([BATCH_COLUMN, *body], metadata=body.metadata)


def layout_of(schema: pa.Schema) -> list[tuple[str, ColumnKind]]:
    """The declared fields that a body or segment schema says it holds, by ascending name."""
    pairs = [
        (column.name.removeprefix(FIELD_PREFIX), ColumnKind((column.metadata or {})[KIND_KEY].decode()))
        for column in schema
        if column.name.startswith(FIELD_PREFIX)
    ]
    return sorted(pairs)


def event_type_of(schema: pa.Schema) -> tuple[str, int]:
    """(event type, contract version) that a body or segment schema says it holds."""
    metadata = schema.metadata or {}
    return metadata[TYPE_KEY].decode(), int(metadata[VERSION_KEY])


def _metadata(event_type: str, contract_version: int) -> dict[bytes, bytes]:
    return {TYPE_KEY: event_type.encode(), VERSION_KEY: str(contract_version).encode()}


def is_text_field(column: pa.Field) -> bool:
    """Whether the column holds a declared text, plain or dictionary-encoded."""
    stored = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return column.name.startswith(FIELD_PREFIX) and bool(pa.types.is_string(stored))


def plain_schema(stored: pa.Schema) -> pa.Schema:
    """The schema with dictionary-encoded columns as plain ones."""
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in stored
    ]
    return pa.schema(fields, metadata=stored.metadata)


def plain(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array, dictionaries written out."""
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole
