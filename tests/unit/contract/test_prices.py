"""Prices of every shape are read as written; every mistake in one is named with its place, all at once."""

from __future__ import annotations

import pytest

from tests.unit.contract.price_sample import CATALOG, changed, price_of, problems_of, warnings_of
from tieout.contract.modifiers import NO_MODIFIERS, Allowance, Discount, Modifiers
from tieout.contract.price import (
    Cell,
    Dynamic,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PercentTier,
    PerUnit,
    Tier,
    Volume,
)
from tieout.kernel.instant import parse_instant
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact
from tieout.kernel.rounding import Rounding

ZERO = exact("0")
PER_UNIT = 'description = "Units"\nshape = "per_unit"\nunit_amount = "1"\n'
PERCENTAGE = 'shape = "percentage"\n'
FIRST_CELL = 'when = { model = "large", region = "eu" }'
SECOND_CELL = 'when = { model = "large" }\n'
SEATS = 'meter = "seats"\ncurrency = "USD"\ndescription = "Seats"\nshape = "per_unit"\nunit_amount = "9"\n'
SEATS_HEAD = 'meter = "seats"\ncurrency = "USD"\ndescription = "Seats"\n'

MISTAKES = [
    # (old text, new text, price, field, part of the message)
    ('up_to = "100", unit_amount', 'up_to = "0", unit_amount', "volume", "tiers[0].up_to", "begins at 0"),
    ('  { unit_amount = "0.10" },\n', "", "volume", "tiers[0].up_to", "must be open"),
    ('up_to = "1000", percent', 'up_to = "-1", percent', "graduated-percentage", "tiers[0].up_to",
     "out of order"),
    ('{ up_to = "1000", percent', '{ percent', "graduated-percentage", "tiers[0].up_to", "only the last"),
    ('percent = "1.5"', 'percent = "1000.01"', "graduated-percentage", "tiers[1].percent", "more than 1,000"),
    ('percent = "1.5"', 'unit_amount = "1.5"', "graduated-percentage", "tiers[1].percent", "is missing"),
    ('size = "1000"', 'size = "0"', "package", "size", "more than 0 units"),
    ('size = "1000"', "", "package", "size", "is missing"),
    ('size = "1000"', 'size = "1000"\nlast = "half"', "package", "last", "up, down"),
    ('amount = "5"', 'amount = "-5"', "package", "amount", "negative"),
    ('percent = "2.9"', 'percent = "-2.9"', "percentage", "percent", "negative"),
    ('percent = "2.9"', 'percent = "1001"', "percentage", "percent", "more than 1,000 %"),
    ('fixed = "0.30"', 'fixed = "-0.30"', "percentage", "fixed", "negative"),
    ('event_minimum = "0.50"', 'event_minimum = "6"', "percentage", "event_minimum", "6 is more than"),
    (PERCENTAGE, PERCENTAGE + 'amount_in = "cents"\n', "percentage", "amount_in", "major, minor"),
    (PERCENTAGE, PERCENTAGE + 'allowance = "1"\n', "percentage", "allowance", "which of them are free"),
    ('event_minimum = "0.50"\nevent_maximum = "5.00"', 'allowance = "1"', "percentage", "allowance",
     "free of the fixed part"),
    ('meter = "units"\ncurrency = "USD"\ndescription = "Fee"', 'meter = "calls"\ncurrency = "USD"\n'
     'description = "Fee"', "percentage", "meter", "calls v1 counts events"),
    ('amount_field = "cost"', "", "dynamic", "amount_field", "is missing"),
    ('amount_field = "cost"', 'amount_field = "price"', "dynamic", "amount_field", "declares no field"),
    ('amount_field = "cost"', 'amount_field = "model"', "dynamic", "amount_field", "of type enum"),
    ('amount_field = "cost"', 'amount_field = "tip"', "dynamic", "amount_field", 'not of use "billing"'),
    ('amount_field = "cost"', 'amount_field = "cost"\nallowance = "1"', "dynamic", "allowance",
     "carry the price"),
    ('dimensions = ["model", "region"]\notherwise', 'dimensions = ["model", "region", "zone"]\notherwise',
     "matrix", "dimensions", "units v1 declares no dimension 'zone'"),
    ('dimensions = ["model", "region"]\notherwise', 'dimensions = ["model"]\notherwise', "matrix",
     "cell[0].when.region", "not among this price's dimensions"),
    (FIRST_CELL, "when = {}", "matrix", "cell[0].when", "`otherwise` is for"),
    (FIRST_CELL, 'when = { model = "large" }', "matrix", "cell[1].when", "never be reached: cell[0]"),
    (FIRST_CELL, 'when = { model = "huge" }', "matrix", "cell[0].when.model", "never be reached"),
    (SECOND_CELL + 'shape = "volume"', SECOND_CELL + 'shape = "flat"', "matrix", "cell[1].shape",
     "'flat' is not one of"),
    (SECOND_CELL, SECOND_CELL + 'rounding = "up"\n', "matrix", "cell[1].rounding", "unknown key"),
    ('otherwise = { shape = "per_unit"', 'allowance = "5"\notherwise = { shape = "per_unit"', "matrix",
     "allowance", "in which cell"),
    ('shape = "matrix"', 'shape = "matrix"\nround_at = "event"', "matrix", "round_at", "rated together"),
    (PER_UNIT, PER_UNIT + 'round_at = "event"\n', "per-unit", "round_at", "rated together"),
    (PER_UNIT, PER_UNIT + 'rate_by = "events"\n', "per-unit", "rate_by", "line, event"),
    (PER_UNIT, PER_UNIT + 'rate_by = "event"\n', "per-unit", "allowance", "each event is rated alone"),
    (PER_UNIT, PER_UNIT + 'group_by = ["model"]\n', "per-unit", "allowance", "beside group_by"),
    (PER_UNIT, PER_UNIT + 'group_by = ["model"]\n', "per-unit", "minimum", "beside group_by"),
    (PER_UNIT, PER_UNIT + 'group_by = ["model"]\n', "per-unit", "discount[1].amount", "beside group_by"),
    (PER_UNIT, PER_UNIT + 'group_by = ["zone"]\n', "per-unit", "group_by", "no dimension 'zone'"),
    ('allowance = "1000"', 'allowance = "0"', "per-unit", "allowance", "above zero"),
    ('minimum = "10.00"', 'minimum = "10.005"', "per-unit", "minimum", "USD has 2 decimal places"),
    ('minimum = "10.00"', 'minimum = "60.00"', "per-unit", "minimum", "60 is more than maximum 50"),
    ('maximum = "50.00"', 'maximum = "-50.00"', "per-unit", "maximum", "negative"),
    ('percent = "10"', 'percent = "101"', "per-unit", "discount[0].percent", "more than 100 %"),
    ('percent = "10"', 'percent = "0"', "per-unit", "discount[0].percent", "takes nothing off"),
    ('percent = "10"', 'percent = "10"\namount = "1"', "per-unit", "discount[0].percent", "one of the two"),
    ('percent = "10"\n', "", "per-unit", "discount[0].percent", "is missing, and so is amount"),
    ('name = "welcome"', 'name = "launch"', "per-unit", "discount[1].name", "another discount"),
    ('name = "welcome"', 'name = "welcome"\nuntli = 1', "per-unit", "discount[1].untli", "unknown key"),
    ("until = 2026-03-01T00:00:00Z", "until = 2026-03-01", "per-unit", "discount[0].until", "RFC 3339"),
    (SEATS, SEATS + 'prorate = false\n', "seats", "prorate", "means nothing without"),
    (SEATS, SEATS + 'group_by = ["model"]\n', "seats", "group_by", "takes the last of all events"),
    (SEATS, SEATS + 'rate_by = "event"\n', "seats", "rate_by", "takes the last of all events"),
    (SEATS, SEATS_HEAD + 'shape = "percentage"\npercent = "1"\nfixed = "1"\n', "seats", "shape",
     "a fixed part and bounds are for each event"),
    ('amount = "49.00"', 'amount = "49.00"\nminimum = "1.00"', "fee", "minimum", "means nothing for a flat"),
    ('amount = "49.00"', 'amount = "49.00"\nallowance = "1"', "fee", "allowance", "has no units"),
    ('amount = "49.00"', 'amount = "49.00"\nrate_by = "event"', "fee", "rate_by", "unknown key"),
]  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: f"{case[2]} {case[3]} {case[4]}")
def test_a_mistake_in_a_price_is_named_with_its_place(case: tuple[str, str, str, str, str]) -> None:
    old, new, key, field, message = case
    problems = problems_of(changed((old, new)))
    found = [problem for problem in problems if (problem.key, problem.field) == (f"price {key} v1", field)]
    assert found, [str(problem) for problem in problems]
    assert any(message in problem.message for problem in found), [problem.message for problem in found]
    assert all(problem.line is not None and problem.path == "prices.toml" for problem in problems)


