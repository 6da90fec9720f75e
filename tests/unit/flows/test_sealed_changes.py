"""What would change a sealed period is refused when applied, with customer, period, invoice and a way out;
what a sealed period does not use is applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.flows.apply_catalog import CatalogRefused, apply_catalog, check_at_home
from tieout.flows.close_periods import close
from tieout.flows.home import Home

PRICE = """
[[price]]
key = "calls-usd"
version = 2
effective_from = {start}
meter = "calls"
currency = "USD"
description = "Calls"
shape = "per_unit"
unit_amount = "0.020"
"""
PLAN = """
[[plan]]
key = "basic"
version = 2
effective_from = {start}
name = "Basic"
currency = "USD"
prices = ["fee-usd", "calls-usd", "tokens-usd"]
"""
METER = """
[[meter]]
key = "tokens"
version = 2
effective_from = {start}
definition = "Tokens in production, from now on by product and growth."
owner = "product"
event = "api.call"
aggregation = "sum"
field = "tokens"
unit = "token"
"""
SUBSCRIPTION = """
[[subscription]]
key = "acme-main"
version = 2
effective_from = {start}
customer = "acme"
[[subscription.phase]]
plan = "basic"
from = "2026-01-01T00:00:00Z"
until = {start}
"""
COMMITTED = """
[[subscription]]
key = "acme-main"
version = {version}
effective_from = 2025-12-31T0{version}:00:00Z
customer = "acme"
[[subscription.phase]]
plan = "basic"
from = "2026-01-01T00:00:00Z"
[[subscription.commitment]]
key = "half-year"
kind = "minimum"
amount = "{amount}"
from = {start}
until = 2026-07-01T00:00:00Z
billing = "end_of_term"
"""
UNUSED = PRICE.replace('"calls-usd"', '"other-usd"').replace("version = 2", "version = 1")
INSIDE, AFTER = "2026-01-20T00:00:00Z", "2026-02-01T05:00:00Z"


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[tuple[Home, Path]]:
    """January is sealed for three customers; in New York it ends last, at 05:00 UTC."""
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(3))
        assert len(close(home, as_of=FEBRUARY_3).invoices) == 3
        yield home, tmp_path


def problems(home: Home, folder: Path, text: str) -> list[tuple[str, str, str]]:
    """(document, field, message) of a refused apply; the same as `check` says, and nothing was stored."""
    file = folder / "new.toml"
    file.write_text(text)
    stored = home.books.documents.all()
    with pytest.raises(CatalogRefused) as refusal:
        apply_catalog(home, file)
    assert home.books.documents.all() == stored, "nothing is half-applied"
    assert check_at_home(home, file).problems == refusal.value.problems
    assert all(problem.line is not None for problem in refusal.value.problems)
    return [(problem.key, problem.field, problem.message) for problem in refusal.value.problems]


@pytest.mark.parametrize(
    ("text", "name"), [(PRICE, "price calls-usd v2"), (PLAN, "plan basic v2"), (METER, "meter tokens v2")]
)
@pytest.mark.parametrize("start", [INSIDE, "2025-06-01T00:00:00Z"])
def test_a_version_that_takes_effect_in_sealed_time_is_refused_for_each_customer(
    closed: tuple[Home, Path], text: str, name: str, start: str
) -> None:
    home, folder = closed
    found = problems(home, folder, text.format(start=start))
    assert [place[:2] for place in found] == [(name, "effective_from")] * 3
    numbers = [row.number for row in home.books.invoices.sealed()]
    for (_, _, message), number, customer in zip(found, numbers, ("acme", "birch", "cedar"), strict=True):
        assert f"what invoice {number} of {customer} billed from" in message
        assert "let it take effect at 2026-02-01T05:00:00Z or later" in message
    file = folder / "later.toml"
    file.write_text(text.format(start=AFTER))
    assert len(apply_catalog(home, file).added) == 1


def test_a_subscription_is_not_ended_in_sealed_time(closed: tuple[Home, Path]) -> None:
    home, folder = closed
    (found,) = problems(home, folder, SUBSCRIPTION.format(start=INSIDE))
    assert found[:2] == ("subscription acme-main v2", "phase")
    assert "INV-000001 of acme billed from 2026-01-01T00:00:00Z until 2026-02-01T00:00:00Z" in found[2]
    file = folder / "later.toml"
    file.write_text(SUBSCRIPTION.format(start="2026-02-01T00:00:00Z"))
    assert len(apply_catalog(home, file).added) == 1


@pytest.mark.parametrize(("start", "amount"), [("2026-01-01T00:00:00Z", "500.00"), (INSIDE, "900.00")])
def test_a_commitment_is_not_changed_in_sealed_time_however_early_its_version_takes_effect(
    tmp_path: Path, start: str, amount: str
) -> None:
    """The version takes effect before the term begins, so that by itself it rewrites nothing."""
    home, _ = make_home(tmp_path / "home")
    file = tmp_path / "agreed.toml"
    with home:
        file.write_text(COMMITTED.format(version=2, amount="900.00", start="2026-01-01T00:00:00Z"))
        apply_catalog(home, file)
        close(home, as_of=FEBRUARY_3)
        (found,) = problems(home, tmp_path, COMMITTED.format(version=3, amount=amount, start=start))
        assert found[:2] == ("subscription acme-main v3", "phase")
        assert "of acme billed from 2026-01-01T00:00:00Z until 2026-02-01T00:00:00Z" in found[2]


def test_all_are_found_at_once_and_what_no_sealed_period_uses_is_no_problem(
    closed: tuple[Home, Path],
) -> None:
    home, folder = closed
    together = [text.format(start=INSIDE) for text in (PRICE, METER, SUBSCRIPTION, UNUSED)]
    found = problems(home, folder, "".join(together))
    assert {(key, field) for key, field, _ in found} == {
        ("price calls-usd v2", "effective_from"),
        ("meter tokens v2", "effective_from"),
        ("subscription acme-main v2", "phase"),
    }
    file = folder / "unused.toml"
    file.write_text(UNUSED.format(start=INSIDE))
    assert len(apply_catalog(home, file).added) == 1


def test_a_price_that_a_sealed_period_keeps_from_before_may_change(tmp_path: Path) -> None:
    """The grandfathered customer's January rests on the first version, whatever comes after it."""
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    file = tmp_path / "kept.toml"
    kept = SUBSCRIPTION.format(start='"2026-03-01T00:00:00Z"')
    kept = kept.replace('effective_from = "2026-03-01', 'effective_from = "2026-01-01')
    kept += 'prices_as_of = 2025-06-01T00:00:00Z\nsuccessor = "basic"\n'
    kept += '[[subscription.phase]]\nplan = "basic"\nfrom = 2026-03-01T00:00:00Z\n'
    with home:
        file.write_text(kept)
        apply_catalog(home, file)
        ingest(home, january(3))
        close(home, as_of=FEBRUARY_3)
        found = problems(home, tmp_path, PRICE.format(start=INSIDE))
        assert ["birch" in found[0][2], "cedar" in found[1][2]] == [True, True] and len(found) == 2
