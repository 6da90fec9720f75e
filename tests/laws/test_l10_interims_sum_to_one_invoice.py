"""L10 with earlier lines: however often a period is billed inside, its papers come to what one invoice would
have asked, line by line, coupon by coupon; only a tax may differ, by the rounding of each paper.

What one invoice would have asked is computed a second time from the definition of the price, in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import SimpleNamespace
from typing import cast

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import prices as any_
from tests.amounts import coupon, tax, taxation
from tests.records import CUSTOMER, JANUARY, POLICY, SELLER, SUBSCRIPTION, customer, plan, price
from tests.unit.rate import naive
from tests.usage import Used, snapshot_of
from tieout.aggregate.snapshot import Snapshot
from tieout.close.interim import with_usage, withdrawn
from tieout.close.rating import charges
from tieout.close.reconcile import rated_breaks, settled_breaks, working_breaks
from tieout.close.reconcile_amounts import amount_breaks
from tieout.close.segments import Segment
from tieout.contract.meter import Meter
from tieout.contract.modifiers import Modifiers
from tieout.contract.price import Matrix, Price, Tier, Volume
from tieout.invoice.discounts import GrantedCoupon
from tieout.invoice.draft import draft
from tieout.invoice.earlier import EarlierLine, Scope, scope_of
from tieout.invoice.invoice import KIND_FINAL, KIND_INTERIM, Invoice
from tieout.invoice.taxes import Taxation
from tieout.kernel.ids import LineId, Watermark
from tieout.kernel.money import CURRENCIES, Money
from tieout.kernel.quantity import Quantity
from tieout.rate.needs import breakdown_of, is_rated_per_event
from tieout.rate.terms import Terms

EXAMPLES = settings(max_examples=200)


@dataclass
class Papers:
    """The papers of one period, each after the ones before it, as a close makes them."""

    price: Price
    coupons: Sequence[GrantedCoupon] = ()
    taxed: Taxation = field(default_factory=taxation)
    sealed: list[Invoice] = field(default_factory=list)

    def bill(self, events: Sequence[Used], *, kind: str) -> Invoice:
        usage = snapshot_of(events, breakdown_of(self.price))
        interim = kind == KIND_INTERIM
        segment = self.segment(usage, Terms(interim=True) if interim else Terms())
        earlier = self.earlier()
        rated = charges([segment], [usage])
        asked = with_usage(rated, earlier) if interim else rated
        asked += withdrawn(earlier, asked, [segment], [usage], (), JANUARY)
        coupons = [each for each in self.coupons if not interim or each.coupon.percent is not None]
        paper = draft(
            customer=replace(customer(), currency=self.price.currency),
            seller=SELLER,
            period=JANUARY,
            charges=asked,
            cutoff=Watermark(1),
            policy=POLICY,
            tzdata_version="2026a",
            software_version="0.1.0",
            kind=kind,
            sequence=len(self.sealed) + 1,
            coupons=coupons,
            taxation=self.taxed,
            earlier=earlier,
            given=self.given(),
        )
        rests_on = [usage] if asked else []
        assert [*rated_breaks(rests_on, asked), *working_breaks(asked)] == []
        assert [*settled_breaks(asked, paper.lines), *amount_breaks(paper)] == []
        self.sealed.append(paper)
        return paper

    def segment(self, usage: Snapshot, terms: Terms) -> Segment:
        meter = cast("Meter", SimpleNamespace(key=usage.meter, version=usage.meter_version))
        listed = plan(self.price.key)
        return Segment(SUBSCRIPTION, CUSTOMER, JANUARY, JANUARY, listed, self.price, meter, None, terms)

    def earlier(self) -> dict[Scope, tuple[EarlierLine, ...]]:
        found: dict[Scope, tuple[EarlierLine, ...]] = {}
        for paper in self.sealed:
            for line in paper.lines:
                scope = scope_of(line.charge)
                settled = EarlierLine(line.id, paper.id, "S-1", line.quantity, line.amount)
                found[scope] = (*found.get(scope, ()), settled)
        return found

    def given(self) -> dict[tuple[str, LineId], Money]:
        return {
            (discount.reference, line): share
            for paper in self.sealed
            for discount in paper.discounts
            for line, share in discount.shares
        }

    def amounts(self) -> dict[Scope, int]:
        found: dict[Scope, int] = {}
        for paper in self.sealed:
            for line in paper.lines:
                scope = scope_of(line.charge)
                found[scope] = found.get(scope, 0) + line.amount.minor
        return {scope: minor for scope, minor in found.items() if minor}

    def discounted(self) -> dict[tuple[str, Scope], int]:
        found: dict[tuple[str, Scope], int] = {}
        for paper in self.sealed:
            scopes = {line.id: scope_of(line.charge) for line in paper.lines}
            for discount in paper.discounts:
                for line, share in discount.shares:
                    key = discount.reference, scopes[line]
                    found[key] = found.get(key, 0) + share.minor
        return {key: minor for key, minor in found.items() if minor}

    def quantity(self) -> Fraction:
        lines = (line for paper in self.sealed for line in paper.lines)
        return sum((line.quantity.as_fraction() for line in lines), Fraction(0))


stages = st.lists(any_.events(max_size=4), min_size=1, max_size=4)
taken_back = st.lists(st.integers(0, 15), max_size=4)


def so_far(batches: Sequence[Sequence[Used]], gone: Sequence[int]) -> list[list[Used]]:
    """What counts at each stage: events arrive, and one or another is retracted before the next stage."""
    found: list[list[Used]] = []
    there: list[Used] = []
    for place, batch in enumerate(batches):
        there = [*there, *batch]
        if place < len(gone) and gone[place] < len(there):
            there = there[: gone[place]] + there[gone[place] + 1 :]
        found.append(there)
    return found


def with_modifiers(each: Price, around: Modifiers) -> Price:
    """Without an allowance where the catalog's check refuses one."""
    if isinstance(each.shape, Matrix) or is_rated_per_event(each):
        around = replace(around, allowance=None)
    return replace(each, modifiers=around)


