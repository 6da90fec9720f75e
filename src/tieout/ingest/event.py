"""An event that keeps its contract, and the bytes that stand for its content.

Two writings of one usage fact (CSV or JSON, 1 or 1.0, any key order) have the same canonical bytes; that is
what tells a retry from a conflict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tieout.contract.event_contract import EventContract, FieldType
from tieout.kernel.canonical import canonical_event, tag_boolean, tag_number, tag_text, tag_time
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity

Value = str | int | bool | Quantity
"""STRING and ENUM: str. INTEGER: int. DECIMAL: Quantity. BOOLEAN: bool. TIMESTAMP: Instant (an int)."""


@dataclass(frozen=True, slots=True)
class Event:
    """One usage fact, typed by the contract version that was in force at its time.

    `id` is "" only between a row without an id of its own and `identity`, which gives it one. `fields` holds
    the declared fields that are present. `extras` is the canonical JSON object of the undeclared members of
    `data`, `attributes` that of the other CloudEvents attributes; each is "" when there are none. Extras are
    content; attributes (trace ids and such) may differ between retries: they are kept, but are not content.
    """

    source: str
    id: str
    type: EventType
    subject: Subject
    time: Instant
    contract_version: int
    fields: Mapping[str, Value]
    extras: str
    attributes: str


def tagged(event: Event, contract: EventContract) -> dict[str, str]:
    """The event's declared fields as the tagged texts of canonical form v1."""
    assert (contract.type, contract.version) == (event.type, event.contract_version), "another contract"
    return {
        field.name: tagged_value(event.fields[field.name], field.type)
        for field in contract.fields
        if field.name in event.fields
    }


def tagged_value(value: Value, field_type: FieldType) -> str:
    """The value with the tag of its declared type, which alone tells a timestamp from an integer."""
    match value:
        case bool():
            return tag_boolean(value)
        case str():
            return tag_text(value)
        case int() if field_type is FieldType.TIMESTAMP:
            return tag_time(Instant(value))
        case int() | Quantity():
            return tag_number(value)


def canonical_of(event: Event, contract: EventContract) -> bytes:
    """The bytes that are digested; see `kernel.canonical` for their form."""
    return canonical_event(event.type, event.subject, event.time, tagged(event, contract), event.extras)