def test_the_sample_is_sound_and_warns_of_nothing() -> None:
    assert problems_of(CATALOG) == []
    assert warnings_of(CATALOG) == []


def test_all_mistakes_are_reported_at_once() -> None:
    wrong = changed(('size = "1000"', 'size = "0"'), ('percent = "2.9"', 'percent = "-1"'))
    wrong = wrong.replace('amount_field = "cost"', 'amount_field = "model"')
    names = {"price package v1", "price percentage v1", "price dynamic v1"}
    assert {problem.key for problem in problems_of(wrong)} == names


def test_two_prices_of_one_meter_add_up_one_amount_field() -> None:
    text = changed(
        ('key = "matrix"', 'key = "other"\nversion = 1\neffective_from = 2026-02-01T00:00:00Z\n'
         'meter = "calls"\ncurrency = "USD"\ndescription = "Other"\nshape = "dynamic"\n'
         'amount_field = "units"\n\n[[price]]\nkey = "matrix"'),
    )  # fmt: skip
    (problem,) = problems_of(text)
    assert (problem.key, problem.field) == ("price other v1", "amount_field")
    assert "price dynamic v1 adds up 'cost' of calls" in problem.message


def test_a_matrix_adds_up_one_amount_field() -> None:
    dynamic = 'shape = "dynamic", amount_field = '
    text = changed(
        ('otherwise = { shape = "per_unit", unit_amount = "1" }', f'otherwise = {{ {dynamic}"cost" }}'),
        ('shape = "per_unit"\nunit_amount = "3"', 'shape = "dynamic"\namount_field = "units"'),
    )
    assert [problem.field for problem in problems_of(text)] == ["cell"]