@EXAMPLES
@given(any_.prices(group_by=True), any_.modifiers(), stages, taken_back)
def test_all_papers_of_a_period_come_to_what_one_invoice_asks(
    each: Price, around: Modifiers, batches: list[list[Used]], gone: list[int]
) -> None:
    each = with_modifiers(each, around)
    counted = so_far(batches, gone)
    often, once = Papers(each), Papers(each)
    for there in counted:
        often.bill(there, kind=KIND_INTERIM)
    often.bill(counted[-1], kind=KIND_FINAL)
    once.bill(counted[-1], kind=KIND_FINAL)
    assert often.amounts() == once.amounts()
    assert often.quantity() == once.quantity()
    assert sum(paper.total.minor for paper in often.sealed) == once.sealed[0].total.minor


@EXAMPLES
@given(any_.prices(), stages, taken_back)
def test_they_come_to_what_the_definition_in_words_says(
    each: Price, batches: list[list[Used]], gone: list[int]
) -> None:
    counted = so_far(batches, gone)
    assume(counted[-1])
    often = Papers(each)
    for there in counted:
        often.bill(there, kind=KIND_INTERIM)
    often.bill(counted[-1], kind=KIND_FINAL)
    minor = naive.cost(each, counted[-1]) * 10 ** naive.MINOR_DIGITS[each.currency]
    assert sum(paper.total.minor for paper in often.sealed) == naive.ROUNDINGS[each.rounding.value](minor)


