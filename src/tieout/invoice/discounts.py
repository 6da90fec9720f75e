"""Coupons on an invoice: in which order they hold, how much each takes off, and from which lines.

Percents come first, then sums of money, each on what those before it left: so a promised sum is worth what it
says, and no percent is taken of money that is not asked for any more. Nothing is taken below zero; what could
not be used is said, and is not carried over. Each discount is rounded once, and shared out among its lines by
largest remainder, so that taxes have exact bases. Lines that are zero or negative (usage that was taken back)
make the base smaller and bear no share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tieout.contract.coupon import Coupon
from tieout.invoice.amounts import InvoiceDiscount
from tieout.invoice.line import Line, settlement_text
from tieout.kernel.ids import LineId, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, Money, currency, zero
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding, allocate, settle
from tieout.rate.manual_line import is_manual
from tieout.rate.unused_fee import is_unused_fee
from tieout.rate.wording import money_text, percent_text


@dataclass(frozen=True, slots=True)
class GrantedCoupon:
    """A coupon that holds for an invoice: for the lines of one subscription (None: of all)."""

    coupon: Coupon
    subscription: SubscriptionId | None
    since: Instant

    def covers(self, line: Line) -> bool:
        """Never a fee that is given back: that is what was paid of it, and is discounted already. Nor a
        line that people agreed on: that is an amount as it stands."""
        charge = line.charge
        if is_unused_fee(charge) or is_manual(charge.price.key):
            return False
        if self.subscription is not None and self.subscription != charge.subscription:
            return False
        program = None if charge.program is None else charge.program.key
        return self.coupon.scope.covers(price=line.price, plan=charge.plan, program=program)


def discounts(
    lines: Sequence[Line], coupons: Iterable[GrantedCoupon], unit: Currency
) -> tuple[InvoiceDiscount, ...]:
    """In the order in which they hold. Raises `CurrencyMismatch` for a sum in another currency."""
    left = {line.id: line.amount for line in lines}
    found = []
    for granted in sorted(coupons, key=_order):
        eligible = [line.id for line in lines if granted.covers(line)]
        discount = _discount(granted.coupon, {line: left[line] for line in eligible}, unit)
        for line, share in discount.shares:
            left[line] += share
        found.append(discount)
    return tuple(found)


def net_amounts(lines: Sequence[Line], taken: Iterable[InvoiceDiscount]) -> dict[LineId, Money]:
    """What is left of each line after its shares of the discounts."""
    net = {line.id: line.amount for line in lines}
    for discount in taken:
        for line, share in discount.shares:
            net[line] += share
    return net


def _order(granted: GrantedCoupon) -> tuple[bool, Instant, str, str]:
    return granted.coupon.percent is None, granted.since, granted.coupon.key, granted.subscription or ""


def _discount(coupon: Coupon, left: dict[LineId, Money], unit: Currency) -> InvoiceDiscount:
    base = sum(left.values(), zero(unit))
    stated = _stated(coupon)
    room = base if base.minor > 0 else zero(unit)
    wanted = _percent_of(room, coupon.percent) if coupon.percent is not None else stated
    assert wanted is not None, "a coupon has a percent or an amount"
    used = wanted if (room - wanted).minor >= 0 else room
    weights = [Exact(max(amount.minor, 0)) for amount in left.values()]
    shares = allocate(-used, weights) if used.minor else [zero(unit) for _ in weights]
    return InvoiceDiscount(
        name=coupon.name,
        reference=coupon.key,
        version=coupon.version,
        digest=coupon.digest,
        percent=coupon.percent,
        stated=stated,
        base=base,
        amount=-used,
        unused=wanted - used,
        shares=tuple(zip(left, shares, strict=True)),
        text=_text(coupon, base=base, wanted=wanted, used=used, lines=len(left)),
    )


def _stated(coupon: Coupon) -> Money | None:
    if coupon.amount is None or coupon.currency is None:
        return None
    return settle(coupon.amount, currency(coupon.currency), Rounding.HALF_AWAY_FROM_ZERO)  # whole already


def _percent_of(base: Money, percent: Exact) -> Money:
    return settle(base.as_fraction() * percent / 100, base.currency, Rounding.HALF_AWAY_FROM_ZERO)


def _text(coupon: Coupon, *, base: Money, wanted: Money, used: Money, lines: int) -> str:
    on = money_text(base)
    if not lines:
        return "no line of this invoice is one that it is for"
    if base.minor <= 0:
        rest = "" if coupon.percent is not None else f"; {money_text(wanted)} not used, not carried over"
        return f"nothing to take it off: its lines come to {on}{rest}"
    if coupon.percent is not None:
        exact = base.as_fraction() * coupon.percent / 100
        came = settlement_text(exact, used, Rounding.HALF_AWAY_FROM_ZERO) or money_text(used)
        return f"{percent_text(coupon.percent)} of {on} = {came}"
    if used == wanted:
        return f"{money_text(used)} off {on}"
    return f"{money_text(used)} off {on}; {money_text(wanted - used)} not used, not carried over"
