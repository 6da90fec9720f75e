"""The three real data sets as replay sets: what the plain script works out is what the product bills."""

from __future__ import annotations

import os
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from tests.replay_sets import apache, azure, taxi
from tests.replay_sets.instants import at, local, month_of, text
from tests.replay_sets.money import Price, Tier, asked, cents_text, plain_text, settled

REAL_DATA = Path(os.environ.get("TIEOUT_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
real = pytest.mark.skipif(
    not all((REAL_DATA / each.FILE).is_file() for each in (azure, apache, taxi)),
    reason=f"the real data sets are not in {REAL_DATA}; TIEOUT_REAL_DATA names another folder",
)


# ------------------------------------------------------------------------------------------ the script itself
@real
def test_the_azure_totals_appear_in_what_is_expected() -> None:
    made = azure.build(REAL_DATA)
    billed = {line.meter: line for line in made.world.lines if line.scope.customer == "azure-code"}
    assert billed["context-tokens"].quantity == 18_059_974
    assert billed["generated-tokens"].quantity == 245_896
    # 5 x 3.00 + 10 x 2.50 + 3.059974 x 2.00 = 46.119948; 0.1 x 15.00 + 0.145896 x 12.00 = 3.250752
    assert [cents_text(line.amount) for line in billed.values()] == ["46.12", "3.25"]
    # with 1.90 for the last tier: 40 + 3.059974 x 1.90 = 45.8139506
    assert len(made.changed) == 1


def test_prices_ask_what_a_person_works_out() -> None:
    tiers = (Tier("10", "2.00"), Tier("20", "1.00"), Tier(None, "0.50"))
    whole, half = Fraction(1), Fraction(1, 2)
    graduated = Price("p", "", "graduated", tiers, "m")
    assert [asked(graduated, Fraction(n), whole) for n in (0, 10, 11, 20, 24)] == [0, 20, 21, 30, 32]
    volume = Price("p", "", "volume", tiers, "m", per="10")
    assert [asked(volume, Fraction(n), whole) for n in (10, 11, 30)] == [2, Fraction(11, 10), Fraction(3, 2)]
    package = Price("p", "", "package", (Tier(None, "3.00"),), "m", per="100")
    assert [asked(package, Fraction(n), whole) for n in (0, 1, 100, 101)] == [0, 3, 3, 6]
    assert asked(Price("p", "", "flat", (Tier(None, "9.00"),)), Fraction(7), half) == Fraction(9, 2)
    assert [settled(Fraction(n, 1000)) for n in (5, 4, -5, -15)] == [Fraction(n, 100) for n in (1, 0, -1, -2)]
    assert [cents_text(Fraction(n, 100)) for n in (-5, 123)] == ["-0.05", "1.23"]
    assert [plain_text(Fraction(n, 8)) for n in (-1, 8, 9)] == ["-0.125", "1", "1.125"]


def test_months_of_new_york_are_four_and_five_hours_after_those_of_utc() -> None:
    month = month_of(at("2019-03-31T23:30:00Z"), taxi.ZONE)
    assert [text(each) for each in month] == ["2019-03-01T05:00:00Z", "2019-04-01T04:00:00Z"]
    assert month_of(local(2019, 12, 31, taxi.ZONE), taxi.ZONE)[1] == local(2020, 1, 1, taxi.ZONE)


@real
@pytest.mark.parametrize("which", [azure, apache, taxi], ids=["azure", "apache", "taxi"])
def test_every_set_holds_what_a_gate_needs(which: object) -> None:
    made = which.build(REAL_DATA)  # type: ignore[attr-defined]
    counts, kinds = made.world.counts, Counter(call["call"] for call in made.calls)
    assert counts["received"] == sum(counts[v] for v in ("accepted", "duplicate", "conflict", "quarantined"))
    assert counts["accepted"] >= which.ROWS  # type: ignore[attr-defined]
    assert min(counts["duplicate"], counts["conflict"], made.world.late, len(made.changed)) > 0
    assert min(kinds["look"], kinds["correction"], kinds["close"] - 1) > 0
    assert any(len(customer.phases) > 1 for customer in made.world.customers.values())
