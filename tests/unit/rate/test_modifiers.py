"""Each modifier by hand: what it does at zero, to credits, and to a part of a period."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import JANUARY, period, price
from tests.usage import charge_for, charged, snapshot_of, used
from tieout.aggregate.breakdown import NO_BREAKDOWN
from tieout.contract.modifiers import Allowance, Discount, Modifiers
from tieout.contract.price import Flat, Graduated, Package, PerUnit, PriceShape, Tier
from tieout.kernel.instant import parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact, exact
from tieout.kernel.rounding import Rounding
from tieout.rate.charge import Charge
from tieout.rate.memory import ENTRIES_MAX, ByIdentity

ONE = PerUnit(exact("1"), exact("1"))
FIRST, SECOND = period("2026-01-01", "2026-01-11"), period("2026-01-11", "2026-02-01")


def cost(modifiers: Modifiers, quantity: str, shape: PriceShape = ONE, part: Period = JANUARY) -> Charge:
    each = replace(price(shape), modifiers=modifiers)
    (charge,) = charged(each, snapshot_of([used(quantity)], NO_BREAKDOWN, part))
    return charge


def allowance(units: str) -> Modifiers:
    return Modifiers(allowance=Allowance(Quantity.parse(units)))


def discount(percent: str | None = None, amount: str | None = None, until: str | None = None) -> Discount:
    share, money = (None if text is None else exact(text) for text in (percent, amount))
    return Discount("launch", share, money, None if until is None else parse_instant(until))


@pytest.mark.parametrize(
    ("quantity", "amount"), [("0", "0"), ("99", "0"), ("100", "0"), ("100.5", "0.5"), ("-3", "-3")]
)
def test_the_first_units_are_free_and_a_credit_uses_none(quantity: str, amount: str) -> None:
    assert cost(allowance("100"), quantity).amount == exact(amount)


def test_tiers_and_packages_begin_after_the_free_units() -> None:
    tiers = Graduated(
        (Tier(Quantity.of(10), exact("2"), exact("0")), Tier(None, exact("1"), exact("0"))), exact(1)
    )
    charge = cost(allowance("100"), "115", tiers)
    assert charge.amount == 25
    assert [step.text for step in charge.steps] == [
        "first 100 tokens free (allowance of 100)",
        "first 10 tokens at 2.00 USD each = 20.00 USD",
        "next 5 tokens (above 10) at 1.00 USD each = 5.00 USD",
    ]
    package = Package(exact("5"), Quantity.of(10), Rounding.UP)
    assert cost(allowance("100"), "111", package).amount == 10


def test_a_part_has_its_share_of_the_free_units() -> None:
    first, second = cost(allowance("3100"), "1200", part=FIRST), cost(allowance("3100"), "2000", part=SECOND)
    assert (first.amount, second.amount) == (200, 0)
    assert first.steps[0].text == (
        "first 1,000 tokens free (allowance of 1,000, the share of 3,100 for 10 of 31 days "
        "(864,000 of 2,678,400 seconds), 2026-01-01T00:00:00Z until 2026-01-11T00:00:00Z)"
    )
    whole = replace(allowance("3100"), prorate=False)
    assert cost(whole, "1200", part=FIRST).amount == 0


@pytest.mark.parametrize(
    ("found", "quantity", "amount"),
    [
        (discount(percent="10"), "50", "45"),
        (discount(percent="100"), "50", "0"),
        (discount(percent="10"), "-50", "-45"),
        (discount(amount="5"), "50", "45"),
        (discount(amount="5"), "3", "0"),
        (discount(amount="5"), "0", "0"),
        (discount(amount="5"), "-3", "-3"),
    ],
)
def test_a_discount_takes_off_what_is_there(found: Discount, quantity: str, amount: str) -> None:
    assert cost(Modifiers(discounts=(found,)), quantity).amount == exact(amount)


def test_a_discount_that_takes_less_than_it_grants_says_so() -> None:
    step = cost(Modifiers(discounts=(discount(amount="5"),)), "3").steps[-1]
    assert step.text == "discount launch: 5.00 USD off, but no more than 3.00 USD is there = -3.00 USD"


def test_a_discount_holds_for_parts_that_start_before_its_end() -> None:
    until = Modifiers(discounts=(discount(percent="10", until="2026-01-11T00:00:00Z"),), prorate=False)
    assert cost(until, "50", part=FIRST).amount == 45
    assert cost(until, "50", part=SECOND).amount == 50


def test_minimum_and_maximum_bound_the_line_and_a_part_has_its_share() -> None:
    bounds = Modifiers(minimum=exact("31"), maximum=exact("62"))
    assert [cost(bounds, quantity).amount for quantity in ("0", "40", "70", "-5")] == [31, 40, 62, 31]
    assert [cost(bounds, quantity, part=FIRST).amount for quantity in ("0", "15", "70")] == [10, 15, 20]
    whole = replace(bounds, prorate=False)
    assert [cost(whole, quantity, part=FIRST).amount for quantity in ("0", "70")] == [31, 62]
    step = cost(bounds, "0", part=FIRST).steps[-1]
    assert step.text.startswith("raised to the minimum of 31.00 USD for 10 of 31 days")
    assert step.text.endswith(" = 10.00 USD")


def test_the_order_is_allowance_shape_discounts_minimum_maximum() -> None:
    everything = Modifiers(
        Allowance(Quantity.of(100)), (discount(percent="20"), discount(amount="15")), exact("30"), exact("60")
    )
    tenth = PerUnit(exact("0.1"), exact("1"))
    charge = cost(everything, "600", tenth)
    assert charge.amount == 30
    assert [step.rule for step in charge.steps] == [
        "allowance",
        "per-unit",
        "discount",
        "discount",
        "minimum",
    ]
    assert cost(everything, "1100", tenth).amount == 60


def test_a_flat_fee_can_be_discounted_and_its_parts_add_up() -> None:
    fee = replace(price(Flat(exact("31")), meter=None), modifiers=Modifiers(discounts=(discount("10"),)))
    (charge,) = charged(fee, None)
    assert charge.amount == exact("27.9")
    assert charge_for(replace(price(ONE), modifiers=Modifiers()), used("1")).amount == 1


def test_what_follows_from_a_shape_is_made_once_and_never_mistaken_for_anothers() -> None:
    made: list[Exact] = []

    def make(shape: PerUnit, unit: str, currency: str) -> str:
        made.append(shape.unit_amount)
        return f"{shape.unit_amount} {unit} {currency}"

    memory: ByIdentity[PerUnit, str] = ByIdentity(make)
    assert memory.of(ONE, "a", "USD") == memory.of(ONE, "a", "USD") == "1 a USD"
    assert memory.of(ONE, "a", "EUR") == "1 a EUR"
    assert len(made) == 2
    for number in range(2 * ENTRIES_MAX):
        # each is dropped at once, so that identities are used again
        assert memory.of(PerUnit(Exact(number), Exact(1)), "a", "USD") == f"{number} a USD"
