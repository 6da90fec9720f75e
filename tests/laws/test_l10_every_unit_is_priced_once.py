"""L10, the part of rating: tier pieces add up to the quantity, steps to the charge, lines to the subtotal."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records import JANUARY, POLICY, SELLER, SUBSCRIPTION, customer, plan, price, snapshot
from tieout.close.reconcile import settled_breaks, working_breaks
from tieout.close.reconcile_amounts import total_breaks
from tieout.contract.price import Flat, Graduated, PerUnit, PriceShape, Tier
from tieout.invoice.draft import draft
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity
from tieout.rate import shape_flat, shape_graduated
from tieout.rate.rate import rate

EXAMPLES = settings(max_examples=200)
ATOMS_MAX = 10**30 - 1
QUANTITY = st.one_of(
    st.integers(-ATOMS_MAX, ATOMS_MAX), st.integers(-(10**14), 10**14), st.sampled_from([0, 1, -1])
).map(Quantity.from_atoms)
AMOUNT = st.integers(0, 10**7).map(lambda number: Fraction(number, 10**5))
PER = st.sampled_from([Fraction(1), Fraction(3), Fraction(1_000_000)])


@st.composite
def graduated(draw: st.DrawFn) -> Graduated:
    bounds = sorted(draw(st.sets(st.integers(1, 10**14), max_size=4)))
    limits = [*(Quantity.from_atoms(bound) for bound in bounds), None]
    return Graduated(tuple(Tier(limit, draw(AMOUNT), draw(AMOUNT)) for limit in limits), draw(PER))


def cost(shape: Graduated, quantity: Quantity) -> Fraction:
    steps = shape_graduated.working(shape, quantity, unit="units", currency="USD")
    return sum((step.amount for step in steps), Fraction(0))


@EXAMPLES
@given(graduated(), QUANTITY)
def test_every_unit_is_priced_exactly_once(shape: Graduated, quantity: Quantity) -> None:
    steps = shape_graduated.working(shape, quantity, unit="units", currency="USD")
    ends = list(accumulate(Quantity.parse(step.quantity) for step in steps if step.quantity is not None))
    assert ends[-1] == quantity
    assert ends[:-1] == [tier.up_to for tier in shape.tiers[: len(ends) - 1]]
    for step in steps:
        if step.quantity is not None and step.rate is not None:
            assert Fraction(step.quantity) * Fraction(step.rate) == step.amount


@EXAMPLES
@given(graduated(), QUANTITY, QUANTITY)
def test_more_graduated_usage_never_costs_less(shape: Graduated, left: Quantity, right: Quantity) -> None:
    less, more = sorted((left, right))
    assert cost(shape, less) <= cost(shape, more)


@EXAMPLES
@given(graduated(), st.integers(0, 3 * 10**14))
def test_graduated_equals_an_integral_over_the_tiers(shape: Graduated, atoms: int) -> None:
    """Computed once more from marginal rates: the length of each tier's overlap with [0, quantity]."""
    quantity = Fraction(atoms, 10**12)
    total, lower = Fraction(0), Fraction(0)
    for place, tier in enumerate(shape.tiers):
        upper = quantity if tier.up_to is None else min(quantity, tier.up_to.as_fraction())
        total += max(upper - lower, Fraction(0)) * tier.unit_amount / shape.per
        total += tier.flat_amount if place == 0 or quantity > lower else 0
        lower = quantity if tier.up_to is None else tier.up_to.as_fraction()
    assert cost(shape, Quantity.from_atoms(atoms)) == total


SHAPE = st.one_of(graduated(), st.builds(PerUnit, AMOUNT, PER))


@EXAMPLES
@given(st.lists(st.tuples(SHAPE, QUANTITY), max_size=5))
def test_lines_add_up_to_the_subtotal_and_the_total(rated: list[tuple[PriceShape, Quantity]]) -> None:
    charges = [
        rate(
            snapshot(str(quantity)),
            price(shape),
            plan=plan("p"),
            subscription=SUBSCRIPTION,
            period=JANUARY,
            segment=JANUARY,
        )
        for shape, quantity in rated
    ]
    invoice = draft(
        customer=customer(),
        seller=SELLER,
        period=JANUARY,
        charges=charges,
        cutoff=Watermark(1),
        policy=POLICY,
        tzdata_version="2026a",
        software_version="0.1.0",
    )
    assert [*working_breaks(charges), *settled_breaks(charges, invoice.lines), *total_breaks(invoice)] == []
    assert invoice.subtotal.minor == sum(line.amount.minor for line in invoice.lines)


@EXAMPLES
@given(AMOUNT, st.lists(st.integers(JANUARY.start, JANUARY.end), max_size=6))
def test_parts_of_a_flat_fee_add_up_to_the_fee(fee: Fraction, cuts: list[int]) -> None:
    parts = JANUARY.split(Instant(cut) for cut in cuts)
    amounts = [
        step.amount
        for part in parts
        for step in shape_flat.working(Flat(fee), period=JANUARY, segment=part, currency="USD")
    ]
    assert sum(amounts, Fraction(0)) == fee
