"""How kept bytes are read again: what an item's bytes alone do not say is written beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tieout.contract.event_contract import ContractBook
from tieout.contract.source import SourceFormat, SourceMapping
from tieout.contract.versions import Versions
from tieout.ingest.access_log import decode_line
from tieout.ingest.csv_framing import csv_records
from tieout.ingest.csv_rows import decode_row
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import UNKNOWN_SOURCE, Rejected
from tieout.kernel.canonical import JsonValue, canonical_json
from tieout.kernel.errors import Refusal
from tieout.kernel.instant import Instant


class MappingGone(Refusal):
    """Rows mean something only under their source's mapping, and the catalog has none in force."""

    code = "mapping-gone"

    def __init__(self, source: str | None) -> None:
        super().__init__(
            f"the catalog has no mapping in force of the source {source or 'of this row'}; apply one, or "
            "release the item with a corrected CloudEvent (--with)"
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """`source` is the key of the mapping of rows, or stands in where JSON items name no source. `header`
    holds the columns of a CSV file.
    """

    format: SourceFormat
    source: str | None
    header: tuple[str, ...] = ()


AS_JSON = Reading(SourceFormat.JSON, None)
"""A whole CloudEvent, as a person corrects one."""


def reading_text(reading: Reading) -> str:
    """Canonical JSON."""
    header: list[JsonValue] = [*reading.header]
    return canonical_json({"format": reading.format.value, "header": header, "source": reading.source})


def parse_reading(text: str) -> Reading:
    """Reads what `reading_text` wrote."""
    members = json.loads(text)
    return Reading(SourceFormat(members["format"]), members["source"], tuple(members["header"]))


def read_again(
    raw: bytes,
    reading: Reading,
    book: ContractBook,
    sources: Versions[SourceMapping],
    *,
    received_at: Instant,
    reason: Reason,
) -> Event | Rejected:
    """The event that kept bytes write under today's contracts and mappings, or why they write none.

    `reason`: why they were refused. A row without an id has the id "" until `identity` gives it one. Raises
    `MappingGone`.
    """
    if reading.format in (SourceFormat.NDJSON, SourceFormat.JSON):
        return decode_item(raw, book, received_at=received_at, default_source=reading.source)
    mapping = None if reading.source is None else sources.at(reading.source, received_at)
    if mapping is None or mapping.format is not reading.format:
        raise MappingGone(reading.source)
    if reading.format is SourceFormat.ACCESS_LOG:
        if reason is Reason.TRUNCATED:  # a line that was cut off may look like a whole one
            return Rejected(reason, None, "the line was cut off", mapping.key, None)
        return decode_line(raw, mapping, book, received_at=received_at)
    return _row(raw, reading, mapping, book, received_at)


def _row(
    raw: bytes, reading: Reading, mapping: SourceMapping, book: ContractBook, received_at: Instant
) -> Event | Rejected:
    header = ",".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in reading.header)
    records = csv_records([header.encode() + b"\n" + raw + b"\n"], mapping, file="the kept header")
    record = next(records, None)
    if record is None:
        return Rejected(Reason.ROW_MALFORMED, None, "the row is blank", mapping.key or UNKNOWN_SOURCE, None)
    if record.item.reason is not Reason.NONE:
        return record.item.rejected(mapping.key)
    return decode_row(record.columns, mapping, book, received_at=received_at)
