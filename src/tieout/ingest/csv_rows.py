"""One row, its cells named by column, through a source mapping to an event that keeps its contract.

Cells are texts; they mean what the same texts mean in JSON (`validate`), and an empty cell is an absent
value.
"""

from __future__ import annotations

from collections.abc import Mapping

from tieout.contract.event_contract import ContractBook
from tieout.contract.source import FieldSource, SourceFormat, SourceMapping
from tieout.ingest.event import Event
from tieout.ingest.local_time import read_time
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw, Rejected
from tieout.ingest.strict_json import check_text
from tieout.ingest.typed_event import JsonObject, typed_event
from tieout.ingest.validate import id_of, subject_of
from tieout.kernel.instant import Instant

ACCESS_LOG_LAYOUT = "%d/%b/%Y:%H:%M:%S %z"
"""How Apache (%t) and nginx ($time_local) write the time, where the mapping does not say otherwise."""


def decode_row(
    columns: Mapping[str, str], mapping: SourceMapping, book: ContractBook, *, received_at: Instant
) -> Event | Rejected:
    """The event that a row writes, or the one reason why it is none.

    `columns`: the row's cells by column name. Where the mapping has no id, the event's id is "" until
    `identity` gives it one. Columns that the mapping does not name are not part of the event.
    """
    assert mapping.event_type is not None, "a mapping of rows names its event type"
    try:
        id = "" if mapping.id is None else id_of(cell(columns, mapping.id))
    except Flaw as flaw:
        return flaw.rejected(mapping.key)
    try:
        return typed_event(
            source=mapping.key,
            id=id,
            event_type=mapping.event_type,
            subject=subject_of(cell(columns, mapping.subject)),
            time=time_of(columns, mapping),
            data=data_of(columns, mapping),
            attributes="",
            book=book,
            received_at=received_at,
        )
    except Flaw as flaw:
        return flaw.rejected(mapping.key, id or None)


def cell(columns: Mapping[str, str], source: FieldSource) -> str | None:
    """The text for one attribute or field: replaced in order, then prefixed; None where empty."""
    if source.column is None:
        return source.constant
    text = columns.get(source.column, "")
    for old, new in source.replace:
        text = text.replace(old, new)
    return source.prefix + text if text else None


def time_of(columns: Mapping[str, str], mapping: SourceMapping) -> Instant:
    source = mapping.time
    text = columns.get(source.column, "")
    if not text:
        raise Flaw(Reason.TIME_MISSING, "time", f"column {source.column} is empty")
    layout = source.layout
    if layout is None and mapping.format is SourceFormat.ACCESS_LOG:
        layout = ACCESS_LOG_LAYOUT
    return read_time(text, layout=layout, zone_name=source.zone)


def data_of(columns: Mapping[str, str], mapping: SourceMapping) -> JsonObject:
    data: JsonObject = {}
    for name, source in mapping.fields:
        text = cell(columns, source)
        if text is not None:
            check_text(text, f"data.{name}")
            data[name] = text
    return data
