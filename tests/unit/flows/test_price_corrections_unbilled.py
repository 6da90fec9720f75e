"""A price correction that is approved and not billed yet is never lost: its version is applied already, so
whatever overtakes its report must take its periods up."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.interims import CATALOG, close_at, interim_home, send
from tests.small_home import CATALOG as SMALL
from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.cli.demo.stage import Stage
from tieout.close.outcome import NotDue, Sealed
from tieout.flows.close_periods import close
from tieout.flows.correct import ApprovedLater, CorrectsEverybody, StaleReport, approve, preview
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.invoices import show_invoice
from tieout.flows.verify_books import verify_books
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant

HARBOR = CustomerId("harbor")


def sealed_and_corrected(folder: Path) -> Stage:
    """January (30.00) and February (15.00) are sealed at 0.30, and 0.60 is approved as the right price."""
    stage = interim_home(folder, rule="", more='late_path = "note"\n')
    for month, used in ((1, "100"), (2, "50")):
        send(stage, f"2026-0{month}-20T00:00:00Z", (f"u{month}", f"2026-0{month}-10T00:00:00Z", used, "eu"))
        close_at(stage, f"2026-0{month + 1}-02T12:00:00Z")
    price = CATALOG[CATALOG.index("[[price]]") : CATALOG.index("[[plan]]")]
    file = folder / "price.toml"
    file.write_text(price.replace("version = 1", "version = 2\nsupersedes = 1").replace("0.30", "0.60"))
    found = preview(stage.home, person="Ann", reason="agreed otherwise", catalog_folder=file)
    assert found.digest is not None
    approve(stage.home, found.digest, person="Bob", reason="fine")
    return stage


def report_again(stage: Stage) -> str:
    found = preview(stage.home, person="Ann", reason="as it is now")
    assert found.stopped == () and found.digest is not None
    return found.digest


def check_comes_to(stage: Stage, january: str, february: str) -> None:
    found = {"2026-01": Decimal(0), "2026-02": Decimal(0)}
    for row in stage.home.books.invoices.sealed(HARBOR):
        for line in json.loads(show_invoice(stage.home, str(row.id)).document)["lines"]:
            of = line["correction"]["period"] if "correction" in line else line["segment"]
            found[of["start"][:7]] += Decimal(line["amount"])
    assert found == {"2026-01": Decimal(january), "2026-02": Decimal(february)}
    assert preview(stage.home, person="Ann", reason="once more").digest is None
    assert verify_books(stage.home).findings == ()


def bill(stage: Stage) -> None:
    report = close_at(stage, "2026-03-04T00:00:00Z")
    assert [each for _, _, each in report.outcomes if not isinstance(each, Sealed | NotDue)] == []


def test_a_price_correction_that_a_credit_made_stale_is_found_again(tmp_path: Path) -> None:
    stage = sealed_and_corrected(tmp_path)
    said = {"person": "Ann", "reason": "wrong", "approved_by": "Bob"}
    credit_invoice(stage.home, "S-000001", line="1", amount="1.00", kind="billing-error", **said)  # type: ignore[arg-type]
    stage.clock.set_to(parse_instant("2026-03-03T00:00:00Z"))
    approve(stage.home, report_again(stage), person="Bob", reason="fine")
    bill(stage)
    check_comes_to(stage, "60.00", "30.00")


def test_a_clock_that_went_back_lets_no_older_report_win(tmp_path: Path) -> None:
    """The last approval is billed, so none is recorded before another; after that it goes through."""
    stage = sealed_and_corrected(tmp_path)
    said = {"person": "Ann", "reason": "wrong", "approved_by": "Bob"}
    credit_invoice(stage.home, "S-000001", line="1", amount="1.00", kind="billing-error", **said)  # type: ignore[arg-type]
    newer = report_again(stage)
    stage.clock.set_to(parse_instant("2026-03-02T11:00:00Z"))
    with pytest.raises(ApprovedLater, match="the clock went back"):
        approve(stage.home, newer, person="Bob", reason="fine")
    stage.clock.set_to(parse_instant("2026-03-03T00:00:00Z"))
    approve(stage.home, newer, person="Bob", reason="fine")
    bill(stage)
    check_comes_to(stage, "60.00", "30.00")


def test_a_report_of_late_events_takes_up_the_price_correction_before_it(tmp_path: Path) -> None:
    """The newest report of a customer is the one that is billed: it holds January too, where only the price
    is another."""
    stage = sealed_and_corrected(tmp_path)
    send(stage, "2026-03-03T00:00:00Z", ("late", "2026-02-11T00:00:00Z", "10", "eu"))
    approve(stage.home, report_again(stage), person="Bob", reason="fine")
    bill(stage)
    check_comes_to(stage, "60.00", "36.00")


FEE = SMALL[SMALL.index('[[price]]\nkey = "fee-usd"') : SMALL.index("[[plan]]")]


def test_a_corrected_price_is_previewed_for_everybody_who_has_it(tmp_path: Path) -> None:
    """The others would stay at the wrong price, with nothing that says so: also those whose period was sealed
    after the preview."""
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    ingest(home, january())
    close(home, as_of=clock.now(), customers=(CustomerId("acme"),))
    file = tmp_path / "fee.toml"
    file.write_text(FEE.replace("version = 1", "version = 2\nsupersedes = 1").replace("10.00", "8.00"))
    found = preview(home, person="Ann", reason="wrong", catalog_folder=file)
    assert found.digest is not None
    close(home, as_of=clock.now())
    with pytest.raises(StaleReport, match="birch"):
        approve(home, found.digest, person="Bob", reason="fine")
    with pytest.raises(CorrectsEverybody, match="birch, cedar"):
        preview(home, person="Ann", reason="x", customers=(CustomerId("acme"),), catalog_folder=file)
    everybody = tuple(CustomerId(key) for key in ("acme", "birch", "cedar"))
    whole = preview(home, person="Ann", reason="wrong", customers=everybody, catalog_folder=file)
    assert [str(each.customer) for each in whole.periods] == ["acme", "birch", "cedar"]
