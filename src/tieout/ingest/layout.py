"""Events as columns: the table layout of a contract, and typed events written into it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tieout.contract.event_contract import EventContract
from tieout.ingest.event import Event, Value
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity
from tieout.table.layout import ARROW_TYPES, FIELD_PREFIX, ColumnKind, Layout, body_schema


def layout_of_contract(contract: EventContract) -> Layout:
    return [(field.name, ColumnKind(field.type.value)) for field in contract.fields]


def body_schema_of(contract: EventContract) -> pa.Schema:
    return body_schema(contract.type, contract.version, layout_of_contract(contract))


def events_table(events: Sequence[Event], rows: Sequence[int], contract: EventContract) -> pa.Table:
    """Events of one contract version as a body table whose lanes are still zero; `rows` are their received
    rows.
    """
    lanes = np.zeros(len(events), dtype=np.uint64)
    columns: list[pa.Array] = [
        pa.array(rows, pa.int32()),
        pa.array([event.source for event in events], pa.string()),
        pa.array([event.id for event in events], pa.string()),
        pa.array([event.subject for event in events], pa.string()),
        pa.array([event.time for event in events], pa.int64()),
        pa.array(lanes),
        pa.array(lanes),
        pa.array([event.extras for event in events], pa.string()),
        pa.array([event.attributes for event in events], pa.string()),
    ]
    for name, kind in layout_of_contract(contract):
        values = [_arrow_value(event.fields.get(name)) for event in events]
        columns.append(pa.array(values, ARROW_TYPES[kind]))
    return pa.Table.from_arrays(columns, schema=body_schema_of(contract))


def with_lanes(table: pa.Table, lanes: npt.NDArray[np.uint64]) -> pa.Table:
    """The table with the first two words of each row's content digest in its lane columns."""
    for index, name in enumerate(("lane_a", "lane_b")):
        place = table.schema.get_field_index(name)
        column = pa.array(np.ascontiguousarray(lanes[:, index]))
        table = table.set_column(place, table.schema.field(place), column)
    return table


def event_of_row(row: dict[str, object], contract_version: int, event_type: str, layout: Layout) -> Event:
    """The event that one row of a body or segment holds (its columns by name)."""
    fields = {
        name: value for name, kind in layout if (value := _value(row[FIELD_PREFIX + name], kind)) is not None
    }
    return Event(
        source=str(row["source"]),
        id=str(row["id"]),
        type=EventType(event_type),
        subject=Subject(str(row["subject"])),
        time=Instant(_integer(row["time"])),
        contract_version=contract_version,
        fields=fields,
        extras=str(row["extras"]),
        attributes=str(row["attributes"]),
    )


def _arrow_value(value: Value | None) -> str | int | bool | Decimal | None:
    return Decimal(str(value)) if isinstance(value, Quantity) else value


def _value(stored: object, kind: ColumnKind) -> Value | None:
    if stored is None:
        return None
    if kind is ColumnKind.DECIMAL:
        assert isinstance(stored, Decimal)
        return Quantity.parse(format(stored, "f"))
    assert isinstance(stored, str | int)
    return Instant(stored) if kind is ColumnKind.TIMESTAMP and isinstance(stored, int) else stored


def _integer(stored: object) -> int:
    assert isinstance(stored, int)
    return stored
