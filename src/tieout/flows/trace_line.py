"""Traces a line: back to its events, and forward again to the same amount by a way of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tieout.contract.document import Document, DocumentKind
from tieout.evidence.lineage import Lineage
from tieout.evidence.reproduced import Reproduced
from tieout.evidence.shares import DiscountShare, discount_shares
from tieout.evidence.stored import StoredCharge, StoredEvidence, StoredInvoice, StoredLine, StoredSnapshot
from tieout.evidence.trace import AskedUsage, PricedBy, asked_usage, reproduce
from tieout.evidence.trace_balances import reproduce_from_balances, rests_on_balances
from tieout.evidence.trace_credit import reproduce_credit
from tieout.evidence.trace_manual_line import reproduce_manual_line
from tieout.evidence.witness import Witness
from tieout.flows.balance_evidence import balance_evidence
from tieout.flows.examine_lineage import (
    NOTHING_BEHIND,
    DocumentName,
    Evidence,
    RetractedEvent,
    examine,
)
from tieout.flows.home import Home
from tieout.flows.line_postings import NOWHERE, Bearings, bearings
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
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
    charge = stored.charge
    priced_by = _priced_by(stored, documents)
    asked, behind = AskedUsage(), NOTHING_BEHIND
    if stored.snapshot is not None:
        asked = asked_usage(stored.snapshot, priced_by.meter)
        evidence = Evidence(stored, documents, asked.request)
        behind = examine(home, evidence, skipped=(page - 1) * page_size, page_size=page_size)
    reproduced = _without_events(home, stored, documents)
    if reproduced is None:
        reproduced = reproduce(stored, priced_by, asked, behind.examined)
    counted = behind.examined.counted
    return Trace(
        line=stored.line,
        amount=Money(stored.line.amount_minor, currency(stored.invoice.currency)),
        charge=charge,
        price_effective_from=None if priced_by.price is None else priced_by.price.effective_from,
        steps=_steps(charge.steps),
        snapshot=stored.snapshot,
        lineage=behind.lineage,
        invoice=stored.invoice,
        events=EventPage(page, page_size, counted.events.total, behind.events),
        retracted=RetractedPage(counted.retracted.total, behind.retracted),
        opening=behind.opening,
        reproduced=reproduced,
        discounts=discount_shares(stored.invoice, line_id),
        settlement=settlement_of(stored.invoice, line_id),
        bearings=bearings(home, stored),
    )


def _priced_by(stored: StoredEvidence, documents: Mapping[DocumentName, Document]) -> PricedBy:
    charge, snapshot = stored.charge, stored.snapshot
    return PricedBy(
        meter=None
        if snapshot is None
        else documents.get((DocumentKind.METER, snapshot.meter, snapshot.meter_version)),
        price=documents.get((DocumentKind.PRICE, charge.price, charge.price_version)),
        plan=documents.get((DocumentKind.PLAN, charge.plan, charge.plan_version)),
        program=next((each for each in documents.values() if each.name == f"program {charge.program}"), None),
    )


def _documents(home: Home, stored: StoredEvidence) -> dict[DocumentName, Document]:
    """Those that a line may rest on: of the documents that each customer has of its own, the line's."""
    found = [
        *home.books.documents.all(leaving_out=OF_ONE_CUSTOMER),
        *home.books.documents.versions(DocumentKind.SUBSCRIPTION, stored.charge.subscription),
    ]
    return {(each.kind, each.key, each.version): each for each in found}


def _without_events(
    home: Home, stored: StoredEvidence, documents: Mapping[DocumentName, Document]
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


def settlement_of(invoice: StoredInvoice, line: LineId) -> str | None:
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
