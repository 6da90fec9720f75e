"""Graduated pricing, checked by hand: `up_to` is inclusive, each unit is priced in its own tier."""

from __future__ import annotations

import pytest

from tieout.contract.price import Graduated, Tier
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact
from tieout.rate.shape_graduated import working

TOKENS = Graduated(
    tiers=(
        Tier(up_to=Quantity.parse("10000000"), unit_amount=exact("0.50"), flat_amount=exact("0")),
        Tier(up_to=None, unit_amount=exact("0.40"), flat_amount=exact("0")),
    ),
    per=exact("1000000"),
)
"""10 million tokens at 0.50 USD per million, the rest at 0.40 USD per million."""

STEPPED = Graduated(
    tiers=(
        Tier(up_to=Quantity.parse("5"), unit_amount=exact("0"), flat_amount=exact("100")),
        Tier(up_to=Quantity.parse("10"), unit_amount=exact("0"), flat_amount=exact("50")),
        Tier(up_to=Quantity.parse("15"), unit_amount=exact("5"), flat_amount=exact("0")),
        Tier(up_to=None, unit_amount=exact("1"), flat_amount=exact("0")),
    ),
    per=exact("1"),
)
"""Fixed amounts on entering the first two tiers, then 5 and 1 a unit."""


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        ("0", "0"),
        ("1", "0.0000005"),
        ("1000000", "0.5"),
        ("9999999", "4.9999995"),
        ("10000000", "5"),  # the bound itself is still in the first tier
        ("10000001", "5.0000004"),
        ("10000000.5", "5.0000002"),
        ("12500000", "6"),
        ("-2000000", "-1"),
    ],
)
def test_tokens_by_hand(quantity: str, amount: str) -> None:
    steps = working(TOKENS, Quantity.parse(quantity), unit="tokens", currency="USD")
    assert sum(step.amount for step in steps) == exact(amount)


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        ("0", "100"),
        ("5", "100"),
        ("5.000000000001", "150"),
        ("10", "150"),
        ("12", "160"),
        ("15", "175"),
        ("22", "182"),
    ],
)
def test_fixed_amounts_fall_due_once_usage_enters_the_tier(quantity: str, amount: str) -> None:
    steps = working(STEPPED, Quantity.parse(quantity), unit="units", currency="USD")
    assert sum(step.amount for step in steps) == exact(amount)


def test_the_working_reads_as_a_person_would_check_it() -> None:
    steps = working(TOKENS, Quantity.parse("12500000"), unit="tokens", currency="USD")
    assert [step.text for step in steps] == [
        "first 10,000,000 tokens at 0.50 USD per 1,000,000 = 5.00 USD",
        "next 2,500,000 tokens (above 10,000,000) at 0.40 USD per 1,000,000 = 1.00 USD",
    ]
    assert [(step.quantity, step.rate) for step in steps] == [
        ("10000000", "0.0000005"),
        ("2500000", "0.0000004"),
    ]


def test_negative_usage_says_at_whose_rate_it_goes() -> None:
    (step,) = working(TOKENS, Quantity.parse("-2000000"), unit="tokens", currency="USD")
    rate = "0.50 USD per 1,000,000 (negative usage goes at the first tier's rate)"
    assert step.text == f"-2,000,000 tokens at {rate} = -1.00 USD"


def test_a_fixed_amount_says_which_tier_it_is_for() -> None:
    texts = [step.text for step in working(STEPPED, Quantity.parse("6"), unit="units", currency="USD")]
    assert texts == [
        "first 5 units at 0.00 USD each = 0.00 USD",
        "fixed amount of tier 1 = 100.00 USD",
        "next 1 units (above 5) at 0.00 USD each = 0.00 USD",
        "fixed amount of tier 2 (above 5 units) = 50.00 USD",
    ]
