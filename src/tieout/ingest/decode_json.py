"""One CloudEvent in JSON, from bytes to a typed event or to the reason why not. This is the definition; the
column-wise path must agree with it on every item.

Order of the checks, the first that fails being the reason: JSON, object, source, id, specversion, content
type, type, subject, time, data, contract in force, how far off the time may lie, each declared field by name,
and what a retraction names.
"""

from __future__ import annotations

from tieout.contract.event_contract import ContractBook
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw, Rejected
from tieout.ingest.strict_json import read_json
from tieout.ingest.typed_event import JsonObject, remainder, typed_event
from tieout.ingest.validate import id_of, identifier, instant, kind_of, subject_of
from tieout.kernel.canonical import JsonValue
from tieout.kernel.instant import Instant
from tieout.kernel.limits import SOURCE_LENGTH_MAX, TYPE_LENGTH_MAX

SPECVERSION = "1.0"
ENVELOPE = frozenset({"specversion", "source", "id", "type", "subject", "time", "datacontenttype", "data"})
"""Members with a meaning of their own; every other one is kept as an attribute."""


def decode_item(
    raw: bytes, book: ContractBook, *, received_at: Instant, default_source: str | None
) -> Event | Rejected:
    """The event that `raw` writes, or the one reason why it is none. Never raises, whatever the bytes.

    `raw`: one JSON object as the JSON format of CloudEvents 1.0 has it (https://github.com/cloudevents/spec),
    at most ITEM_BYTES_MAX bytes of UTF-8. `specversion` may be absent; `id`, `type`, `subject` and `time` may
    not. `default_source` stands in where the item names no source. A null member is an absent one.
    """
    try:
        item = object_of(read_json(raw))
        source = source_of(item, default_source)
    except Flaw as flaw:
        return flaw.rejected()
    try:
        id = id_of(item.get("id"))
    except Flaw as flaw:
        return flaw.rejected(source)
    try:
        return event_of(item, source=source, id=id, book=book, received_at=received_at)
    except Flaw as flaw:
        return flaw.rejected(source, id)


def object_of(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise Flaw(Reason.NOT_AN_OBJECT, None, f"an object is wanted, not {kind_of(value)}")
    return value


def source_of(item: JsonObject, default_source: str | None) -> str:
    value = item.get("source")
    given = default_source if value is None else value
    return identifier(given, Reason.SOURCE_MALFORMED, "source", length_max=SOURCE_LENGTH_MAX)


def event_of(item: JsonObject, *, source: str, id: str, book: ContractBook, received_at: Instant) -> Event:
    """The rest of the checks, once it is known whose item it is. Raises `Flaw`."""
    check_envelope(item)
    return typed_event(
        source=source,
        id=id,
        event_type=identifier(item.get("type"), Reason.UNKNOWN_TYPE, "type", length_max=TYPE_LENGTH_MAX),
        subject=subject_of(item.get("subject")),
        time=time_of(item),
        data=data_of(item),
        attributes=remainder(item, ENVELOPE),
        book=book,
        received_at=received_at,
    )


def check_envelope(item: JsonObject) -> None:
    """CloudEvents 1.0 with JSON data, or silence about either."""
    version = item.get("specversion")
    if version is not None and version != SPECVERSION:
        raise Flaw(Reason.SPECVERSION, "specversion", f"{SPECVERSION} is wanted, not {kind_of(version)}")
    content_type = item.get("datacontenttype")
    if content_type is not None and not (isinstance(content_type, str) and is_json(content_type)):
        raise Flaw(Reason.CONTENT_TYPE, "datacontenttype", f"JSON is wanted, not {kind_of(content_type)}")
    if item.get("data_base64") is not None:
        raise Flaw(Reason.CONTENT_TYPE, "data_base64", "binary data cannot be held to a contract")


def is_json(content_type: str) -> bool:
    """`application/json`, `text/json` or any `+json` type; parameters such as charset do not matter."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def time_of(item: JsonObject) -> Instant:
    value = item.get("time")
    if value is None:
        raise Flaw(Reason.TIME_MISSING, "time", "missing")
    if not isinstance(value, str):
        raise Flaw(Reason.TIME_MALFORMED, "time", f"a text is wanted, not {kind_of(value)}")
    return instant(value, "time")


def data_of(item: JsonObject) -> JsonObject:
    data = item.get("data")
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise Flaw(Reason.FIELD_TYPE, "data", f"an object is wanted, not {kind_of(data)}")
    return data
