"""Takes an accepted event back: a named person's decision, stored as an event like any other.

What a sealed invoice counts needs a second person. The sealed number stays; the retraction is late and waits
for a correction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tieout.aggregate.snapshot_text import opening_positions
from tieout.contract.catalog import Catalog
from tieout.contract.event_contract import ContractBook
from tieout.contract.retraction import (
    APPROVED_BY,
    BY,
    REASON,
    REPLACED_BY,
    RETRACTION_ID_PREFIX,
    RETRACTION_TYPE,
    TARGET_ID,
    names_a_retraction,
)
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.late_retractions import Counting
from tieout.flows.ownership import owners_ever
from tieout.flows.retraction_refusals import (
    ApprovalNeeded,
    NobodyNamed,
    NoSuchEvent,
    RetractionIsFinal,
    RetractionRefused,
    SelfApproval,
)
from tieout.ingest.block import block_of
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw, Rejected
from tieout.ingest.validate import identifier
from tieout.kernel.ids import Position
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.limits import ID_LENGTH_MAX, SOURCE_LENGTH_MAX
from tieout.kernel.person import is_same_person
from tieout.ports import StoredEvent

ID_TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True)
class Decision:
    """Who takes an event back, why, and who approved it where that is asked for."""

    reason: str
    by: str
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class RetractionReport:
    """The retraction in force, and what it takes back (None: what has yet to arrive). `is_new` is False where
    the event was retracted before; then nothing was written. `sealed`: numbers of the invoices that count it.
    """

    source: str
    target_id: str
    target: StoredEvent | None
    retraction: StoredEvent
    is_new: bool
    sealed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The event to take back, the retraction that did so before, and the sealed invoices that count it."""

    target: StoredEvent | None
    before: StoredEvent | None
    sealed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """One item to append: its bytes, and the event that they are."""

    raw: bytes
    event: Event


def retract_event(
    home: Home, *, source: str, event_id: str, decision: Decision, in_advance: bool = False
) -> RetractionReport:
    """Retracts the event of that identity; once more changes nothing. Raises `NoSuchEvent` (unless
    `in_advance`), `RetractionIsFinal`, `ApprovalNeeded`, `SelfApproval` and `RetractionRefused`.
    """
    catalog = load_catalog(home)
    found = find_target(home, catalog, source=source, event_id=event_id)
    if found.target is None and not in_advance:
        raise NoSuchEvent(source, event_id)
    retraction = found.before
    if retraction is None:
        check_approval(event_id, decision, found.sealed)
        now = home.clock.now()
        subject = event_id if found.target is None else found.target.event.subject
        named = event_id if found.target is None else found.target.event.id
        written = retraction_of(
            home, source=source, event_id=named, subject=subject, decision=decision, now=now
        )
        (retraction,) = append_together(home, catalog, [written], origin=origin_of(decision), now=now)
    return RetractionReport(
        source, event_id, found.target, retraction, is_new=found.before is None, sealed=found.sealed
    )


def find_target(home: Home, catalog: Catalog, *, source: str, event_id: str) -> Found:
    """What the log and the books say about the event now. Raises `RetractionIsFinal`."""
    _check_identity(source, event_id)
    if names_a_retraction(event_id):
        raise RetractionIsFinal(event_id)
    identity = (source, event_id)
    target = home.log.accepted([identity]).get(identity)
    named = event_id if target is None else target.event.id  # of an erased event, what stands for its id
    earlier = home.log.retractions(watermark=home.log.head(), targets=[(source, named)])
    before = earlier[0] if earlier else None
    return Found(target, before, () if target is None else _sealed_over(home, catalog, target, before))


