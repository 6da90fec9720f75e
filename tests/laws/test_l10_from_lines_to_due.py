"""L10, the part of the paper: lines, discounts and taxes add up to the total in minor units, in any currency,
and to what a second, plain computation gives."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.amounts import coupon, drafted, fee, tax, taxation
from tieout.close.reconcile_amounts import amount_breaks
from tieout.contract.tax import Tax
from tieout.invoice.amounts import CreditUsed
from tieout.invoice.discounts import GrantedCoupon
from tieout.invoice.invoice import Invoice
from tieout.kernel.money import CURRENCIES, CurrencyMismatch, Money
from tieout.kernel.rounding import Rounding
from tieout.rate.charge import Charge

EXAMPLES = settings(max_examples=300)
CODES = ("JPY", "USD", "EUR", "KWD")
PRICES = ("calls", "fee", "storage")
CATEGORIES = ("standard", "reduced")
PERCENT = st.integers(0, 10_000).map(lambda hundredths: f"{hundredths // 100}.{hundredths % 100:02d}")
MINOR = st.one_of(st.integers(-(10**7), 10**7), st.integers(-20, 20), st.just(0))


@st.composite
def lines(draw: st.DrawFn, code: str) -> list[Charge]:
    def one() -> Charge:
        price, category = draw(st.sampled_from(PRICES)), draw(st.sampled_from(CATEGORIES))
        return fee(draw(MINOR), key=price, code=code, category=category)

    return [one() for _ in range(draw(st.integers(0, 6)))]


@st.composite
def coupons(draw: st.DrawFn, code: str) -> list[GrantedCoupon]:
    def one(place: int) -> GrantedCoupon:
        prices = draw(st.sets(st.sampled_from(PRICES), max_size=2))
        since = draw(st.integers(0, 3))
        if draw(st.booleans()):
            percent = draw(PERCENT.filter(lambda text: Fraction(text) > 0))
            return coupon(f"c{place}", percent=percent, prices=sorted(prices), since=since)
        amount = Fraction(draw(st.integers(1, 10**6)), 10 ** CURRENCIES[code].exponent)
        return coupon(f"c{place}", amount=str(amount), code=code, prices=sorted(prices), since=since)

    return [one(place) for place in range(draw(st.integers(0, 3)))]


@st.composite
def taxes(draw: st.DrawFn) -> list[Tax]:
    """Inclusive or exclusive as a whole; all on everything, or each on one category."""
    inclusive, everything = draw(st.booleans()), draw(st.booleans())
    return [
        tax(
            f"t{place}",
            draw(PERCENT),
            inclusive=inclusive,
            compound=place > 0 and draw(st.booleans()),
            categories=() if everything else (draw(st.sampled_from(CATEGORIES)),),
            rounding=draw(st.sampled_from(Rounding)),
        )
        for place in range(draw(st.integers(0, 3)))
    ]


@st.composite
def invoices(draw: st.DrawFn) -> tuple[Invoice, list[Charge], list[GrantedCoupon], list[Tax]]:
    code = draw(st.sampled_from(CODES))
    billed, granted, levied = draw(lines(code)), draw(coupons(code)), draw(taxes())
    return drafted(*billed, coupons=granted, taxed=taxation(*levied), code=code), billed, granted, levied


@EXAMPLES
@given(invoices())
def test_an_invoice_equals_a_plain_second_computation(
    made: tuple[Invoice, list[Charge], list[GrantedCoupon], list[Tax]],
) -> None:
    invoice, billed, granted, levied = made
    left = [minor_of(charge, invoice) for charge in billed]
    discounted = 0
    for each in sorted(granted, key=lambda one: (one.coupon.amount is not None, one.since, one.coupon.key)):
        chosen = each.coupon.scope.prices
        places = [place for place, charge in enumerate(billed) if not chosen or charge.price.key in chosen]
        for place, share in zip(places, plain_shares(each, [left[n] for n in places], invoice), strict=True):
            left[place] -= share
            discounted += share
    added = sum(plain_taxes(levied, billed, left))
    assert -sum(discount.amount.minor for discount in invoice.discounts) == discounted
    assert invoice.subtotal.minor == sum(minor_of(charge, invoice) for charge in billed)
    assert invoice.total.minor == invoice.subtotal.minor - discounted + added
    assert amount_breaks(invoice) == []


@EXAMPLES
@given(invoices())
def test_discounts_never_turn_a_line_around_and_their_shares_add_up(
    made: tuple[Invoice, list[Charge], list[GrantedCoupon], list[Tax]],
) -> None:
    invoice = made[0]
    left = {line.id: line.amount.minor for line in invoice.lines}
    for discount in invoice.discounts:
        assert sum(share.minor for _, share in discount.shares) == discount.amount.minor <= 0
        for line, share in discount.shares:
            assert share.minor == 0 or left[line] + share.minor >= 0 > share.minor
            left[line] += share.minor
        promised = discount.stated or -discount.amount
        assert promised == discount.unused - discount.amount


@EXAMPLES
@given(invoices())
def test_what_is_contained_and_what_is_added_are_the_same_tax(
    made: tuple[Invoice, list[Charge], list[GrantedCoupon], list[Tax]],
) -> None:
    """A printed base times its rate is the printed amount; if inclusive, but for its group's rounding."""
    for row in made[0].taxes:
        exact = row.base.minor * row.percent / 100
        rows = sum(1 for other in made[0].taxes if other.lines == row.lines)
        assert abs(exact - row.amount.minor) <= (1 if not row.inclusive else 1 + 2 * rows)
    if not any(row.inclusive for row in made[0].taxes):
        return
    for row in made[0].taxes:
        together = [other for other in made[0].taxes if other.lines == row.lines and other.inclusive]
        plain = [other for other in together if not other.compound]
        gross = sum(line.amount.minor for line in made[0].lines if line.id in row.lines)
        gross += sum(
            share.minor
            for discount in made[0].discounts
            for line, share in discount.shares
            if line in row.lines
        )
        for other in plain:
            assert other.base.minor + sum(each.amount.minor for each in together) == gross


