"""A conversion divides and rounds once for what is rated together; reconciliation finds the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
    localcontext,
)
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import JANUARY, SUBSCRIPTION, plan, price, snapshot
from tieout.aggregate.breakdown import Breakdown, UsageGroup
from tieout.aggregate.snapshot import Snapshot
from tieout.close.billed_quantity import billed_quantity
from tieout.close.reconcile import rated_breaks
from tieout.contract.conversion import Conversion
from tieout.contract.price import Graduated, PerUnit, Price, Tier
from tieout.kernel.digest import Fingerprint
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact
from tieout.kernel.rounding import Rounding
from tieout.rate.charge import Charge
from tieout.rate.conversion import converted
from tieout.rate.rate import rate
from tieout.rate.usage import group_names

DECIMALS = {
    Rounding.HALF_AWAY_FROM_ZERO: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
    Rounding.CEILING: ROUND_CEILING,
    Rounding.FLOOR: ROUND_FLOOR,
}
GIGABYTES = Conversion(exact("1000000000"), "GB", 3, Rounding.UP)
PER_GB = price(PerUnit(exact("1"), exact("1")))
QUANTITIES = st.one_of(
    st.integers(-(10**14), 10**14), st.integers(-(10**37), 10**37), st.sampled_from([0, 5 * 10**11])
).map(Quantity)
CONVERSIONS = st.builds(
    Conversion,
    st.one_of(
        st.sampled_from([Fraction(1), Fraction(2), Fraction(3), Fraction(10**9), Fraction(1, 8)]),
        st.builds(Fraction, st.integers(1, 10**24), st.sampled_from([1, 10**6, 10**18])),
    ),
    st.just("GB"),
    st.integers(0, 12),
    st.sampled_from(Rounding),
)


@given(QUANTITIES, CONVERSIONS)
def test_it_is_what_long_division_in_decimals_gives(quantity: Quantity, conversion: Conversion) -> None:
    divisor = conversion.divide_by
    with localcontext() as context:
        context.prec = (
            150  # an exact half has at most 60 digits; what differs from one does so before the 100th
        )
        exactly = Decimal(quantity.atoms) * divisor.denominator / (Decimal(divisor.numerator) * 10**12)
        places = Decimal(1).scaleb(-conversion.places)
        expected = exactly.quantize(places, rounding=DECIMALS[conversion.rounding])
        assert Decimal(str(converted(quantity, conversion))) == expected


@given(st.lists(st.tuples(st.sampled_from(["eu", "us", None]), QUANTITIES, st.integers(1, 9)), min_size=1),
       CONVERSIONS, st.booleans())  # fmt: skip
def test_reconciliation_finds_the_quantity_of_every_charge(
    events: list[tuple[str | None, Quantity, int]], conversion: Conversion, per_event: bool
) -> None:
    usage = grouped_usage(events, conversion)
    for priced in (PER_GB, replace(PER_GB, group_by=("region",)), replace(PER_GB, per_event=per_event)):
        charges = charges_of(usage, priced)
        assert [charge.quantity for charge in charges] == [
            billed_quantity(usage, priced, charge.group) for charge in charges
        ]
        assert rated_breaks([usage], charges) == []
        assert {charge.unit for charge in charges} == {"GB"}
        wrong = [replace(charge, quantity=charge.quantity + Quantity(1)) for charge in charges]
        assert rated_breaks([usage], wrong) != []


def grouped_usage(events: list[tuple[str | None, Quantity, int]], conversion: Conversion) -> Snapshot:
    """Usage by region and by value: each entry so many events of that value."""
    counts: dict[tuple[str | None, Quantity], int] = {}
    for region, value, count in events:
        counts[region, value] = counts.get((region, value), 0) + count
    groups = [
        UsageGroup((region,), Quantity(value.atoms * count), count, value)
        for (region, value), count in counts.items()
    ]
    total = sum(group.event_count for group in groups)
    whole = snapshot("0", count=total)
    return replace(
        whole,
        quantity=Quantity(sum(group.quantity.atoms for group in groups)),
        fingerprint=Fingerprint(total, 1, 2),
        unit="byte",
        conversion=conversion,
        breakdown=Breakdown(("region",), by_value=True),
        groups=tuple(sorted(groups, key=lambda group: group.order)),
    )


def charges_of(usage: Snapshot, priced: Price) -> list[Charge]:
    return [
        rate(
            usage,
            priced,
            plan=plan("p"),
            subscription=SUBSCRIPTION,
            period=JANUARY,
            segment=JANUARY,
            group=group,
        )
        for group in group_names(usage, priced)
    ]


@pytest.mark.parametrize(
    ("rounding", "halves"),
    [
        (Rounding.HALF_AWAY_FROM_ZERO, ["1", "2", "3", "-1", "-2"]),
        (Rounding.HALF_EVEN, ["0", "2", "2", "0", "-2"]),
        (Rounding.UP, ["1", "2", "3", "-1", "-2"]),
        (Rounding.DOWN, ["0", "1", "2", "0", "-1"]),
        (Rounding.CEILING, ["1", "2", "3", "0", "-1"]),
        (Rounding.FLOOR, ["0", "1", "2", "-1", "-2"]),
    ],
)
def test_halves_go_where_the_rounding_says_in_both_computations(
    rounding: Rounding, halves: list[str]
) -> None:
    """1, 3, 5, -1 and -3 bytes in units of two."""
    conversion = Conversion(exact("2"), "pair", 0, rounding)
    for units, expected in zip((1, 3, 5, -1, -3), halves, strict=True):
        usage = replace(snapshot(str(units)), conversion=conversion)
        assert str(converted(usage.quantity, conversion)) == expected
        assert str(billed_quantity(usage, PER_GB)) == expected


@pytest.mark.parametrize(
    ("priced", "quantities"),
    [
        (PER_GB, ["1.735"]),
        (replace(PER_GB, group_by=("region",)), ["1.235", "0.501"]),
        (replace(PER_GB, per_event=True), ["1.736"]),
    ],
)
def test_what_is_rated_together_is_rounded_once(priced: Price, quantities: list[str]) -> None:
    events = [("eu", "1234567890", 1), ("us", "500000000", 1), ("us", "1", 1)]
    usage = grouped_usage([(region, Quantity.parse(value), n) for region, value, n in events], GIGABYTES)
    charges = charges_of(usage, priced)
    expected = quantities if not priced.per_event else ["1.736"]  # 1.235 + 0.5 + 0.001
    assert [str(charge.quantity) for charge in charges] == expected


def test_the_working_says_what_was_divided_and_how_it_was_rounded() -> None:
    usage = replace(snapshot("1734567891"), unit="byte", conversion=GIGABYTES)
    (charge,) = charges_of(usage, PER_GB)
    assert [step.text for step in charge.steps] == [
        "1,734,567,891 byte divided by 1,000,000,000, rounded away from zero to 3 decimal places, "
        "are 1.735 GB",
        "1.735 GB at 1.00 USD each = 1.735 USD",
    ]
    assert charge.snapshot == usage


def test_tiers_are_in_the_unit_that_is_billed() -> None:
    tiers = Graduated(
        (
            Tier(Quantity.of(1), exact("1"), exact("0")),
            Tier(None, exact("2"), exact("0")),
        ),
        exact("1"),
    )
    usage = replace(snapshot("1734567891"), unit="byte", conversion=GIGABYTES)
    (charge,) = charges_of(usage, price(tiers))
    assert charge.amount == exact("1") + exact("0.735") * 2
