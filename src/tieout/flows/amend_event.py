"""Amends an accepted event: its retraction and the event in its place, both in one batch or neither."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tieout.contract.catalog import Catalog
from tieout.contract.retraction import is_built_in
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.file_pieces import FileReading, file_bytes
from tieout.flows.home import Home
from tieout.flows.retract_event import (
    Decision,
    RetractionReport,
    Written,
    append_together,
    check_approval,
    find_target,
    origin_of,
    retraction_of,
)
from tieout.flows.retraction_refusals import (
    AlreadyRetracted,
    AmendmentRefused,
    IdTaken,
    NoSuchEvent,
    rejection_text,
)
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event, tagged
from tieout.ingest.framing import BYTE_ORDER_MARK
from tieout.ingest.rejection import Rejected
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.limits import ITEM_BYTES_MAX
from tieout.ports import NotAllAccepted, StoredEvent


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the amending event says otherwise; None where it is absent."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class AmendmentReport:
    """The retraction, the event that takes its target's place, and what is different."""

    retracted: RetractionReport
    amending: StoredEvent
    changes: tuple[Change, ...]


def amend_event(home: Home, *, source: str, event_id: str, file: Path, decision: Decision) -> AmendmentReport:
    """`file` holds one event as JSON, of the same source and with an id of its own.

    Raises `NoSuchEvent`, `RetractionIsFinal`, `AlreadyRetracted`, `AmendmentRefused`, `IdTaken`,
    `ApprovalNeeded`, `SelfApproval`, `RetractionRefused` and `FileMissing`.
    """
    catalog = load_catalog(home)
    found = find_target(home, catalog, source=source, event_id=event_id)
    target = found.target
    if target is None:
        raise NoSuchEvent(source, event_id, in_advance=False)
    if found.before is not None:
        raise AlreadyRetracted(event_id, found.before)
    now = home.clock.now()
    amending = _amending(home, catalog, file, target.event, now)
    check_approval(event_id, decision, found.sealed)
    retraction = retraction_of(
        home,
        source=source,
        event_id=target.event.id,
        subject=target.event.subject,
        decision=decision,
        now=now,
        replaced_by=amending.event.id,
    )
    try:
        stored, put = append_together(
            home, catalog, [retraction, amending], origin=origin_of(decision), now=now
        )
    except NotAllAccepted as refused:
        where = "" if refused.original is None else f" at {refused.original}"
        raise IdTaken(amending.event.id, where) from None
    report = RetractionReport(source, event_id, target, stored, is_new=True, sealed=found.sealed)
    return AmendmentReport(report, put, _changes(catalog, target.event, put.event))


def _amending(home: Home, catalog: Catalog, file: Path, target: Event, now: Instant) -> Written:
    if file_bytes(file) > ITEM_BYTES_MAX:
        raise AmendmentRefused(file, f"it is larger than the {ITEM_BYTES_MAX} bytes of one event.")
    raw = b"".join(FileReading(file, None).pieces()).removeprefix(BYTE_ORDER_MARK).strip()
    event = decode_item(raw, catalog.contracts, received_at=now, default_source=target.source)
    if isinstance(event, Rejected):
        raise AmendmentRefused(file, rejection_text(event))
    if event.source != target.source:
        raise AmendmentRefused(file, f"its source is {event.source}, that of the other {target.source}.")
    if is_built_in(event.type):
        raise AmendmentRefused(file, f"an event of type {event.type} takes nobody's place.")
    if event.id == target.id:
        raise AmendmentRefused(file, "it has the id of the event that it amends, and needs one of its own.")
    identity = (event.source, event.id)
    taken = home.log.accepted([identity]).get(identity)
    if taken is not None:
        raise IdTaken(event.id, f" at {taken.position}")
    return Written(raw, event)


def _changes(catalog: Catalog, before: Event, after: Event) -> tuple[Change, ...]:
    old, new = _said(catalog, before), _said(catalog, after)
    names = [*old, *(name for name in new if name not in old)]
    return tuple(
        Change(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    )


def _said(catalog: Catalog, event: Event) -> dict[str, str]:
    """What an event says besides whose and which it is, as canonical texts."""
    said = {"type": event.type, "subject": event.subject, "time": format_instant(event.time)}
    contract = catalog.contracts.get(event.type, event.contract_version)
    if contract is not None:
        said |= {name: text[1:] for name, text in tagged(event, contract).items()}
    return said | ({"undeclared": event.extras} if event.extras else {})
