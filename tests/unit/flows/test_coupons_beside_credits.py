"""A credit of a fee in advance is money after its coupon: it makes no base smaller, so no other line of the
month pays for it when a price is corrected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.interims import CATALOG, close_at, interim_home, send
from tieout.flows.correct import approve, preview
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.kernel.instant import parse_instant

FEE = """
[[price]]
key = "base-fee"
version = 1
effective_from = 2025-01-01T00:00:00Z
currency = "USD"
description = "Base fee"
shape = "flat"
amount = "31.00"
timing = "advance"
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
USE = """terms_days = 30
[[customer.coupon]]
coupon = "ten"
from = 2025-12-31T00:00:00Z
"""
BILLED = CATALOG.replace('group_by = ["region"]\n', "")
PRICE = BILLED[BILLED.index("[[price]]") : BILLED.index("[[plan]]")]


@pytest.mark.parametrize("credits_", [(), (("2", "1.00"),), (("3", None),), (("2", "1.00"), ("3", None))])
@pytest.mark.parametrize(("rate", "difference", "back"), [("0.30", None, None), ("0.15", "-10.00", "1.00")])
def test_a_price_correction_gives_the_same_whatever_was_credited_of_fees(
    tmp_path: Path,
    credits_: tuple[tuple[str, str | None], ...],
    rate: str,
    difference: str | None,
    back: str | None,
) -> None:
    """66.676 GB at 0.30 are 20.00, and two fees 31.00 each, less ten percent. At 0.15 usage is 10.00: 10.00
    less, of which ten percent had been taken off. At the same price nothing changes."""
    catalog = BILLED.replace("terms_days = 30\n", USE) + FEE + COUPON
    catalog = catalog.replace('prices = ["egress-usd"]', 'prices = ["egress-usd", "base-fee"]')
    stage = interim_home(tmp_path, rule="", catalog=catalog)
    with stage.home:
        send(stage, "2026-01-10T00:00:00Z", ("a", "2026-01-05T00:00:00Z", "66.676", "eu"))
        close_at(stage, "2026-02-02T13:00:00Z")
        for hour, (line, amount) in enumerate(credits_):
            stage.clock.set_to(parse_instant(f"2026-02-03T0{hour}:00:00Z"))
            credit_invoice(
                stage.home,
                "S-000001",
                line=line,
                amount=amount,
                kind="billing-error",
                person="Ann",
                reason="asked twice",
                approved_by="Bob",
            )
        corrected = PRICE.replace("version = 1", "version = 2\nsupersedes = 1").replace('"0.30"', f'"{rate}"')
        (tmp_path / "price.toml").write_text(corrected)
        stage.clock.set_to(parse_instant("2026-02-04T00:00:00Z"))
        report = preview(stage.home, person="Ann", reason="a typo", catalog_folder=tmp_path / "price.toml")
        assert report.digest is not None and report.stopped == ()
        approve(stage.home, report.digest, person="Bob", reason="seen")
        close_at(stage, "2026-03-02T13:00:00Z")
        february = next(row for row in list_invoices(stage.home) if row.number == "S-000002")
        document = json.loads(show_invoice(stage.home, february.id).document)
    lines = [line for line in document["lines"] if "correction" in line]
    assert [line["amount"] for line in lines if line["amount"] != "0.00"] == (
        [difference] if difference else []
    )
    corrected_coupons = [row["amount"] for row in document["discounts"] if "2026-01-01" in row["name"]]
    assert [amount for amount in corrected_coupons if amount != "0.00"] == ([back] if back else [])


def test_a_fee_that_was_credited_and_then_corrected_bears_the_coupon_of_what_it_is(tmp_path: Path) -> None:
    """A fee of 31.00, of which 1.00 was credited, comes to 20.00; what follows finds nothing to give."""
    catalog = BILLED.replace("terms_days = 30\n", USE) + FEE + COUPON
    catalog = catalog.replace('prices = ["egress-usd"]', 'prices = ["egress-usd", "base-fee"]')
    stage = interim_home(tmp_path, rule="", catalog=catalog)
    with stage.home:
        send(stage, "2026-01-10T00:00:00Z", ("a", "2026-01-05T00:00:00Z", "150", "eu"))
        close_at(stage, "2026-02-02T13:00:00Z")
        close_at(stage, "2026-03-02T13:00:00Z")
        credit_invoice(
            stage.home,
            "S-000001",
            line="2",
            amount="1.00",
            kind="billing-error",
            person="Ann",
            reason="asked twice",
            approved_by="Bob",
        )
        files = (FEE.replace('"31.00"', '"20.00"'), PRICE)
        for hour, text in enumerate(files):
            (tmp_path / "better.toml").write_text(text.replace("version = 1", "version = 2\nsupersedes = 1"))
            stage.clock.set_to(parse_instant(f"2026-03-03T0{2 * hour}:00:00Z"))
            report = preview(
                stage.home, person="Ann", reason="a typo", catalog_folder=tmp_path / "better.toml"
            )
            assert report.digest is not None and report.stopped == ()
            stage.clock.set_to(parse_instant(f"2026-03-03T0{2 * hour + 1}:00:00Z"))
            approve(stage.home, report.digest, person="Bob", reason="seen")
            close_at(stage, f"2026-0{4 + hour}-02T13:00:00Z")
        taken = [
            (row["amount"], row["name"])
            for paper in list_invoices(stage.home)
            for row in json.loads(show_invoice(stage.home, paper.id).document)["discounts"]
            if "2026-01-01" in row["name"]
        ]
    assert [amount for amount, _ in taken if amount != "0.00"] == ["2.20"], "two fees, 11.00 less each"
