"""Traces a line: back to its events, and forward again to the same amount by a way of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tieout.aggregate.retraction import Identity
from tieout.aggregate.snapshot_text import MalformedBreakdown, parse_breakdown
from tieout.contract.document import Document, DocumentKind, record_of
from tieout.contract.event_contract import RETRACTION, EventContract
from tieout.contract.meter import Meter
from tieout.evidence.lineage import Lineage, MalformedLineage, parse_lineage
from tieout.evidence.reproduced import Reproduced
from tieout.evidence.shares import DiscountShare, discount_shares
from tieout.evidence.stored import StoredCharge, StoredEvidence, StoredInvoice, StoredLine, StoredSnapshot
from tieout.evidence.trace import PricedBy, Witnesses, reproduce
from tieout.evidence.trace_balances import reproduce_from_balances, rests_on_balances
from tieout.evidence.trace_credit import reproduce_credit
from tieout.evidence.trace_manual_line import reproduce_manual_line
from tieout.evidence.witness import Witness, is_counted, meter_event, retraction_of
from tieout.flows.balance_evidence import balance_evidence
from tieout.flows.home import Home
from tieout.flows.line_postings import NOWHERE, Bearings, bearings
from tieout.kernel.erased import looks_erased
from tieout.kernel.errors import NotFound, Refusal, TieoutError, shown
from tieout.kernel.ids import EventType, LineId, SourceName, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.rate.charge import parse_group
from tieout.rate.credit import credited_line, is_credit
from tieout.rate.manual_line import is_manual, manual_line_of

OF_ONE_CUSTOMER = frozenset({DocumentKind.CUSTOMER, DocumentKind.SUBSCRIPTION, DocumentKind.SUBJECT})
"""There may be a hundred thousand of each."""
PAGE_SIZE_MAX = 10_000


class NoSuchLine(NotFound):
    """No sealed invoice has a line of that id."""

    code = "no-such-line"

    def __init__(self, line: str) -> None:
        super().__init__(
            f"There is no line {shown(line)} here; `tieout invoice show` names an invoice's lines."
        )


class MalformedPage(Refusal):
    """Pages count from 1 and have a bounded size."""

    code = "malformed-page"

    def __init__(self, page: int, page_size: int) -> None:
        super().__init__(
            f"There is no page {page} of {page_size} events: from 1, at most {PAGE_SIZE_MAX} events."
        )


@dataclass(frozen=True, slots=True)
class TracedStep:
    """One line of the stored working; `amount` is an exact text in whole currency units."""

    rule: str
    text: str
    quantity: str | None
    rate: str | None
    amount: str


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of the events that the line's meter counted, those of the line's group where it has one, in
    position order; `total` over all pages.
    """

    page: int
    page_size: int
    total: int
    events: tuple[Witness, ...]


@dataclass(frozen=True, slots=True)
class RetractedEvent:
    """An event that the line's meter would have counted, and the retraction because of which it does not."""

    event: Witness
    retraction: Witness