@EXAMPLES
@given(invoices(), st.lists(st.integers(0, 10**6), max_size=3))
def test_credits_leave_what_is_due(
    made: tuple[Invoice, list[Charge], list[GrantedCoupon], list[Tax]], used: list[int]
) -> None:
    invoice = made[0]
    paid = tuple(CreditUsed("wallet", "used", Money(minor, invoice.currency)) for minor in used)
    due = replace(invoice, credits=paid)
    assert due.due.minor == invoice.total.minor - sum(used)
    assert amount_breaks(due) == []


@pytest.mark.parametrize(("code", "other"), [("USD", "EUR"), ("JPY", "KWD")])
def test_a_currency_never_meets_another(code: str, other: str) -> None:
    with pytest.raises(CurrencyMismatch):
        drafted(fee(100, code=code), fee(100, code=other), code=code)
    with pytest.raises(CurrencyMismatch):
        drafted(fee(100, code=code), coupons=[coupon("c", amount="1", code=other)], code=code)


def minor_of(charge: Charge, invoice: Invoice) -> int:
    exact = charge.amount * 10**invoice.currency.exponent
    assert exact.denominator == 1
    return exact.numerator


def plain_shares(granted: GrantedCoupon, left: list[int], invoice: Invoice) -> list[int]:
    """Unit by unit: each minor unit goes to the line that is furthest behind its exact part."""
    base = sum(left)
    if base <= 0:
        return [0] * len(left)
    if granted.coupon.percent is not None:
        twice = 2 * base * granted.coupon.percent / 100
        taken = int(twice) // 2 + int(twice) % 2  # half away from zero, of a positive number
    else:
        assert granted.coupon.amount is not None
        taken = min(base, int(granted.coupon.amount * 10**invoice.currency.exponent))
    weights = [max(minor, 0) for minor in left]
    ideal = [Fraction(taken * weight, sum(weights)) for weight in weights]
    shares = [int(part) for part in ideal]
    while sum(shares) < taken:
        behind = max(range(len(shares)), key=lambda place: (ideal[place] - shares[place], -place))
        shares[behind] += 1
    return shares


def plain_taxes(levied: list[Tax], billed: list[Charge], left: list[int]) -> list[int]:
    """What exclusive taxes add; an inclusive one adds nothing. The base counts compounded taxes first."""
    added: list[tuple[tuple[int, ...], int]] = []
    for each in levied:
        places = tuple(
            place
            for place, charge in enumerate(billed)
            if not each.categories or charge.price.tax_category in each.categories
        )
        if not places or each.inclusive:
            continue
        base = sum(left[place] for place in places)
        if each.compound:
            base += sum(amount for where, amount in added if where == places)
        added.append((places, plainly_rounded(base * each.percent / 100, each.rounding)))
    return [amount for _, amount in added]


def plainly_rounded(amount: Fraction, rule: Rounding) -> int:
    below = amount.numerator // amount.denominator
    above = below if amount.denominator == 1 else below + 1
    toward, away = (below, above) if amount >= 0 else (above, below)
    match rule:
        case Rounding.FLOOR:
            return below
        case Rounding.CEILING:
            return above
        case Rounding.DOWN:
            return toward
        case Rounding.UP:
            return away
        case Rounding.HALF_EVEN:
            near = {below: amount - below, above: above - amount}
            return min(near, key=lambda whole: (near[whole], whole % 2))
        case Rounding.HALF_AWAY_FROM_ZERO:
            return away if abs(amount - away) <= abs(amount - toward) else toward
