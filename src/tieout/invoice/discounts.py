"""Coupons on an invoice: in which order they hold, how much each takes off, and from which lines.

Percents come first, then sums of money, each on what those before it left: so a promised sum is worth what it
says, and no percent is taken of money that is not asked for any more. Nothing is taken below zero; what could
not be used is said, and is not carried over. Each discount is rounded once, and shared out among its lines by
largest remainder, so that taxes have exact bases. Lines that are zero or negative (usage that was taken back)
make the base smaller and bear no share.

Where earlier papers of the period settled part of a line, a coupon is worked out on all that the lines come
to with them, and what those papers gave of it is taken off: so all the papers give, line by line, what one
invoice would have given, and a line that falls pays back its share. A correction of a sealed period does the
same with the coupons of that period: lines that it leaves as they are count, and stand beside the paper.
What earlier papers gave of a coupon that holds no more is asked for again, on a row of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tieout.contract.coupon import Coupon
from tieout.invoice.amounts import InvoiceDiscount, LineBeside
from tieout.invoice.line import Line, settlement_text
from tieout.kernel.ids import LineId, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, Money, currency, zero
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding, allocate, settle
from tieout.rate.manual_line import is_manual
from tieout.rate.unused_fee import is_unused_fee
from tieout.rate.wording import money_text, percent_text

Given = Mapping[tuple[str, LineId], Money]
"""What earlier papers of the period gave: by coupon and line, below zero."""
NOTHING_GIVEN: Given = {}


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
    lines: Sequence[Line],
    coupons: Iterable[GrantedCoupon],
    unit: Currency,
    given: Given = NOTHING_GIVEN,
    beside: Collection[LineId] = (),
    in_advance: Collection[LineId] = (),
    gave: Iterable[Coupon] = (),
) -> tuple[InvoiceDiscount, ...]:
    """In the order in which they hold; then those that earlier papers `gave` and that hold no more. `beside`
    are those of the lines that are not on the paper, and `in_advance` those of these that keep the share they
    have. Raises `CurrencyMismatch` for a sum in another currency."""
    left = {line.id: in_all(line) for line in lines}
    found: list[InvoiceDiscount] = []
    taken: set[tuple[str, LineId]] = set()
    for granted in sorted(coupons, key=_order):
        coupon = granted.coupon
        eligible = [line for line in lines if granted.covers(line)]
        first = [line for line in eligible if (coupon.key, line.id) not in taken]
        taken |= {(coupon.key, line.id) for line in eligible}
        bases = {line.id: left[line.id] for line in eligible}
        before = _given_before(coupon, first, given)
        discount = _discount(coupon, bases, before, unit, beside, in_advance)
        for line, share in (*discount.shares, *discount.given):
            left[line] += share
        for each in discount.beside:
            left[each.line] += each.given
        found.append(discount)
    for coupon in gave:
        before = _given_before(coupon, (line for line in lines if (coupon.key, line.id) not in taken), given)
        before = {line: share for line, share in before.items() if share.minor}
        if before:
            found.append(_taken_back(coupon, {line: left[line] for line in before}, before, unit))
    return tuple(found)


def in_all(line: Line) -> Money:
    """With what earlier papers of the period settled of it."""
    return sum((each.amount for each in line.earlier), line.amount)


def _given_before(coupon: Coupon, lines: Iterable[Line], given: Given) -> dict[LineId, Money]:
    found: dict[LineId, Money] = {}
    for line in lines:
        for each in line.earlier:
            share = given.get((coupon.key, each.line))
            if share is not None and share.minor:
                found[line.id] = found[line.id] + share if line.id in found else share
    return found


def net_amounts(lines: Sequence[Line], taken: Iterable[InvoiceDiscount]) -> dict[LineId, Money]:
    """What is left of each line after its shares of the discounts."""
    net = {line.id: line.amount for line in lines}
    for discount in taken:
        for line, share in discount.shares:
            net[line] += share
    return net


def _order(granted: GrantedCoupon) -> tuple[bool, Instant, str, str]:
    return granted.coupon.percent is None, granted.since, granted.coupon.key, granted.subscription or ""


def _discount(
    coupon: Coupon,
    left: dict[LineId, Money],
    given: dict[LineId, Money],
    unit: Currency,
    beside: Collection[LineId],
    in_advance: Collection[LineId],
) -> InvoiceDiscount:
    base = sum(left.values(), zero(unit))
    stated = _stated(coupon)
    room = base if base.minor > 0 else zero(unit)
    wanted = _percent_of(room, coupon.percent) if coupon.percent is not None else stated
    assert wanted is not None, "a coupon has a percent or an amount"
    used = wanted if (room - wanted).minor >= 0 else room
    weights = [Exact(max(amount.minor, 0)) for amount in left.values()]
    nothing = zero(unit)
    allocated = allocate(-used, weights) if used.minor else [nothing for _ in weights]
    whole = dict(zip(left, allocated, strict=True))
    kept = {line: given.get(line, nothing) for line in left if line in in_advance}
    if kept:
        whole = _keeping(whole, left, kept, nothing)
    came = -sum(whole.values(), nothing)
    shares = [(line, share - given.get(line, nothing)) for line, share in whole.items() if line not in beside]
    text = _text(coupon, base=base, wanted=wanted, used=used, lines=len(left))
    if came != used:
        text += f", and {money_text(came)} with what fees in advance keep"
    return InvoiceDiscount(
        name=coupon.name,
        reference=coupon.key,
        version=coupon.version,
        digest=coupon.digest,
        percent=coupon.percent,
        stated=stated,
        base=base,
        amount=sum((share for _, share in shares), nothing),
        unused=wanted - came if (wanted - came).minor > 0 else nothing,
        shares=tuple(shares),
        text=text + _less(given, nothing),
        given=tuple((line, share) for line, share in given.items() if line not in beside),
        beside=tuple(
            LineBeside(line, amount, given.get(line, nothing), line in kept)
            for line, amount in left.items()
            if line in beside
        ),
    )


def _taken_back(
    coupon: Coupon, left: dict[LineId, Money], given: dict[LineId, Money], unit: Currency
) -> InvoiceDiscount:
    """It holds no more: nothing of it is granted, and what it took off is asked for."""
    back = -sum(given.values(), zero(unit))
    return InvoiceDiscount(
        name=f"{coupon.name}, taken back",
        reference=coupon.key,
        version=coupon.version,
        digest=coupon.digest,
        percent=None,
        stated=None,
        base=sum(left.values(), zero(unit)),
        amount=back,
        unused=zero(unit),
        shares=tuple((line, -share) for line, share in given.items()),
        text=f"it does not hold any more: {money_text(back)} that earlier papers of the period gave",
        given=tuple(given.items()),
    )


def _keeping(
    whole: dict[LineId, Money], left: dict[LineId, Money], kept: dict[LineId, Money], nothing: Money
) -> dict[LineId, Money]:
    """The shares with those of some lines as they are; the others bear the difference, as far as they can."""
    over = sum((whole[line] - share for line, share in kept.items()), nothing)
    free = [line for line in whole if line not in kept]
    more = over.minor < 0
    rooms = [max((left[line] + whole[line] if more else -whole[line]).minor, 0) for line in free]
    moved = min(abs(over.minor), sum(rooms))
    found = {**whole, **kept}
    if moved:
        parts = allocate(Money(-moved if more else moved, over.currency), [Exact(room) for room in rooms])
        found.update({line: whole[line] + part for line, part in zip(free, parts, strict=True)})
    return found


def _less(given: dict[LineId, Money], nothing: Money) -> str:
    if not given:
        return ""
    return f", less {money_text(-sum(given.values(), nothing))} that earlier papers of the period gave"


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
