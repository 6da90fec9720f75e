"""The three real data sets as replay sets: what the plain script works out is what the product bills."""

from __future__ import annotations

import os
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pytest

from tests.real_usage import apache, azure, taxi
from tests.real_usage.folder import SetFolder
from tests.real_usage.instants import at, local, month_of, text
from tests.real_usage.money import Price, Tier, asked, cents_text, plain_text, settled
from tests.replay_sets import ran
from tieout.flows.replay_run import ReplayRun

LONG = bool(os.environ.get("TIEOUT_TEST_LONG"))
REAL_DATA = Path(os.environ.get("TIEOUT_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
WHICH = {"azure": azure, "apache": apache, "taxi": taxi}
EVERY = {"azure": 1, "apache": 1, "taxi": 1} if LONG else {"azure": 1, "apache": 20, "taxi": 6}
"""All of the smallest file, and samples of the others; all of them where there is time."""
ROWS = {"azure": 8_819, "apache": 10_000, "taxi": 10_000}
real = pytest.mark.skipif(
    not all((REAL_DATA / each.FILE).is_file() for each in WHICH.values()),
    reason=f"the real data sets are not in {REAL_DATA}; TIEOUT_REAL_DATA names another folder",
)
each_set = pytest.mark.parametrize("name", WHICH)


@lru_cache
def built(name: str) -> SetFolder:
    which: ModuleType = WHICH[name]
    made: SetFolder = which.build(REAL_DATA, every=EVERY[name])
    return made


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets")
    for name in WHICH:
        built(name).write(out)
    return out


# ------------------------------------------------------------------------------------------ the script itself
@real
def test_the_azure_totals_appear_in_what_is_expected() -> None:
    made = built("azure")
    billed = {line.meter: line for line in made.world.lines if line.scope.customer == "azure-code"}
    assert billed["context-tokens"].quantity == 18_059_974
    assert billed["generated-tokens"].quantity == 245_896
    # 5 x 3.00 + 10 x 2.50 + 3.059974 x 2.00 = 46.119948; 0.1 x 15.00 + 0.145896 x 12.00 = 3.250752
    assert [cents_text(line.amount) for line in billed.values()] == ["46.12", "3.25"]
    # with 1.90 for the last tier: 40 + 3.059974 x 1.90 = 45.8139506
    (changed,) = made.changed.values()
    assert changed is not None and cents_text(changed.amount) == "45.81"


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
@each_set
def test_every_set_holds_what_a_gate_needs(name: str) -> None:
    made = built(name)
    counts, kinds = made.world.counts, Counter(call["call"] for call in made.calls)
    assert counts["received"] == sum(counts[v] for v in ("accepted", "duplicate", "conflict", "quarantined"))
    assert counts["accepted"] >= ROWS[name] // EVERY[name]
    assert min(counts["duplicate"], counts["conflict"], made.world.late, len(made.changed)) > 0
    assert min(kinds["look"], kinds["correction"], kinds["close"] - 1) > 0
    assert any(len(customer.phases) > 1 for customer in made.world.customers.values())


# ------------------------------------------------------------------------------------------ the product
def amounts_of(run: ReplayRun) -> dict[str, Fraction | None]:
    """What the product found otherwise than expected, of amounts of lines."""
    found: dict[str, Fraction | None] = {}
    for each in run.differences:
        if each.file != "expected/lines.csv":
            continue
        key = dict(each.key)
        named = ("customer", "period_start", "kind", "sequence", "price", "segment_start")
        assert each.value == "amount" and each.cause.kind.value == "price", each
        found[" ".join(key[column] for column in named)] = each.found
    return found


@real
@each_set
def test_the_product_bills_what_the_script_expects(name: str, written: Path) -> None:
    run = ran(written / name)
    assert run.differences == () and run.refused == () and not run.waiting
    assert run.lines == len(built(name).world.lines)
    assert run.result.gate_failures == ()
    assert run.result.passes_gate


@real
@each_set
def test_with_one_tier_changed_exactly_the_lines_that_change_differ(name: str, written: Path) -> None:
    run = ran(written / name, candidate=written / f"{name}-candidate")
    expected = {key: None if line is None else line.amount for key, line in built(name).changed.items()}
    assert amounts_of(run) == expected
    assert not run.result.compares
