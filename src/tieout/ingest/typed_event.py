"""The checks that every event passes, whatever file it came in, once its parts could be read.

JSON and rows meet here, so that one fact is held to one contract and gets one content.
"""

from __future__ import annotations

from tieout.contract.event_contract import ContractBook, EventContract
from tieout.contract.retraction import RETRACTION_TYPE
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw
from tieout.ingest.retraction import check_retraction
from tieout.ingest.validate import typed_fields
from tieout.kernel.canonical import JsonValue, canonical_json
from tieout.kernel.errors import shown
from tieout.kernel.ids import Subject
from tieout.kernel.instant import DAY_MICROSECONDS, SECOND_MICROSECONDS, Instant
from tieout.kernel.limits import FUTURE_SECONDS_MAX

JsonObject = dict[str, JsonValue]


def typed_event(
    *,
    source: str,
    id: str,
    event_type: str,
    subject: Subject,
    time: Instant,
    data: JsonObject,
    attributes: str,
    book: ContractBook,
    received_at: Instant,
) -> Event:
    """The event, typed by the contract in force at its own time. Raises `Flaw`."""
    contract = contract_in_force(book, event_type, time)
    check_reach(time, contract, received_at=received_at)
    fields = typed_fields(contract, data)
    if contract.type == RETRACTION_TYPE:
        check_retraction(id, fields)
    return Event(
        source=source,
        id=id,
        type=contract.type,
        subject=subject,
        time=time,
        contract_version=contract.version,
        fields=fields,
        extras=remainder(data, {field.name for field in contract.fields}),
        attributes=attributes,
    )


def contract_in_force(book: ContractBook, event_type: str, time: Instant) -> EventContract:
    contract = book.find(event_type, time)
    if contract is None:
        raise Flaw(Reason.UNKNOWN_TYPE, "type", f"no contract for {shown(event_type)} at this time")
    return contract


def check_reach(time: Instant, contract: EventContract, *, received_at: Instant) -> None:
    """Not more than FUTURE_SECONDS_MAX ahead of its arrival, nor further back than the contract allows."""
    if time > received_at + FUTURE_SECONDS_MAX * SECOND_MICROSECONDS:
        raise Flaw(Reason.TIME_FUTURE, "time", f"more than {FUTURE_SECONDS_MAX} seconds after its arrival")
    days = contract.reach_days_max
    if days is not None and time < received_at - days * DAY_MICROSECONDS:
        raise Flaw(Reason.TIME_TOO_OLD, "time", f"more than {days} days before its arrival")


def remainder(members: JsonObject, known: set[str] | frozenset[str]) -> str:
    """The canonical JSON object of the members that are not known and not null; "" where there are none."""
    rest: JsonObject = {
        name: value for name, value in members.items() if name not in known and value is not None
    }
    return canonical_json(rest) if rest else ""
