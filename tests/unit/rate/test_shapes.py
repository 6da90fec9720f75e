"""Every shape by hand: zero, negative and exact bounds; what the working says, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import JANUARY, SUBSCRIPTION, period, plan, price, snapshot
from tests.usage import Used, charge_for, charged, snapshot_of, used
from tieout.aggregate.breakdown import Breakdown
from tieout.contract.price import (
    Cell,
    Dynamic,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PercentTier,
    PerUnit,
    PriceShape,
    Tier,
    Volume,
)
from tieout.kernel.limits import EVENT_STEPS_MAX
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact
from tieout.kernel.rounding import Rounding
from tieout.rate.rate import rate
from tieout.rate.shape_matrix import NoCellFits
from tieout.rate.usage import UnfitBreakdown, group_names


def percentage(
    percent: str, fixed: str = "0", least: str | None = None, most: str | None = None
) -> Percentage:
    bounds = [None if text is None else exact(text) for text in (least, most)]
    return Percentage(exact(percent), exact(fixed), bounds[0], bounds[1])


VOLUME = Volume(
    (
        Tier(Quantity.of(100), exact("12"), exact("5")),
        Tier(Quantity.of(1000), exact("10"), exact("300")),
        Tier(None, exact("0"), exact("0")),
    ),
    exact("1"),
)
STARTED = Package(exact("5"), Quantity.of(1000), Rounding.UP)
FULL = Package(exact("5"), Quantity.of(1000), Rounding.DOWN)
SHARES = GraduatedPercentage(
    (PercentTier(Quantity.of(1000), exact("2"), exact("1")), PercentTier(None, exact("1.5"), exact("0.5"))),
    "major",
)


@pytest.mark.parametrize(
    ("shape", "quantity", "amount"),
    [
        (VOLUME, "0", "5"),  # the first tier's fixed amount is due at zero
        (VOLUME, "100", "1205"),
        (VOLUME, "100.000000000001", "1300.00000000001"),
        (VOLUME, "1000", "10300"),
        (VOLUME, "1001", "0"),  # a tier for nothing is a tier
        (VOLUME, "-2", "-19"),
        (STARTED, "0", "0"),
        (STARTED, "0.5", "5"),
        (STARTED, "1000", "5"),
        (STARTED, "1000.000000000001", "10"),
        (STARTED, "-1", "-5"),
        (STARTED, "-1000.5", "-10"),
        (FULL, "999.999999999999", "0"),
        (FULL, "2500", "10"),
        (FULL, "-2500", "-10"),
        (SHARES, "0", "1"),
        (SHARES, "1000", "21"),
        (SHARES, "1500", "29"),
        (SHARES, "-100", "-1"),
        (percentage("2.9", "0.30"), "100", "3.20"),
        (percentage("2.9", "0.30"), "0", "0.30"),
        (percentage("2.9", "0.30"), "-100", "-2.60"),
        (percentage("120"), "10", "12"),
    ],
)
def test_by_hand(shape: PriceShape, quantity: str, amount: str) -> None:
    assert charge_for(price(shape), used(quantity)).amount == exact(amount)


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        ("100", "3.20"),
        ("1", "0.50"),
        ("0", "0.50"),
        ("1000", "5"),
        ("-1", "0.271"),
        ("-200", "-5"),
        ("-1000", "-5"),
    ],
)
def test_bounds_of_one_event(quantity: str, amount: str) -> None:
    bounded = price(percentage("2.9", "0.30", "0.50", "5"))
    assert charge_for(bounded, used(quantity)).amount == exact(amount)


def test_events_are_bounded_one_by_one_not_together() -> None:
    bounded = price(percentage("1", "0", "0.50"))
    assert charge_for(bounded, used("10"), used("10"), used("100")).amount == exact("2")


def test_no_events_cost_nothing_event_by_event() -> None:
    charge = charge_for(price(percentage("1", "0", "0.50")))
    assert charge.amount == 0
    assert [step.text for step in charge.steps] == ["0 tokens: there is no event to rate"]


@pytest.mark.parametrize(
    ("shape", "quantity", "texts"),
    [
        (
            VOLUME,
            "101",
            [
                "101 tokens at 10.00 USD each (all in tier 2, above 100 up to 1,000) = 1,010.00 USD",
                "fixed amount of tier 2 = 300.00 USD",
            ],
        ),
        (
            VOLUME,
            "-2",
            [
                "-2 tokens at 12.00 USD each (negative usage goes at the first tier's rate) = -24.00 USD",
                "fixed amount of tier 1 = 5.00 USD",
            ],
        ),
        (
            STARTED,
            "1500",
            ["1,500 tokens = 2 packages of 1,000 at 5.00 USD each (the last is not full) = 10.00 USD"],
        ),
        (
            FULL,
            "1500",
            ["1,500 tokens = 1 package of 1,000 at 5.00 USD each (a part of a package is free) = 5.00 USD"],
        ),
        (
            SHARES,
            "1500",
            [
                "2 % of the first 1,000.00 USD = 20.00 USD",
                "fixed amount of tier 1 = 1.00 USD",
                "1.5 % of the next 500.00 USD = 7.50 USD",
                "fixed amount of tier 2 = 0.50 USD",
            ],
        ),
        (
            SHARES,
            "-100",
            [
                "2 % of -100.00 USD (a negative amount goes by the first tier) = -2.00 USD",
                "fixed amount of tier 1 = 1.00 USD",
            ],
        ),
        (percentage("2.9", "0.30"), "100", ["2.9 % of 100.00 USD = 2.90 USD", "0.30 USD for the event"]),
    ],
)
def test_the_working_reads_as_a_person_would_check_it(
    shape: PriceShape, quantity: str, texts: list[str]
) -> None:
    assert [step.text for step in charge_for(price(shape), used(quantity)).steps] == texts


def test_amounts_in_minor_units_go_by_the_currency() -> None:
    for code, amount in (("JPY", "200"), ("USD", "2"), ("KWD", "0.2")):
        share = replace(percentage("2"), amount_in="minor")
        assert charge_for(price(share, currency=code), used("10000")).amount == exact(amount)
        cost = charge_for(price(Dynamic("cost", "minor"), currency=code), used("1", amount="100"))
        assert cost.amount == exact(amount) / 2
    tiers = replace(SHARES, amount_in="minor")
    assert charge_for(price(tiers, currency="KWD"), used("1500000")).amount == exact("29")


def test_a_payout_is_rounded_by_line_or_by_event() -> None:
    """Three payouts of 101 USD: 1.5075 together, 0.5025 each."""
    payouts = [used("101")] * 3
    together = price(percentage("0.25", "0.25"))
    assert charge_for(together, *payouts).amount == exact("1.5075")
    each = replace(together, per_event=True)
    assert charge_for(each, *payouts).amount == exact("1.5075")
    rounded = charge_for(replace(each, round_at="event"), *payouts)
    assert rounded.amount == exact("1.50")
    (step,) = rounded.steps
    assert (step.rule, step.quantity) == ("event-rounded-half_away_from_zero", "303")
    assert step.text == (
        "3 events, each: 0.25 % of 101.00 USD = 0.2525 USD; 0.25 USD for the event; "
        "rounded half away from zero to 0.50 USD; all = 1.50 USD"
    )


def test_many_distinct_events_are_summed_up_in_one_step() -> None:
    events = [used(str(number)) for number in range(1, EVENT_STEPS_MAX + 4)]
    charge = charge_for(replace(price(percentage("10")), per_event=True, round_at="event"), *events)
    assert len(charge.steps) == EVENT_STEPS_MAX + 1
    rest = charge.steps[-1]
    assert rest.text == (
        "3 events of 3 further values, 306 tokens, rated the same way one by one, "
        "each rounded half away from zero = 30.60 USD"
    )
    assert rest.quantity == "306"


MATRIX = Matrix(
    ("model", "region"),
    (
        Cell((("model", "large"), ("region", "eu")), PerUnit(exact("3"), exact("1000"))),
        Cell((("model", "large"),), VOLUME),
    ),
    None,
)


def test_a_matrix_pools_the_usage_of_a_cell_and_names_it() -> None:
    charge = charge_for(
        price(MATRIX),
        used("1500", model="large", region="eu"),
        used("60", model="large", region="us"),
        used("41", model="large"),
    )
    assert charge.amount == exact("4.5") + 1310
    assert [step.text for step in charge.steps] == [
        "model large, region eu: 1,500 tokens at 3.00 USD per 1,000 = 4.50 USD",
        "model large: 101 tokens at 10.00 USD each (all in tier 2, above 100 up to 1,000) = 1,010.00 USD",
        "model large: fixed amount of tier 2 = 300.00 USD",
    ]


def test_a_cell_without_usage_is_not_entered_at_zero() -> None:
    charge = charge_for(price(MATRIX), used("1", model="large", region="eu"))
    assert charge.amount == exact("0.003")
    assert [step.text for step in charge_for(price(MATRIX)).steps] == ["0 tokens: no cell is used"]


def test_usage_that_fits_no_cell_is_refused_and_named() -> None:
    with pytest.raises(NoCellFits) as refused:
        charge_for(price(MATRIX), used("7", model="small"), used("1", model="large"))
    assert str(refused.value) == (
        "7 tokens with model small, no region fit no cell of the matrix; give the price a cell for "
        "them, or an `otherwise`."
    )


def test_a_strangers_text_stands_escaped() -> None:
    with pytest.raises(NoCellFits) as refused:
        charge_for(price(MATRIX), used("7", model="\u202e<b>", region=""))
    assert r"model '\u202e<b>', region ''" in str(refused.value)


def test_one_cell_with_bounds_leaves_the_others_rated_together() -> None:
    mixed = Matrix(
        ("model",),
        (Cell((("model", "a"),), percentage("1", "0", "0.50")), Cell((("model", "b"),), STARTED)),
        None,
    )
    events = [used("10", model="a")] * 2 + [used("600", model="b"), used("300", model="b")]
    assert charge_for(price(mixed), *events).amount == exact("1") + exact("5")


def test_a_price_that_groups_has_a_charge_for_each_value_in_order() -> None:
    each = replace(price(PerUnit(exact("2"), exact("1"))), group_by=("region",))
    usage = snapshot_of(
        [used("1", region="us"), used("2", region="eu"), used("3"), used("4", region="us")],
        Breakdown(("model", "region"), by_value=True),
    )
    charges = charged(each, usage)
    assert [(charge.group, str(charge.quantity), charge.amount) for charge in charges] == [
        ((("region", None),), "3", 6),
        ((("region", "eu"),), "2", 4),
        ((("region", "us"),), "5", 10),
    ]
    assert group_names(snapshot_of([], Breakdown(("region",))), each) == ((),)


def test_usage_that_does_not_fit_is_not_rated() -> None:
    each = replace(price(PerUnit(exact("2"), exact("1"))), group_by=("region",))
    events = [used("1", region="us"), used("2", region="eu")]
    coarse = snapshot("3", count=2)
    lost = snapshot_of(events, Breakdown(("region",)))
    lost = replace(lost, quantity=Quantity.of(4))
    priceless = snapshot_of(events, Breakdown(amount_field="cost"))
    priceless = replace(priceless, groups=tuple(replace(each, amount=None) for each in priceless.groups))
    for wanted, usage, why in (
        (each, coarse, "broken down by"),
        (each, lost, "its groups hold 3 in 2 events, all of it 4 in 2"),
        (price(Dynamic("cost")), priceless, "no sum of cost"),
    ):
        with pytest.raises(UnfitBreakdown, match=why):
            charged(wanted, usage)


def test_tiers_of_a_part_say_that_they_start_anew_and_events_do_not() -> None:
    part = period("2026-01-01", "2026-01-15")
    for shape in (VOLUME, STARTED, SHARES):
        charge = rate(
            snapshot("3", part),
            price(shape),
            plan=plan("p"),
            subscription=SUBSCRIPTION,
            period=JANUARY,
            segment=part,
        )
        assert charge.steps[0].rule == "tiers-restart"
    each = replace(price(STARTED), per_event=True)
    usage = snapshot_of([Used(Quantity.of(3))], Breakdown(by_value=True), part)
    (charge,) = charged(each, usage)
    assert [step.rule for step in charge.steps] == ["event"]
