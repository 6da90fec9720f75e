"""Corrections that meet something else: voids, interims, moved zones, versions that correct nothing, fees of
any timing; on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.interims import CATALOG, RULE, close_at, interim_home, send
from tieout.cli.demo.stage import Stage
from tieout.close.outcome import NotDue, Sealed
from tieout.flows.apply_catalog import CatalogRefused, apply_catalog
from tieout.flows.correct import StaleReport, approve, preview
from tieout.flows.credit_invoice import CreditRefused, credit_invoice
from tieout.flows.invoices import show_invoice
from tieout.flows.verify_books import verify_books
from tieout.flows.void_invoice import void_invoice
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.ledger.account import Account

HARBOR = CustomerId("harbor")
JANUARY_10 = "2026-01-10T00:00:00Z"


@pytest.fixture(autouse=True, params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", request.getfixturevalue("postgres_url"))


def sealed_january(folder: Path, *, more: str = "") -> Stage:
    """30.00 for 100 GB; then 10 GB come late."""
    stage = interim_home(folder, more=more, rule="")
    send(stage, "2026-01-20T00:00:00Z", ("u1", JANUARY_10, "100", "eu"))
    close_at(stage, "2026-02-02T12:00:00Z")
    send(stage, "2026-02-05T00:00:00Z", ("late", JANUARY_10, "10", "eu"))
    return stage


def papers(stage: Stage) -> list[dict[str, object]]:
    found = stage.home.books.invoices.sealed(HARBOR)
    return [json.loads(show_invoice(stage.home, str(each.id)).document) for each in found]


def corrected(stage: Stage) -> list[tuple[str, str]]:
    """Start of the corrected period and amount."""
    return [
        (line["correction"]["period"]["start"], line["amount"])
        for paper in papers(stage)
        for line in paper["lines"]  # type: ignore[attr-defined]
        if "correction" in line
    ]


def reported(stage: Stage) -> str:
    found = preview(stage.home, person="Ann", reason="a queue was stuck")
    assert found.stopped == () and found.digest is not None
    return found.digest


def void(stage: Stage) -> None:
    void_invoice(stage.home, "S-000001", person="Ann", reason="the wrong address", approved_by="Bob")


def test_a_report_about_an_invoice_that_was_voided_since_is_stale(tmp_path: Path) -> None:
    stage = sealed_january(tmp_path)
    digest = reported(stage)
    void(stage)
    with pytest.raises(StaleReport, match="harbor"):
        approve(stage.home, digest, person="Bob", reason="fine")
    assert preview(stage.home, person="Ann", reason="again").digest is None, "the replacement bills it"
    with pytest.raises(CreditRefused, match="is voided"):
        credit_invoice(
            stage.home,
            "S-000001",
            line="1",
            amount=None,
            kind="goodwill",
            person="Ann",
            reason="x",
            approved_by="Bob",
        )


def test_what_was_approved_and_then_voided_is_billed_once_by_the_replacement(tmp_path: Path) -> None:
    stage = sealed_january(tmp_path, more='late_path = "note"\n')
    approve(stage.home, reported(stage), person="Bob", reason="fine")
    void(stage)
    report = close_at(stage, "2026-02-06T06:00:00Z")
    assert [each for _, _, each in report.outcomes if not isinstance(each, Sealed | NotDue)] == []
    close_at(stage, "2026-03-02T06:00:00Z")
    assert corrected(stage) == []
    assert sorted(str(paper["total"]) for paper in papers(stage)) == ["0.00", "30.00", "33.00"]
    assert verify_books(stage.home).findings == ()


def test_what_an_interim_billed_is_not_sealed_so_nothing_of_it_is_corrected(tmp_path: Path) -> None:
    stage = interim_home(tmp_path, rule=RULE)
    send(stage, "2026-01-11T00:00:00Z", ("u1", JANUARY_10, "400", "eu"))
    close_at(stage, "2026-01-11T06:00:00Z")
    send(stage, "2026-01-12T00:00:00Z", ("u2", JANUARY_10, "10", "eu"))
    found = preview(stage.home, person="Ann", reason="looking")
    assert (found.digest, found.periods, found.stopped) == (None, (), ())


def test_a_period_keeps_its_bounds_after_its_customer_moved(tmp_path: Path) -> None:
    """What came late for it is that of the zone it was sealed in."""
    stage = sealed_january(tmp_path, more='late_path = "note"\n')
    moved = CATALOG[CATALOG.index("[[customer]]") : CATALOG.index("[[subscription]]")]
    moved = moved.replace("version = 1", "version = 2").replace("2025-01-01", "2026-02-03")
    file = tmp_path / "moved.toml"
    file.write_text(moved.replace('zone = "UTC"', 'zone = "Pacific/Auckland"'))
    apply_catalog(stage.home, file)
    edges = (("first", "2026-01-01T00:00:00Z", "1", "eu"), ("after", "2026-02-01T00:00:00Z", "7", "eu"))
    send(stage, "2026-02-06T00:00:00Z", *edges)
    approve(stage.home, reported(stage), person="Bob", reason="fine")
    close_at(stage, "2026-02-06T06:00:00Z")
    assert corrected(stage) == [("2026-01-01T00:00:00Z", "3.30")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("supersedes = 1\n", ""), "overlaps"),
        (("supersedes = 1\n", "supersedes = 7\n"), "there is no version 7"),
        (('unit_amount = "0.03"', 'unit_amount = "0.03"\nrounding = "sideways"'), "rounding"),
    ],
)
def test_a_version_that_corrects_nothing_is_no_correction(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    stage = sealed_january(tmp_path)
    price = CATALOG[CATALOG.index("[[price]]") : CATALOG.index("[[plan]]")]
    price = price.replace("version = 1", "version = 2\nsupersedes = 1").replace("0.30", "0.03")
    file = tmp_path / "price.toml"
    file.write_text(price.replace(*change))
    with pytest.raises(CatalogRefused) as refused:
        preview(stage.home, person="Ann", reason="wrong", catalog_folder=file)
    assert any(said in str(each) for each in refused.value.problems), refused.value.problems
    assert stage.home.books.corrections.reports() == ()


FEE = """
[[price]]
key = "base-fee"
version = {version}
effective_from = 2025-01-01T00:00:00Z
currency = "USD"
description = "Base fee"
shape = "flat"
amount = "{amount}"
timing = "{timing}"
"""
COUPON = """
[[coupon]]
key = "ten"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Ten percent"
percent = "10"
forever = true
"""


def with_fee(folder: Path, timing: str) -> Stage:
    """January and February are sealed with a fee that is 3.00 too high, and a coupon on it."""
    catalog = CATALOG.replace('prices = ["egress-usd"]', 'prices = ["egress-usd", "base-fee"]')
    catalog = catalog.replace(
        "terms_days = 30\n",
        'terms_days = 30\n[[customer.coupon]]\ncoupon = "ten"\nfrom = 2025-12-31T00:00:00Z\n',
    )
    catalog += FEE.format(version=1, amount="31.00", timing=timing) + COUPON
    stage = interim_home(folder, rule="", catalog=catalog)
    close_at(stage, "2026-02-02T06:00:00Z")
    close_at(stage, "2026-03-02T06:00:00Z")
    return stage


def correct_fee(stage: Stage, timing: str, *, version: int, amount: str) -> None:
    stage.clock.set_to(parse_instant(f"2026-03-1{version}T00:00:00Z"))
    file = stage.folder / "fee.toml"
    file.write_text(
        FEE.format(version=version, amount=amount, timing=timing) + f"supersedes = {version - 1}\n"
    )
    found = preview(stage.home, person="Ann", reason="agreed otherwise", catalog_folder=file)
    assert found.stopped == () and found.digest is not None
    approve(stage.home, found.digest, person="Bob", reason="fine")


@pytest.mark.parametrize(("timing", "months", "ahead"), [("arrears", 3, 0), ("advance", 4, 1)])
@pytest.mark.parametrize("again", [False, True])
def test_a_fixed_fee_at_a_wrong_price_comes_to_the_right_one(
    tmp_path: Path, timing: str, months: int, ahead: int, again: bool
) -> None:
    """With its coupon, at the end of March; and what is deferred is the fee of April."""
    stage = with_fee(tmp_path, timing)
    correct_fee(stage, timing, version=2, amount="28.00")
    if again:
        correct_fee(stage, timing, version=3, amount="26.00")
    report = close_at(stage, "2026-04-02T06:00:00Z")
    assert [each for _, _, each in report.outcomes if not isinstance(each, Sealed | NotDue)] == []
    fee = Decimal("23.40" if again else "25.20")
    assert sum(Decimal(str(paper["total"])) for paper in papers(stage)) == months * fee
    posted = [each for entry in stage.home.books.ledger.entries() for each in entry.postings]
    deferred = -sum(each.amount.minor for each in posted if each.account is Account.DEFERRED_REVENUE)
    assert deferred == ahead * fee * 100
    assert preview(stage.home, person="Ann", reason="again").digest is None
    assert verify_books(stage.home).findings == ()


def test_when_a_fee_is_asked_for_is_no_matter_of_correction(tmp_path: Path) -> None:
    stage = with_fee(tmp_path, "advance")
    with pytest.raises(CatalogRefused) as refused:
        correct_fee(stage, "arrears", version=2, amount="28.00")
    assert "when a fee is asked for is agreed, not corrected" in str(refused.value.problems)
