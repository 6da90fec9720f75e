"""Coupons and taxes that would change a sealed invoice are refused when applied; what changes no amount of
it, or only later ones, is applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tests.unit.flows.test_sealed_changes import problems
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.home import Home

TAX = """
[[tax]]
key = "sales"
version = {version}
effective_from = {start}
name = "Sales tax"
jurisdiction = "New York"
percent = "{percent}"
"""
COUPON = """
[[coupon]]
key = "half"
version = {version}
effective_from = {start}
name = "Half"
percent = "{percent}"
forever = true
"""
ACME = """
[[customer]]
key = "acme"
version = {version}
effective_from = {start}
name = "{name}"
zone = "UTC"
currency = "USD"
seller = "us"
address = ["1 Main St"]
{more}
"""
SUBSCRIPTION = """
[[subscription]]
key = "acme-main"
version = 2
effective_from = {start}
customer = "acme"
[[subscription.phase]]
plan = "basic"
from = 2026-01-01T00:00:00Z
[[subscription.coupon]]
coupon = "half"
from = {since}
"""
COMMITTED = (
    SUBSCRIPTION.split("[[subscription.coupon]]", maxsplit=1)[0]
    + """
[[subscription.commitment]]
key = "year"
kind = "minimum"
amount = "1000.00"
from = {since}
until = 2027-01-01T00:00:00Z
billing = "end_of_term"
"""
)
ATTACHED = 'taxes = ["sales"]\n[[customer.coupon]]\ncoupon = "half"\nfrom = 2026-01-10T00:00:00Z'
EARLY, INSIDE, AFTER = "2025-06-01T00:00:00Z", "2026-01-20T00:00:00Z", "2026-02-01T00:00:00Z"


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[tuple[Home, Path]]:
    """January of three customers is sealed; acme paid 4 % and half of it."""
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        applied(
            home,
            tmp_path,
            TAX.format(version=1, start=EARLY, percent="4"),
            COUPON.format(version=1, start=EARLY, percent="50"),
            ACME.format(version=2, start="2026-01-02T00:00:00Z", name="acme Ltd", more=ATTACHED),
        )
        ingest(home, january(3))
        assert len(close(home, as_of=FEBRUARY_3).invoices) == 3
        yield home, tmp_path


def applied(home: Home, folder: Path, *texts: str) -> int:
    file = folder / "applied.toml"
    file.write_text("".join(texts))
    return len(apply_catalog(home, file).added)


CHANGES = [
    (TAX.format(version=2, start="{start}", percent="5"), "tax sales v2", "effective_from"),
    (ACME.format(version=3, start="{start}", name="acme Ltd", more=""), "customer acme v3", "effective_from"),
    (
        ACME.format(version=3, start="{start}", name="acme Ltd", more=ATTACHED + "\n").replace(
            'taxes = ["sales"]', 'taxes = ["sales"]\ntax_exempt = "charity"'
        ),
        "customer acme v3",
        "effective_from",
    ),
    (SUBSCRIPTION.format(start="{start}", since="{start}"), "subscription acme-main v2", "phase"),
    (COMMITTED.format(start="{start}", since="{start}"), "subscription acme-main v2", "phase"),
]


@pytest.mark.parametrize(("text", "document", "field"), CHANGES)
def test_terms_of_a_sealed_invoice_are_not_changed(
    closed: tuple[Home, Path], text: str, document: str, field: str
) -> None:
    home, folder = closed
    (found,) = problems(home, folder, text.replace("{start}", INSIDE))
    assert found[:2] == (document, field)
    assert "what invoice INV-000001 of acme billed from 2026-01-01T00:00:00Z until" in found[2]
    assert found[2].endswith("let it take effect at 2026-02-01T00:00:00Z or later")
    assert applied(home, folder, text.replace("{start}", AFTER)) == 1


def test_a_commitment_does_not_reach_back_over_all_of_a_sealed_month(closed: tuple[Home, Path]) -> None:
    """It splits no part of January, and would count none of its usage."""
    home, folder = closed
    january_first = "2026-01-01T00:00:00Z"
    (found,) = problems(home, folder, COMMITTED.format(start=january_first, since=january_first))
    assert found[:2] == ("subscription acme-main v2", "phase")


def test_new_terms_of_a_coupon_change_nothing_that_was_given_before(closed: tuple[Home, Path]) -> None:
    home, folder = closed
    assert applied(home, folder, COUPON.format(version=2, start=INSIDE, percent="10")) == 1


def test_terms_of_a_coupon_from_before_it_was_given_are_refused(closed: tuple[Home, Path]) -> None:
    home, folder = closed
    (found,) = problems(home, folder, COUPON.format(version=2, start="2026-01-05T00:00:00Z", percent="10"))
    assert found[:2] == ("coupon half v2", "effective_from")


def test_a_name_or_a_tax_that_no_sealed_invoice_bears_may_change(closed: tuple[Home, Path]) -> None:
    home, folder = closed
    renamed = ACME.format(version=3, start=INSIDE, name="acme Inc", more=ATTACHED)
    assert applied(home, folder, renamed) == 1
    other = TAX.format(version=1, start=INSIDE, percent="9").replace('"sales"', '"other"')
    assert applied(home, folder, other) == 1


def test_all_that_would_change_is_told_at_once(closed: tuple[Home, Path]) -> None:
    home, folder = closed
    texts = [CHANGES[0][0], CHANGES[3][0]]
    found = problems(home, folder, "".join(texts).replace("{start}", INSIDE))
    assert {each[:2] for each in found} == {
        ("tax sales v2", "effective_from"),
        ("subscription acme-main v2", "phase"),
    }
