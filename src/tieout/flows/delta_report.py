"""What a correction would change, as a person reads it before approving it, and as it is stored and digested:
line by line before and after, the events behind it, taxes and totals, and the balances that move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from tieout.contract.catalog import Catalog
from tieout.evidence.stored import StoredSnapshot
from tieout.flows.correction_papers import note_of
from tieout.flows.find_corrections import FoundCorrections
from tieout.flows.home import Home
from tieout.flows.late_events import LateRow
from tieout.flows.late_retractions import late_retractions
from tieout.flows.late_sources import late_events_of
from tieout.flows.rerate_periods import NOT_YET, PeriodCorrection
from tieout.invoice.line import Line
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import format_instant
from tieout.kernel.money import Money, zero
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.ports import StoredEvent
from tieout.rate.charge import group_json

REPORT_FORMAT = "tieout/correction/1"
LATE, RETRACTED = "late", "retracted"
EVENTS_LISTED_MAX = 100
"""Events of a period that a report names one by one; all of them are counted."""


@dataclass(frozen=True, slots=True)
class DeltaEvent:
    """An event that came late, or that was retracted late: where it stands, and what it is. It is named once,
    however many meters count it."""

    what: str
    position: str
    source: str
    id: str
    time: str


@dataclass(frozen=True, slots=True)
class DeltaLine:
    """A line that would be made: what was settled, what is asked now, and the difference that is billed."""

    line: Line
    quantity_before: Quantity
    amount_before: Money

    @property
    def quantity_now(self) -> Quantity:
        return self.line.charge.quantity

    @property
    def amount_now(self) -> Money:
        return self.amount_before + self.line.amount


@dataclass(frozen=True, slots=True)
class DeltaDiscount:
    """What a coupon of the period gives: on its papers so far, now, and the difference, below zero where
    it takes off."""

    name: str
    coupon: str
    before: Money
    difference: Money
    text: str

    @property
    def now(self) -> Money:
        return self.before + self.difference


@dataclass(frozen=True, slots=True)
class DeltaPeriod:
    """What becomes of one sealed period; `invoice` is the number of its sealed one."""

    customer: CustomerId
    period: Period
    invoice: str
    lines: tuple[DeltaLine, ...]
    late_events: int
    retracted_events: int
    events: tuple[DeltaEvent, ...]
    subtotal: Money
    discounts: tuple[DeltaDiscount, ...]
    taxes: tuple[tuple[str, Money], ...]
    total: Money
    balances: tuple[tuple[str, str, Money], ...]


def delta_periods(
    home: Home, catalog: Catalog, found: FoundCorrections
) -> tuple[tuple[PeriodCorrection, DeltaPeriod], ...]:
    """One for each correction, in their order. Reads late events one by one: they are few."""
    return tuple((each, _period(home, catalog, found, each)) for each in found.corrections)


def section_text(delta: DeltaPeriod) -> str:
    """What of a report is about one period, as canonical JSON: equal facts give equal texts."""
    return canonical_json(_section(delta))


def report_text(
    deltas: Sequence[DeltaPeriod],
    *,
    kind: str,
    watermark: Watermark,
    person: str,
    reason: str,
    documents: Sequence[str],
) -> str:
    """The whole report as canonical JSON. `documents` are the digests of those that approval applies."""
    return canonical_json(
        {
            "format": REPORT_FORMAT,
            "kind": kind,
            "watermark": JsonNumber(str(watermark)),
            "by": person,
            "reason": reason,
            "documents": list(documents),
            "periods": [_section(delta) for delta in deltas],
        }
    )


def report_digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _period(
    home: Home, catalog: Catalog, found: FoundCorrections, correction: PeriodCorrection
) -> DeltaPeriod:
    note = note_of(correction, watermark=found.watermark)
    rows = [
        (snapshot, row)
        for snapshot, row in found.late
        if (snapshot.subscription, snapshot.meter, snapshot.period) in correction.change.by_window
        and snapshot.customer == correction.sealed.customer
    ]
    events = _events(home, catalog, found.watermark, rows)
    return DeltaPeriod(
        customer=correction.sealed.customer,
        period=correction.sealed.period,
        invoice=correction.sealed.invoice.number,
        lines=tuple(_line(line, note.subtotal) for line in note.lines),
        late_events=sum(event.what == LATE for event in events),
        retracted_events=sum(event.what == RETRACTED for event in events),
        events=events[:EVENTS_LISTED_MAX],
        subtotal=note.subtotal,
        discounts=tuple(
            DeltaDiscount(
                each.name,
                each.reference,
                sum(each.given_before, zero(note.currency)),
                each.amount,
                each.text,
            )
            for each in note.discounts
        ),
        taxes=tuple((tax.name, tax.amount) for tax in note.taxes),
        total=note.total,
        balances=tuple(
            (each.account, each.kind.value, each.amount) for each in correction.movements(NOT_YET)
        ),
    )


def _line(line: Line, money: Money) -> DeltaLine:
    return DeltaLine(
        line,
        sum((each.quantity for each in line.earlier), QUANTITY_ZERO),
        sum((each.amount for each in line.earlier), zero(money.currency)),
    )


def _events(
    home: Home, catalog: Catalog, watermark: Watermark, rows: Sequence[tuple[StoredSnapshot, LateRow]]
) -> tuple[DeltaEvent, ...]:
    found: dict[tuple[str, str], DeltaEvent] = {}
    for event in _each(home, catalog, watermark, rows):
        found.setdefault((event.what, event.position), event)
    return tuple(sorted(found.values(), key=lambda event: (event.what, event.position)))


def _each(
    home: Home, catalog: Catalog, watermark: Watermark, rows: Sequence[tuple[StoredSnapshot, LateRow]]
) -> Iterator[DeltaEvent]:
    for snapshot, row in rows:
        for late in late_events_of(home, catalog, watermark, snapshot, set(row.opening)):
            yield _event(LATE, late)
    for gone in late_retractions(home, catalog, watermark, [snapshot for snapshot, _ in rows]):
        yield _event(RETRACTED, gone.target)


def _event(what: str, event: StoredEvent) -> DeltaEvent:
    facts = event.event
    return DeltaEvent(what, str(event.position), facts.source, facts.id, format_instant(facts.time))


def _section(delta: DeltaPeriod) -> JsonValue:
    return {
        "customer": delta.customer,
        "period": {"start": format_instant(delta.period.start), "end": format_instant(delta.period.end)},
        "invoice": delta.invoice,
        "currency": delta.total.currency.code,
        "lines": [_line_json(line) for line in delta.lines],
        "late_events": JsonNumber(str(delta.late_events)),
        "retracted_events": JsonNumber(str(delta.retracted_events)),
        "events": [
            {
                "what": each.what,
                "position": each.position,
                "source": each.source,
                "id": each.id,
                "time": each.time,
            }
            for each in delta.events
        ],
        "subtotal": delta.subtotal.decimal_text,
        **({"discounts": discounts} if (discounts := _discounts_json(delta)) else {}),
        "taxes": [{"name": name, "amount": amount.decimal_text} for name, amount in delta.taxes],
        "total": delta.total.decimal_text,
        "balances": [
            {"account": account, "kind": kind, "amount": amount.decimal_text}
            for account, kind, amount in delta.balances
        ],
    }


def _discounts_json(delta: DeltaPeriod) -> list[JsonValue]:
    return [
        {
            "name": each.name,
            "coupon": each.coupon,
            "before": each.before.decimal_text,
            "now": each.now.decimal_text,
            "difference": each.difference.decimal_text,
            "text": each.text,
        }
        for each in delta.discounts
    ]


def _line_json(delta: DeltaLine) -> JsonValue:
    line = delta.line
    charge, correction = line.charge, line.correction
    assert correction is not None, "a correction made the line"
    superseded = correction.superseded_price_version
    return {
        "description": line.description,
        "subscription": charge.subscription,
        "price": line.price,
        "price_version": JsonNumber(str(line.price_version)),
        **({} if superseded is None else {"superseded_price_version": JsonNumber(str(superseded))}),
        "segment": {
            "start": format_instant(charge.segment.start),
            "end": format_instant(charge.segment.end),
        },
        **({"group": group_json(charge.group)} if charge.group else {}),
        "unit": line.unit,
        "original_line": correction.original,
        "causes": [cause.value for cause in correction.causes],
        "late_events": JsonNumber(str(correction.late_events)),
        "retracted_events": JsonNumber(str(correction.retracted_events)),
        "before": {"quantity": str(delta.quantity_before), "amount": delta.amount_before.decimal_text},
        "now": {"quantity": str(delta.quantity_now), "amount": delta.amount_now.decimal_text},
        "difference": {"quantity": str(line.quantity), "amount": line.amount.decimal_text},
    }