@EXAMPLES
@given(any_.prices(), any_.modifiers(), any_.events(of=any_.not_negative))
def test_a_minimum_is_asked_for_at_the_end_alone(each: Price, around: Modifiers, events: list[Used]) -> None:
    assume(events and not is_rated_per_event(each))
    least = replace(around, minimum=Fraction(10**6), maximum=None)
    with_minimum = Papers(with_modifiers(each, least))
    without = Papers(with_modifiers(each, replace(least, minimum=None)))
    asked = [papers.bill(events, kind=KIND_INTERIM).total for papers in (with_minimum, without)]
    assert asked[0] == asked[1]
    final = with_minimum.bill(events, kind=KIND_FINAL)
    unit = CURRENCIES[each.currency]
    assert (final.total + asked[0]).as_fraction() >= 10**6 - Fraction(1, 10**unit.exponent)


@EXAMPLES
@given(
    any_.prices(group_by=True),
    stages,
    taken_back,
    st.lists(st.integers(1, 10_000), max_size=2),
    st.none() | st.integers(1, 10**6),
    st.lists(st.tuples(st.integers(0, 3000), any_.roundings), max_size=2),
)
def test_coupons_give_what_they_would_once_and_taxes_differ_by_their_rounding(
    each: Price,
    batches: list[list[Used]],
    gone: list[int],
    percents: list[int],
    sum_off: int | None,
    rates: list[tuple[int, object]],
) -> None:
    """A coupon for a sum of money is taken off at the end, as far as all the papers reach."""
    code = each.currency
    granted = [coupon(f"p{n}", percent=str(Fraction(bp, 100))) for n, bp in enumerate(percents)]
    if sum_off is not None:
        amount = Fraction(sum_off, 10 ** CURRENCIES[code].exponent)
        granted.append(coupon("sum", amount=str(amount), code=code))
    levied = [
        tax(f"t{n}", str(Fraction(bp, 100)), rounding=rounding)  # type: ignore[arg-type]
        for n, (bp, rounding) in enumerate(rates)
    ]
    counted = so_far(batches, gone)
    often = Papers(each, granted, taxation(*levied))
    once = Papers(each, granted, taxation(*levied))
    for there in counted:
        often.bill(there, kind=KIND_INTERIM)
    often.bill(counted[-1], kind=KIND_FINAL)
    once.bill(counted[-1], kind=KIND_FINAL)
    assert often.discounted() == once.discounted()
    for place in range(len(levied)):
        of = [
            sum(t.amount.minor for t in paper.taxes if t.reference == f"t{place}") for paper in often.sealed
        ]
        single = sum(t.amount.minor for t in once.sealed[0].taxes if t.reference == f"t{place}")
        assert abs(sum(of) - single) <= len(often.sealed) + 1
    untaxed = [sum((paper.total - t).minor for t in [_taxes(paper)]) for paper in often.sealed]
    assert sum(untaxed) == (once.sealed[0].total - _taxes(once.sealed[0])).minor


def levied_minor(paper: Invoice, key: str) -> int:
    return sum(levied.amount.minor for levied in paper.taxes if levied.reference == key)


def _taxes(paper: Invoice) -> Money:
    return sum((t.amount for t in paper.taxes if not t.inclusive), Money(0, paper.currency))


def test_a_volume_tier_that_drops_gives_the_difference_back() -> None:
    """By hand: 900 at 0.50 are 450.00; 1,050 at 0.30 are 315.00, 135.00 less."""

    shape = Volume(
        (Tier(Quantity.parse("1000"), Fraction(1, 2), Fraction(0)), Tier(None, Fraction(3, 10), Fraction(0))),
        Fraction(1),
    )
    papers = Papers(price(shape), [coupon("ten", percent="10")])
    first = [Used(Quantity.parse("900"))]
    assert papers.bill(first, kind=KIND_INTERIM).total.decimal_text == "405.00"
    final = papers.bill([*first, Used(Quantity.parse("150"))], kind=KIND_FINAL)
    assert final.lines[0].amount.decimal_text == "-135.00"
    assert final.discounts[0].amount.decimal_text == "13.50"
    assert final.total.decimal_text == "-121.50"
