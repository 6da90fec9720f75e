"""A draft: charges settled into numbered lines, discounted, taxed and added up. The same inputs draft the
same invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tieout.contract.party import Customer, Seller
from tieout.invoice import totals
from tieout.invoice.discounts import GrantedCoupon, discounts, net_amounts
from tieout.invoice.invoice import KIND_FINAL, Invoice, InvoiceKey, PolicyReference
from tieout.invoice.line import settled_line
from tieout.invoice.status import Act, Status, after
from tieout.invoice.taxes import NO_TAXATION, Taxation, taxes
from tieout.kernel.ids import Watermark
from tieout.kernel.money import currency
from tieout.kernel.period import Period
from tieout.rate.charge import Charge


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
    sequence: int = 1,
    coupons: Sequence[GrantedCoupon] = (),
    taxation: Taxation = NO_TAXATION,
) -> Invoice:
    """The draft of a period's final invoice, in the customer's currency.

    Lines stand by subscription, those of each fee program together after those of none, then by start of
    segment, then in the order given (that of the plan).
    Raises `CurrencyMismatch` for a charge or coupon in another currency, `TooManyLines` beyond 999.
    """
    money = currency(customer.currency)
    key = InvoiceKey(customer.key, period, seller.number_series, money.code, KIND_FINAL, sequence)
    ordered = _ordered(charges)
    lines = tuple(
        settled_line(key.invoice_id, ordinal, charge, zone_name=customer.zone, billing=period)
        for ordinal, charge in enumerate(ordered, start=1)
    )
    subtotal = totals.subtotal(lines, money)
    taken = discounts(lines, coupons, money)
    levied = taxes(lines, net_amounts(lines, taken), taxation, money)
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
    )


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