@dataclass(frozen=True, slots=True)
class RetractedPage:
    """The same page of the retracted events, in position order; none of them is among the events."""

    total: int
    events: tuple[RetractedEvent, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A line with everything behind it. `snapshot` and `lineage` are None for a price without a meter.

    `opening`: the events before the line's spans that state the levels with which a time-weighted one
    starts, in position order; none of them is among the events. `settlement` says how the invoice rounded the
    line, where it did. `bearings`: what it corrects, and what the ledger holds for both.
    """

    line: StoredLine
    amount: Money
    charge: StoredCharge
    price_effective_from: Instant | None
    steps: tuple[TracedStep, ...]
    snapshot: StoredSnapshot | None
    lineage: Lineage | None
    invoice: StoredInvoice
    events: EventPage
    retracted: RetractedPage
    opening: tuple[Witness, ...]
    reproduced: Reproduced
    discounts: tuple[DiscountShare, ...] = ()
    settlement: str | None = None
    bearings: Bearings = NOWHERE


def trace(home: Home, line_id: LineId, *, page: int = 1, page_size: int = 20) -> Trace:
    """Reads the evidence and reproduces the line from it. Raises `NoSuchLine` or `MalformedPage`.

    The reproduction judges every event inside the lineage's spans; the page shows those that count.
    """
    if page < 1 or not 1 <= page_size <= PAGE_SIZE_MAX:
        raise MalformedPage(page, page_size)
    stored = home.books.invoices.evidence(line_id)
    if stored is None:
        raise NoSuchLine(line_id)
    documents = _documents(home, stored)
    lineage = _lineage(stored.snapshot)
    witnesses = [] if lineage is None else list(_witnesses(home, stored.snapshot, lineage, documents))
    retractions = _retractions(home, stored.snapshot, witnesses)
    charge = stored.charge
    priced_by = PricedBy(
        meter=None
        if stored.snapshot is None
        else documents.get((DocumentKind.METER, stored.snapshot.meter, stored.snapshot.meter_version)),
        price=documents.get((DocumentKind.PRICE, charge.price, charge.price_version)),
        plan=documents.get((DocumentKind.PLAN, charge.plan, charge.plan_version)),
        program=next((each for each in documents.values() if each.name == f"program {charge.program}"), None),
    )
    found = Witnesses(witnesses, tuple(retractions.values()))
    reproduced = _without_events(home, stored, documents)
    if reproduced is None:
        reproduced = reproduce(stored, priced_by, found, secret=home.log.identity_secret)
    inside = [each for each in witnesses if lineage is not None and lineage.covers(each.event)]
    judged = [
        each
        for each in _counted(inside, priced_by.meter, _amount_field(stored.snapshot))
        if _is_of_group(each, charge)
    ]
    stating = {opening.position for opening in reproduced.opening}
    counted = [each for each in judged if _identity(each) not in retractions]
    retracted = [each for each in judged if _identity(each) in retractions]
    first = (page - 1) * page_size
    return Trace(
        line=stored.line,
        amount=Money(stored.line.amount_minor, currency(stored.invoice.currency)),
        charge=charge,
        price_effective_from=None if priced_by.price is None else priced_by.price.effective_from,
        steps=_steps(charge.steps),
        snapshot=stored.snapshot,
        lineage=lineage,
        invoice=stored.invoice,
        events=EventPage(page, page_size, len(counted), tuple(counted[first : first + page_size])),
        retracted=RetractedPage(
            len(retracted),
            tuple(
                RetractedEvent(each, retractions[_identity(each)])
                for each in retracted[first : first + page_size]
            ),
        ),
        opening=tuple(each for each in witnesses if each.position in stating),
        reproduced=reproduced,
        discounts=discount_shares(stored.invoice, line_id),
        settlement=_settlement(stored.invoice, line_id),
        bearings=bearings(home, stored),
    )


def _documents(home: Home, stored: StoredEvidence) -> dict[tuple[DocumentKind, str, int], Document]:
    """Those that a line may rest on: of the documents that each customer has of its own, the line's."""
    found = [
        *home.books.documents.all(leaving_out=OF_ONE_CUSTOMER),
        *home.books.documents.versions(DocumentKind.SUBSCRIPTION, stored.charge.subscription),
    ]
    return {(each.kind, each.key, each.version): each for each in found}


def _without_events(
    home: Home, stored: StoredEvidence, documents: Mapping[tuple[DocumentKind, str, int], Document]
) -> Reproduced | None:
    """A line that rests on balances or on what people decided; None for one of events."""
    price = stored.charge.price
    if is_credit(price):
        return reproduce_credit(stored, home.books.invoices.evidence(credited_line(price)))
    if is_manual(price):
        return reproduce_manual_line(stored, home.books.manual_lines.find(manual_line_of(price)))
    if rests_on_balances(stored.charge):
        return reproduce_from_balances(stored, balance_evidence(home, stored, documents))
    return None


def _lineage(snapshot: StoredSnapshot | None) -> Lineage | None:
    if snapshot is None:
        return None
    try:
        return parse_lineage(snapshot.event_type, snapshot.predicate)
    except MalformedLineage:
        return None  # the reproduction reads it again, and names the snapshot


def _witnesses(
    home: Home,
    snapshot: StoredSnapshot | None,
    lineage: Lineage,
    documents: dict[tuple[DocumentKind, str, int], Document],
) -> Iterator[Witness]:
    assert snapshot is not None, "a lineage is a snapshot's"
    contracts: dict[tuple[EventType, int], EventContract | None] = {}
    stored_events = home.log.events(
        lineage.windows, frozenset({lineage.event_type}), watermark=Watermark(snapshot.watermark)
    )
    for stored in stored_events:
        key = (stored.event.type, stored.event.contract_version)
        if key not in contracts:
            contracts[key] = _contract(documents.get((DocumentKind.EVENT, key[0], key[1])))
        erasure = home.review.erasure(stored.position) if looks_erased(stored.event.id) else None
        yield Witness(stored.position, stored.event, stored.lane_a, stored.lane_b, contracts[key], erasure)


def _retractions(
    home: Home, snapshot: StoredSnapshot | None, witnesses: list[Witness]
) -> dict[Identity, Witness]:
    """For each of the witnesses that was retracted as of the snapshot's watermark, the first retraction."""
    if snapshot is None or not witnesses:
        return {}
    targets = {_identity(each) for each in witnesses}
    found = home.log.retractions(watermark=Watermark(snapshot.watermark), targets=targets)
    first: dict[Identity, Witness] = {}
    for stored in found:
        erasure = home.review.erasure(stored.position) if looks_erased(stored.event.id) else None
        witness = Witness(stored.position, stored.event, stored.lane_a, stored.lane_b, RETRACTION, erasure)
        retraction = retraction_of(witness)
        first.setdefault((retraction.source, retraction.target_id), witness)
    return first


def _identity(witness: Witness) -> Identity:
    return SourceName(witness.event.source), witness.event.id


def _contract(document: Document | None) -> EventContract | None:
    """None where it is gone or does not have its digest any more: then its events prove nothing."""
    record = None if document is None else record_of(document)
    return record if isinstance(record, EventContract) else None


def _is_of_group(witness: Witness, charge: StoredCharge) -> bool:
    """Whether the event is of the usage that the charge is for; all are where its price does not group."""
    try:
        group = parse_group(charge.grouped_by)
    except (ValueError, TypeError):
        return True  # the reproduction reads it again, and names the charge
    fields = meter_event(witness).fields if group else {}
    return all(fields.get(name) == value for name, value in group)


def _amount_field(snapshot: StoredSnapshot | None) -> str | None:
    try:
        return None if snapshot is None else parse_breakdown(snapshot.breakdown).amount_field
    except MalformedBreakdown:
        return None  # the reproduction reads it again, and names the snapshot


def _counted(witnesses: list[Witness], document: Document | None, amount_field: str | None) -> list[Witness]:
    """All of them where the meter cannot be read any more; the reproduction names it."""
    try:
        meter = None if document is None else record_of(document)
    except (TieoutError, ValueError):
        meter = None
    if not isinstance(meter, Meter):
        return witnesses
    return [each for each in witnesses if is_counted(each, meter, amount_field)]


def _settlement(invoice: StoredInvoice, line: LineId) -> str | None:
    try:
        printed = next(each for each in json.loads(invoice.document)["lines"] if each["id"] == line)
        settlement = printed.get("settlement")
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return None  # the reproduction reads the same document, and names it
    return settlement if isinstance(settlement, str) else None


def _steps(text: str) -> tuple[TracedStep, ...]:
    try:
        rows = json.loads(text)
        return tuple(
            TracedStep(row["rule"], row["text"], row["quantity"], row["rate"], row["amount"]) for row in rows
        )
    except (ValueError, KeyError, TypeError):
        return ()  # the reproduction compares the same text, and names the charge
