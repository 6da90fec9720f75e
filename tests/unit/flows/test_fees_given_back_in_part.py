"""A fee in advance at a wrong price, of which a part was given back: what is kept of it comes to the right
price, after its coupon and with its taxes. Worked out a second time in plain fractions."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from tests.interims import close_at, interim_home
from tests.unit.flows.test_coupons_beside_credits import BILLED, COUPON, FEE, USE
from tieout.cli.demo.stage import Stage
from tieout.close.outcome import NotDue, Sealed
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.correct import approve, preview
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.kernel.ids import LineId
from tieout.kernel.instant import parse_instant
from tieout.ledger.account import Account

TERMS = "terms_days = 30\n"
AMOUNT_OFF = COUPON.replace('percent = "10"', 'amount = "10.00"\ncurrency = "USD"')
VAT = """
[[tax]]
key = "vat"
version = {version}
effective_from = {since}
name = "VAT"
jurisdiction = "Germany"
percent = "{percent}"
categories = ["standard"]
"""


def half_up(amount: Fraction) -> Fraction:
    """Half a cent away from zero."""
    cents = abs(amount) * 100
    whole = cents.numerator // cents.denominator + (1 if cents % 1 >= Fraction(1, 2) else 0)
    return Fraction(whole if amount >= 0 else -whole, 100)


def left_in_march(folder: Path, *, coupon: str, taxed: bool) -> Stage:
    """Fees of 31.00 for January to March; the customer leaves with 14 March. February's rate of VAT is 19
    percent, that of March 21."""
    text = BILLED.replace(TERMS, USE) + coupon if coupon else BILLED
    fee = FEE
    if taxed:
        text = text.replace(TERMS, f'{TERMS}taxes = ["vat"]\n')
        text += VAT.format(version=1, since="2025-01-01T00:00:00Z", percent="19")
        text += VAT.format(version=2, since="2026-03-01T00:00:00Z", percent="21")
        fee += 'tax_category = "standard"\n'
    text = text.replace('prices = ["egress-usd"]', 'prices = ["egress-usd", "base-fee"]') + fee
    stage = interim_home(folder, rule="", catalog=text)
    close_at(stage, "2026-02-02T13:00:00Z")
    close_at(stage, "2026-03-02T13:00:00Z")
    left = text[text.index("[[subscription]]") : text.index("[[subject]]")].rstrip()
    left = left.replace("version = 1", "version = 2").replace("2025-12-01", "2026-03-10")
    (folder / "left.toml").write_text(f"{left}\nuntil = 2026-03-15T00:00:00Z\n")
    stage.clock.set_to(parse_instant("2026-03-12T00:00:00Z"))
    apply_catalog(stage.home, folder / "left.toml")
    close_at(stage, "2026-04-02T13:00:00Z")
    return stage


def correct(stage: Stage, day: int, *, version: int, amount: str, taxed: bool) -> None:
    stage.clock.set_to(parse_instant(f"2026-04-{day:02}T00:00:00Z"))
    fee = FEE.replace("version = 1", f"version = {version}\nsupersedes = {version - 1}")
    file = stage.folder / "fee.toml"
    file.write_text(fee.replace('"31.00"', f'"{amount}"') + ('tax_category = "standard"\n' if taxed else ""))
    found = preview(stage.home, person="Ann", reason="agreed otherwise", catalog_folder=file)
    assert found.stopped == () and found.digest is not None
    approve(stage.home, found.digest, person="Bob", reason="fine")
    report = close_at(stage, f"2026-04-{day:02}T12:00:00Z")
    assert [each for _, _, each in report.outcomes if not isinstance(each, Sealed | NotDue)] == []


def come_to(stage: Stage) -> Fraction:
    papers = [json.loads(show_invoice(stage.home, row.id).document) for row in list_invoices(stage.home)]
    for paper in papers:
        for line in paper["lines"]:
            reproduced = trace(stage.home, LineId(line["id"])).reproduced
            assert reproduced.matches, (line["id"], reproduced.differences)
    assert verify_books(stage.home).findings == ()
    return sum((Fraction(paper["total"]) for paper in papers), Fraction(0))


def deferred(stage: Stage) -> int:
    posted = [each for entry in stage.home.books.ledger.entries() for each in entry.postings]
    return sum(each.amount.minor for each in posted if each.account is Account.DEFERRED_REVENUE)


@pytest.mark.parametrize(
    ("coupon", "taxed", "credited"),
    [("", False, None), (COUPON, True, None), (AMOUNT_OFF, False, None), ("", True, "1.45")],
)
def test_what_is_kept_of_a_fee_comes_to_the_right_price(
    tmp_path: Path, coupon: str, taxed: bool, credited: str | None
) -> None:
    """Twice corrected, also after a person credited what was too much as a billing error."""

    def right(fee: str) -> Fraction:
        """January's, February's and March's fee, less 17 of 31 days of March's. The coupon of ten percent is
        on each fee; that of 10.00 on both fees of January's paper together, and on March's, that is on the
        paper of February. Taxes are those of the paper that asks, or gives back."""
        gross, days = Fraction(fee), Fraction(17, 31)
        first, second = 2 * gross, gross
        if coupon:
            first -= half_up(first / 10) if "percent =" in coupon else 10
            second -= half_up(second / 10) if "percent =" in coupon else 10
        back = half_up(second * days)
        if not taxed:
            return first + second - back
        vat = half_up((first + second) * Fraction(19, 100)) - half_up(back * Fraction(21, 100))
        return first + second - back + vat

    stage = left_in_march(tmp_path, coupon=coupon, taxed=taxed)
    with stage.home:
        assert abs(come_to(stage) - right("31.00")) <= Fraction(1, 100)
        if credited is not None:
            stage.clock.set_to(parse_instant("2026-04-03T00:00:00Z"))
            march = next(
                each["id"]
                for each in json.loads(show_invoice(stage.home, "S-000002").document)["lines"]
                if each["segment"]["start"].startswith("2026-03")
            )
            credit_invoice(
                stage.home,
                "S-000002",
                line=march,
                amount=credited,
                kind="billing-error",
                person="Ann",
                reason="too much",
                approved_by="Bob",
            )
        correct(stage, 5, version=2, amount="28.00", taxed=taxed)
        cents = 2 if taxed else 0  # each paper rounds its own taxes
        assert abs(come_to(stage) - right("28.00")) <= Fraction(cents, 100)
        correct(stage, 7, version=3, amount="33.33", taxed=taxed)
        assert abs(come_to(stage) - right("33.33")) <= Fraction(cents, 100)
        assert deferred(stage) == 0
        assert preview(stage.home, person="Ann", reason="again").digest is None
