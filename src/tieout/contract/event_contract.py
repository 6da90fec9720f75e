"""The versioned promise about one event type. An event is held to the version in force at the event's own
time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tieout.contract.retraction import (
    APPROVED_BY,
    BY,
    PERSON_BYTES_MAX,
    REASON,
    REASON_BYTES_MAX,
    REPLACED_BY,
    RETRACTION_TYPE,
    TARGET_ID,
    is_built_in,
)
from tieout.kernel.ids import EventType
from tieout.kernel.instant import Instant
from tieout.kernel.limits import ID_LENGTH_MAX
from tieout.kernel.quantity import Quantity


class FieldType(StrEnum):
    """The six types a member of an event's data may have."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    ENUM = "enum"

    @property
    def numeric(self) -> bool:
        """Whether values are quantities, so that they can be summed and bounded."""
        return self in (FieldType.INTEGER, FieldType.DECIMAL)


class Use(StrEnum):
    """Why a field is there: BILLING fields must be present in every event, CONTEXT fields may be absent."""

    BILLING = "billing"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class Field:
    """One declared member. `minimum` and `maximum` are inclusive and numeric only; `length_max` counts UTF-8
    bytes and is for strings only; `values` is for enums only, in the order they were written."""

    name: str
    type: FieldType
    use: Use
    minimum: Quantity | None = None
    maximum: Quantity | None = None
    length_max: int | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A whole CloudEvent as JSON text. An invalid one names the reason code for which it must be refused."""

    valid: bool
    event: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class EventContract:
    """`fields` are sorted by name; `reach_days_max` bounds how far before its arrival an event may lie
    (None: no bound)."""

    type: EventType
    version: int
    effective_from: Instant
    description: str
    reach_days_max: int | None
    fields: tuple[Field, ...]
    examples: tuple[Example, ...]
    digest: str

    @property
    def key(self) -> str:
        """The type; every record of a catalog answers to `key`."""
        return self.type

    def field(self, name: str) -> Field | None:
        """The declared field of that name."""
        return next((field for field in self.fields if field.name == name), None)


def _text(name: str, use: Use, bytes_max: int) -> Field:
    return Field(name, FieldType.STRING, use, length_max=bytes_max)


RETRACTION = EventContract(
    type=RETRACTION_TYPE,
    version=1,
    effective_from=Instant(0),
    description="Takes back the event of the same source whose id is target_id.",
    reach_days_max=None,
    fields=(
        _text(APPROVED_BY, Use.CONTEXT, PERSON_BYTES_MAX),
        _text(BY, Use.CONTEXT, PERSON_BYTES_MAX),
        _text(REASON, Use.BILLING, REASON_BYTES_MAX),
        _text(REPLACED_BY, Use.CONTEXT, ID_LENGTH_MAX),
        _text(TARGET_ID, Use.BILLING, ID_LENGTH_MAX),
    ),
    examples=(),
    digest="9aef47f9587152124183e3c8327ac92f0620d920c954d6e384875a97b4119a31",
)
"""Built in. A test holds the digest to its canonical text: whoever changes a field makes a new version."""


class ContractBook:
    """All contract versions of a catalog, found by event type and time, with the built-in ones."""

    __slots__ = ("_by_type", "_starts")

    def __init__(self, contracts: Iterable[EventContract]) -> None:
        by_type: dict[EventType, list[EventContract]] = {}
        declared = (contract for contract in contracts if not is_built_in(contract.type))
        for contract in (RETRACTION, *declared):
            by_type.setdefault(contract.type, []).append(contract)
        self._by_type: Mapping[EventType, tuple[EventContract, ...]] = {
            event_type: tuple(sorted(versions, key=lambda contract: contract.version))
            for event_type, versions in sorted(by_type.items())
        }
        self._starts = {
            event_type: [contract.effective_from for contract in versions]
            for event_type, versions in self._by_type.items()
        }

    @property
    def types(self) -> tuple[EventType, ...]:
        """Every type, built-in ones included, sorted."""
        return tuple(self._by_type)

    def find(self, event_type: str, time: Instant) -> EventContract | None:
        """The version in force at the event's time; None for an unknown type or a time before the first
        version."""
        key = EventType(event_type)
        if key not in self._by_type:
            return None
        place = bisect_right(self._starts[key], time)
        return self._by_type[key][place - 1] if place else None

    def get(self, event_type: str, version: int) -> EventContract | None:
        """Exactly that version."""
        return next((contract for contract in self.versions(event_type) if contract.version == version), None)

    def versions(self, event_type: str) -> tuple[EventContract, ...]:
        """All versions of a type in order; empty for an unknown type."""
        return self._by_type.get(EventType(event_type), ())