def test_shapes_are_read_as_they_are_written() -> None:
    tiers = (Tier(Quantity.of(100), exact("0.10"), ZERO), Tier(None, exact("0.10"), ZERO))
    assert price_of("volume").shape == Volume(tiers, exact("1"))
    assert price_of("package").shape == Package(exact("5"), Quantity.of(1000), Rounding.UP)
    assert price_of("graduated-percentage").shape == GraduatedPercentage(
        (PercentTier(Quantity.of(1000), exact("2"), ZERO), PercentTier(None, exact("1.5"), ZERO)), "major"
    )
    assert price_of("percentage").shape == Percentage(
        exact("2.9"), exact("0.30"), exact("0.50"), exact("5.00"), "major"
    )
    assert price_of("dynamic").shape == Dynamic("cost", "major")
    large = (Tier(Quantity.of(10), exact("2"), ZERO), Tier(None, exact("2"), ZERO))
    assert price_of("matrix").shape == Matrix(
        ("model", "region"),
        (
            Cell((("model", "large"), ("region", "eu")), PerUnit(exact("3"), exact("1"))),
            Cell((("model", "large"),), Volume(large, exact("1"))),
        ),
        PerUnit(exact("1"), exact("1")),
    )


def test_modifiers_are_read_as_they_are_written_and_absent_ones_are_none() -> None:
    assert price_of("per-unit").modifiers == Modifiers(
        Allowance(Quantity.of(1000)),
        (
            Discount("launch", exact("10"), None, parse_instant("2026-03-01T00:00:00Z")),
            Discount("welcome", None, exact("5"), None),
        ),
        exact("10"),
        exact("50"),
        prorate=False,
    )
    assert price_of("volume").modifiers is NO_MODIFIERS
    plain = price_of("volume")
    assert (plain.per_event, plain.round_at, plain.group_by) == (False, "line", ())


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('  { unit_amount = "0.10" },\n', '  { unit_amount = "0.09" },\n', "tiers[1]"),
        ('{ unit_amount = "2" }', '{ unit_amount = "1.9" }', "cell[1].tiers[1]"),
    ],
)
def test_a_volume_price_that_makes_more_usage_cheaper_is_warned_of(old: str, new: str, field: str) -> None:
    (warning,) = warnings_of(changed((old, new)))
    assert (warning.field, warning.path) == (field, "prices.toml")
    assert warning.line is not None
    assert "more usage costs less" in warning.message


def test_the_warning_says_what_it_costs_at_the_bound_and_above() -> None:
    (warning,) = warnings_of(changed(('  { unit_amount = "0.10" },\n', '  { unit_amount = "0.09" },\n')))
    assert "100 cost 10 USD, the least bit more costs 9 USD" in warning.message
    enough = '  { unit_amount = "0.09", flat_amount = "1.00" },\n'
    assert warnings_of(changed(('  { unit_amount = "0.10" },\n', enough))) == []
