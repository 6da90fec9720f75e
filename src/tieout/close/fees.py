"""Fees in advance: the invoice of a period asks for the fee of the next, and settles what the one before
asked.

What is owed is known only when a period is over, so fees are compared stretch by stretch: what was used
and not billed is billed, what was billed and not used is credited. So the first invoice, before which
nothing was billed, bills its own period too.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from tieout.balance.fee import BilledFee, billed, earned, open_fees, without
from tieout.balance.movement import Movement
from tieout.close.segments import NothingInForce, Segment
from tieout.close.segments import segments as segments_of
from tieout.contract.catalog import Catalog
from tieout.contract.price import Flat, Price
from tieout.contract.subscription import Subscription
from tieout.invoice.discounts import net_amounts
from tieout.invoice.invoice import Invoice
from tieout.kernel.ids import PriceKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency, zero
from tieout.kernel.period import Period
from tieout.kernel.rounding import settle
from tieout.rate.charge import Charge
from tieout.rate.terms import parse_terms, terms_text
from tieout.rate.unused_fee import is_unused_fee, unused_fee

FeeKey = tuple[PriceKey, int, str | None]
"""Price, version and what was agreed beside it: a fee of five seats is not the fee of three."""


@dataclass(frozen=True, slots=True)
class Fees:
    """`segments` are to be rated; `credits` are charges below zero; `settled` the fees whose time is over,
    each with what of it is credited."""

    segments: tuple[Segment, ...]
    credits: tuple[Charge, ...]
    settled: tuple[tuple[BilledFee, Money], ...]


def in_advance(price: Price) -> bool:
    return isinstance(price.shape, Flat) and price.shape.timing == "advance"


def fees_due(
    catalog: Catalog,
    subscriptions: Sequence[Subscription],
    segments: Sequence[Segment],
    opening: Sequence[Movement],
    period: Period,
    cut: Container[SubscriptionId] = (),
) -> Fees:
    """`segments` are those of `period` and, of fees in advance, those of the next period as far as it is
    known. A subscription is `cut` where a plan of another cadence ends its period before its time: what was
    billed for the rest of it is credited now, not when that time is over.

    Raises `NothingInForce` where the price of an open fee is gone.
    """
    rated: list[Segment] = []
    credits_: list[Charge] = []
    settled: list[tuple[BilledFee, Money]] = []
    fees = {each.key: open_fees(opening, each.key) for each in subscriptions}
    for segment in segments:
        if not in_advance(segment.price):
            rated.append(segment)
            continue
        taken = [fee.segment for fee in fees[segment.subscription] if _key(fee) == _key_of(segment)]
        rated += [replace(segment, part=part) for part in without(segment.part, taken)]
    for fee in (fee for each in fees.values() for fee in each if _is_over(fee, period, cut)):
        price = catalog.prices.version(fee.price, fee.price_version)
        if price is None:
            raise NothingInForce("price", fee.price, fee.subscription, fee.segment.start)
        used = [
            each.part
            for each in (*segments, *_used_before(catalog, subscriptions, fee, period))
            if each.subscription == fee.subscription and _key_of(each) == _key(fee)
        ]
        program = catalog.program_with(price.key, _priced_at(fee))
        unused = [
            replace(unused_fee(fee, part, price), program=program) for part in without(fee.segment, used)
        ]
        credits_ += unused
        money = currency(price.currency)
        amounts = [settle(charge.amount, money, price.rounding) for charge in unused]
        settled.append((fee, -sum(amounts, zero(money))))
    return Fees(tuple(rated), tuple(credits_), tuple(settled))


def _is_over(fee: BilledFee, period: Period, cut: Container[SubscriptionId]) -> bool:
    return fee.segment.end <= period.end or (fee.subscription in cut and fee.segment.start < period.end)


def _used_before(
    catalog: Catalog, subscriptions: Sequence[Subscription], fee: BilledFee, period: Period
) -> list[Segment]:
    """The segments of the fee's time before the period: a calendar that changed may have ended an invoice in
    the middle of it."""
    if fee.segment.start >= period.start:
        return []
    before = Period(fee.segment.start, min(fee.segment.end, period.start))
    return [
        segment
        for each in subscriptions
        if each.key == fee.subscription
        for segment in segments_of(catalog, each, fee.period, before)
    ]


def _priced_at(fee: BilledFee) -> Instant:
    """Whose prices the fee went by: those of its start, or the ones that its phase keeps."""
    kept = parse_terms(fee.terms).kept
    return fee.segment.start if kept is None else kept.as_of


def fee_movements(fees: Fees, invoice: Invoice, *, at: Instant) -> list[Movement]:
    """What was billed for times to come, and what is over."""
    customer = invoice.key.customer
    found = [billed(fee, customer=customer, invoice=invoice.id, at=at) for fee in _billed_ahead(invoice)]
    for fee, unused in fees.settled:
        found += earned(fee, unused=unused, customer=customer, invoice=invoice.id, at=at)
    return found


def _billed_ahead(invoice: Invoice) -> Iterable[BilledFee]:
    net = net_amounts(invoice.lines, invoice.discounts)
    for line in invoice.lines:
        charge = line.charge
        if (
            in_advance(charge.price)
            and charge.segment.start >= invoice.period.end
            and not is_unused_fee(charge)
            and line.correction is None
        ):
            yield BilledFee(
                line=line.id,
                subscription=charge.subscription,
                price=charge.price.key,
                price_version=charge.price.version,
                plan=charge.plan,
                plan_version=charge.plan_version,
                period=charge.period,
                segment=charge.segment,
                exact=charge.amount,
                amount=net[line.id],
                discount=net[line.id] - line.amount,
                terms=terms_text(charge.terms),
            )


def _key(fee: BilledFee) -> FeeKey:
    return fee.price, fee.price_version, fee.terms


def _key_of(segment: Segment) -> FeeKey:
    return segment.price.key, segment.price.version, terms_text(segment.terms)