def check_approval(event_id: str, decision: Decision, sealed: Sequence[str]) -> None:
    """Raises `NobodyNamed`, `SelfApproval`, and `ApprovalNeeded` where a sealed invoice counts the event."""
    if not decision.by.strip():
        raise NobodyNamed("--by")
    approved_by = decision.approved_by
    if approved_by is not None and not approved_by.strip():
        raise NobodyNamed("--approved-by")
    if approved_by is not None and is_same_person(approved_by, decision.by):
        raise SelfApproval(approved_by)
    if sealed and approved_by is None:
        raise ApprovalNeeded(event_id, sealed)


def retraction_of(
    home: Home,
    *,
    source: str,
    event_id: str,
    subject: str,
    decision: Decision,
    now: Instant,
    replaced_by: str | None = None,
) -> Written:
    """The retraction as an event, held to its contract as any other. Raises `RetractionRefused`."""
    data = {
        TARGET_ID: event_id,
        REASON: decision.reason,
        BY: decision.by,
        APPROVED_BY: decision.approved_by,
        REPLACED_BY: replaced_by,
    }
    members = {
        "specversion": "1.0",
        "source": source,
        "id": RETRACTION_ID_PREFIX + home.entropy.token(ID_TOKEN_BYTES).hex(),
        "type": RETRACTION_TYPE,
        "subject": subject,
        "time": format_instant(now),
        "data": {name: value for name, value in data.items() if value is not None},
    }
    raw = json.dumps(members, ensure_ascii=False).encode("utf-8", "surrogatepass")
    event = decode_item(raw, ContractBook([]), received_at=now, default_source=None)
    if isinstance(event, Rejected):
        raise RetractionRefused(event)
    return Written(raw, event)


def append_together(
    home: Home, catalog: Catalog, items: Sequence[Written], *, origin: str, now: Instant
) -> list[StoredEvent]:
    """All of them in one batch, or none. Raises `NotAllAccepted`."""
    book = catalog.contracts
    raws = [item.raw for item in items]
    with home.log.intake(book, origin=origin, default_source=items[0].event.source, workers=1) as intake:
        intake.decoded(
            block_of([(row, item.raw, item.event) for row, item in enumerate(items)], book),
            received_at=now,
            raw_items=raws,
            line_numbers=[1] * len(items),
            redecode=lambda row, contracts: decode_item(
                raws[row], contracts, received_at=now, default_source=items[row].event.source
            ),
            together=True,
        )
        batch = intake.finish().first_batch
    assert batch is not None, "something was appended"
    stored = [home.log.event_at(Position(batch, row)) for row in range(len(items))]
    return [event for event in stored if event is not None]


def origin_of(decision: Decision) -> str:
    """What the log keeps as the file that it came from."""
    return f"retracted by {decision.by}"


def _sealed_over(
    home: Home, catalog: Catalog, target: StoredEvent, before: StoredEvent | None
) -> tuple[str, ...]:
    """Numbers of the sealed invoices that count the event, in order; those that had seen the retraction
    `before` do not.
    """
    near = [
        stored
        for stored in home.books.invoices.snapshots_of(
            dict.fromkeys(owners_ever(catalog, target.event.subject), target.event.time)
        )
        if stored.event_type == target.event.type
        and (
            stored.period.contains(target.event.time)
            or str(target.position) in opening_positions(stored.opening)
        )
        and (before is None or stored.watermark < before.position.batch)
    ]
    invoices = {stored.invoice for stored in Counting(catalog, near).of(target)}
    numbers = (home.books.invoices.find(invoice) for invoice in sorted(invoices))
    return tuple(sorted(found.number for found in numbers if found is not None))


def _check_identity(source: str, event_id: str) -> None:
    """Raises `RetractionRefused` for what cannot be the identity of any event."""
    try:
        identifier(source, Reason.SOURCE_MALFORMED, "source", length_max=SOURCE_LENGTH_MAX)
        identifier(event_id, Reason.ID_MALFORMED, "id", length_max=ID_LENGTH_MAX)
    except Flaw as flaw:
        raise RetractionRefused(flaw.rejected()) from None
