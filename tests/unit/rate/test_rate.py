"""Per unit, flat and the parts of a split period, by hand."""

from __future__ import annotations

import pytest

from tests.records import JANUARY, METER, SUBSCRIPTION, period, plan, price, snapshot
from tieout.contract.price import Flat, Graduated, PerUnit, Tier
from tieout.kernel.period import Period
from tieout.kernel.rational import exact
from tieout.rate.charge import Charge
from tieout.rate.rate import UnratableSnapshot, rate

FEE = price(Flat(exact("49.00")), meter=None)


def flat(segment: Period, whole: Period = JANUARY) -> Charge:
    return rate(None, FEE, plan=plan("p"), subscription=SUBSCRIPTION, period=whole, segment=segment)


def test_per_unit_prices_fractions_and_credits_negative_usage() -> None:
    each = price(PerUnit(exact("0.02"), exact("1")))
    for quantity, amount, text in [
        ("1500", "30", "1,500 tokens at 0.02 USD each = 30.00 USD"),
        ("0.5", "0.01", "0.5 tokens at 0.02 USD each = 0.01 USD"),
        ("-3", "-0.06", "-3 tokens at 0.02 USD each = -0.06 USD"),
        ("0", "0", "0 tokens at 0.02 USD each = 0.00 USD"),
    ]:
        charge = rate(
            snapshot(quantity),
            each,
            plan=plan("p"),
            subscription=SUBSCRIPTION,
            period=JANUARY,
            segment=JANUARY,
        )
        assert charge.amount == exact(amount)
        assert [step.text for step in charge.steps] == [text]


def test_a_price_per_three_stays_exact_and_says_about_how_much() -> None:
    thirds = price(PerUnit(exact("1"), exact("3")))
    charge = rate(
        snapshot("2"), thirds, plan=plan("p"), subscription=SUBSCRIPTION, period=JANUARY, segment=JANUARY
    )
    assert charge.amount == exact("2") / 3
    assert charge.steps[0].text == "2 tokens at 1.00 USD per 3 = 2/3 USD (about 0.666667)"


def test_a_whole_period_pays_the_whole_fee() -> None:
    charge = flat(JANUARY)
    assert charge.amount == 49
    assert charge.steps[0].text == "49.00 USD for the whole period"
    assert (str(charge.quantity), charge.unit) == ("1", "fee")


def test_a_part_pays_by_elapsed_seconds_and_the_parts_add_up() -> None:
    first, second = flat(period("2026-01-01", "2026-01-15")), flat(period("2026-01-15", "2026-02-01"))
    assert first.amount == exact("49") * 14 / 31
    assert first.amount + second.amount == 49
    assert first.steps[0].text == (
        "49.00 USD for 14 of 31 days (1,209,600 of 2,678,400 seconds), "
        "2026-01-01T00:00:00Z until 2026-01-15T00:00:00Z = 686/31 USD (about 22.129032)"
    )


def test_parts_cut_inside_a_second_still_add_up() -> None:
    cut = "2026-01-15T12:00:00.700000Z"
    first, second = flat(period("2026-01-01", cut)), flat(period(cut, "2026-02-01"))
    assert first.amount + second.amount == 49
    assert first.amount == exact("49") * (14 * 86_400 + 43_200) / 2_678_400


def test_tiers_start_anew_in_each_part_and_the_working_says_so() -> None:
    tiers = price(Graduated((Tier(None, exact("1"), exact("0")),), exact("1")))
    part = period("2026-01-01", "2026-01-15")
    charge = rate(
        snapshot("3", part), tiers, plan=plan("p"), subscription=SUBSCRIPTION, period=JANUARY, segment=part
    )
    assert charge.steps[0].rule == "tiers-restart"
    assert charge.amount == 3


def test_usage_of_another_window_or_none_is_not_rated() -> None:
    each = price(PerUnit(exact("1"), exact("1")), meter=METER)
    part = period("2026-01-01", "2026-01-15")
    for wrong in (None, snapshot("1", part)):
        with pytest.raises(UnratableSnapshot):
            rate(wrong, each, plan=plan("p"), subscription=SUBSCRIPTION, period=JANUARY, segment=JANUARY)
    with pytest.raises(UnratableSnapshot):
        rate(snapshot("1"), FEE, plan=plan("p"), subscription=SUBSCRIPTION, period=JANUARY, segment=JANUARY)
