"""A draft: charges settled into numbered lines, discounted, taxed and added up. The same inputs draft the
same invoice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tieout.contract.coupon import Coupon
from tieout.contract.party import Customer, Seller
from tieout.invoice import totals
from tieout.invoice.amounts import InvoiceDiscount
from tieout.invoice.billable import Billable
from tieout.invoice.corrected_coupons import PeriodCoupons
from tieout.invoice.discounts import NOTHING_GIVEN, Given, GrantedCoupon, discounts, net_amounts
from tieout.invoice.earlier import EarlierLine, Scope, scope_of
from tieout.invoice.invoice import KIND_FINAL, Invoice, InvoiceKey, PolicyReference
from tieout.invoice.line import Line, settled_line
from tieout.invoice.off_cycle import OffCycleReason
from tieout.invoice.status import Act, Status, after
from tieout.invoice.taxes import NO_TAXATION, Taxation, taxes
from tieout.kernel.ids import Watermark
from tieout.kernel.money import currency
from tieout.kernel.period import Period
from tieout.rate.charge import Charge

NOTHING_EARLIER: Mapping[Scope, Sequence[EarlierLine]] = {}


def draft(
    *,
    customer: Customer,
    seller: Seller,
    period: Period,
    charges: Sequence[Charge],
    cutoff: Watermark,
    policy: PolicyReference,
    tzdata_version: str,
    software_version: str,
    kind: str = KIND_FINAL,
    sequence: int = 1,
    coupons: Sequence[GrantedCoupon] = (),
    taxation: Taxation = NO_TAXATION,
    earlier: Mapping[Scope, Sequence[EarlierLine]] = NOTHING_EARLIER,
    additions: Sequence[Billable] = (),
    replaces: Sequence[str] = (),
    off_cycle: OffCycleReason | None = None,
    given: Given = NOTHING_GIVEN,
    gave: Sequence[Coupon] = (),
) -> Invoice:
    """The draft of a period's invoice, in the customer's currency.

    Lines stand by subscription, those of each fee program together after those of none, then by start of
    segment, then as given (that of the plan). `earlier` is what other papers of the period settled, by scope,
    `given` what they gave of coupons, `gave` those coupons. `additions` (corrections, lines that a person
    added) follow; a correction brings its own coupons. Raises `CurrencyMismatch`, `TooManyLines`.
    """
    money = currency(customer.currency)
    key = InvoiceKey(customer.key, period, seller.number_series, money.code, kind, sequence)
    asked = [Billable(charge, tuple(earlier.get(scope_of(charge), ()))) for charge in _ordered(charges)]
    asked += additions
    lines = _lines(key, asked, customer.zone)
    subtotal = totals.subtotal(lines, money)
    own = discounts(lines[: len(charges)], coupons, money, given, gave=gave)
    taken = own + _of_corrected_periods(asked, lines, key, customer.zone)
    net, groups = net_amounts(lines, taken), _by_taxation(asked, lines, taxation)
    levied = tuple(tax for taxed, on in groups for tax in taxes(on, net, taxed, money))
    return Invoice(
        id=key.invoice_id,
        key=key,
        status=Status.DRAFT,
        number=None,
        issued_at=None,
        due_date=None,
        currency=money,
        customer=customer,
        seller=seller,
        lines=lines,
        subtotal=subtotal,
        total=totals.total(subtotal, taken, levied),
        cutoff=cutoff,
        policy=policy,
        tzdata_version=tzdata_version,
        software_version=software_version,
        discounts=taken,
        taxes=levied,
        replaces=tuple(replaces),
        off_cycle=off_cycle,
    )


def _lines(key: InvoiceKey, asked: Sequence[Billable], zone_name: str) -> tuple[Line, ...]:
    invoice_id = key.invoice_id
    return tuple(
        settled_line(
            invoice_id,
            ordinal,
            each.charge,
            zone_name=zone_name,
            billing=key.period,
            earlier=each.earlier,
            correction=each.correction,
        )
        for ordinal, each in enumerate(asked, start=1)
    )


def _of_corrected_periods(
    asked: Sequence[Billable], lines: Sequence[Line], key: InvoiceKey, zone_name: str
) -> tuple[InvoiceDiscount, ...]:
    """Each sealed period's own, in the order of the lines that correct it."""
    groups: list[tuple[PeriodCoupons, list[Line]]] = []
    for each, line in zip(asked, lines, strict=True):
        if each.coupons is None:
            continue
        found = next((on for theirs, on in groups if theirs is each.coupons), None)
        if found is None:
            groups.append((each.coupons, [line]))
        else:
            found.append(line)
    unit = currency(key.currency)
    return tuple(
        row for theirs, on in groups for row in theirs.rows(on, unit, billing=key.period, zone_name=zone_name)
    )


def _by_taxation(
    asked: Sequence[Billable], lines: Sequence[Line], taxation: Taxation
) -> list[tuple[Taxation, list[Line]]]:
    """The invoice's own first; a correction keeps the taxes of the period that it corrects."""
    groups: list[tuple[Taxation, list[Line]]] = [(taxation, [])]
    for each, line in zip(asked, lines, strict=True):
        wanted = taxation if each.taxation is None else each.taxation
        found = next((on for taxed, on in groups if taxed == wanted), None)
        if found is None:
            groups.append((wanted, [line]))
        else:
            found.append(line)
    return groups


def moved(invoice: Invoice, act: Act) -> Invoice:
    """The invoice after an act that gives it no number. Raises `ForbiddenTransition`."""
    assert act is not Act.SEALED, "sealing gives a number: use `sealed_invoice`"
    return replace(invoice, status=after(invoice.status, act))


def _ordered(charges: Sequence[Charge]) -> list[Charge]:
    """A program has its place from where it first stands; its versions stay together."""
    places: dict[str | None, int] = {None: 0}
    for charge in charges:
        places.setdefault(_table(charge), len(places))
    return sorted(
        charges, key=lambda charge: (charge.subscription, places[_table(charge)], charge.segment.start)
    )


def _table(charge: Charge) -> str | None:
    return None if charge.program is None else charge.program.key
