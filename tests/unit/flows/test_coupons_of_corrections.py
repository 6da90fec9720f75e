"""Coupons of corrected months, as reports, papers and credits have them; the amounts are those of the story
`coupons_of_corrected_months`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.amounts import coupon, drafted, fee
from tests.scenarios.play import played as play_story
from tieout.cli.demo.stage import Stage
from tieout.flows.correct import reports
from tieout.flows.credit_invoice import CreditTooLarge, credit_invoice
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.invoice.discounts import discounts
from tieout.invoice.earlier import EarlierLine
from tieout.invoice.line import Line
from tieout.kernel.ids import InvoiceId, SubscriptionId
from tieout.kernel.money import currency


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Stage]:
    stage = play_story("coupons_of_corrected_months", tmp_path)
    with stage.home:
        yield stage


def test_whoever_approves_and_whoever_pays_sees_what_becomes_of_coupons(played: Stage) -> None:
    first, second = (json.loads(each.report)["periods"] for each in reports(played.home))
    said = [
        (each["coupon"], each["before"], each["now"], each["difference"]) for each in first[0]["discounts"]
    ]
    assert said == [("fifth", "-20.00", "-30.00", "-10.00"), ("welcome", "-24.00", "-24.00", "0.00")]
    assert [each["discounts"][0]["difference"] for each in second] == ["20.00", "-2.00"]
    last = next(row.id for row in list_invoices(played.home) if row.number == "S-CN-000001")
    names = [each["name"] for each in json.loads(show_invoice(played.home, last).document)["discounts"]]
    assert names == [
        "A fifth off data",
        "A fifth off data (2026-01-01 until 2026-02-01)",
        "Welcome (2026-01-01 until 2026-02-01)",
        "A fifth off data (2026-02-01 until 2026-03-01)",
    ]


def test_a_credit_gives_back_no_more_than_was_asked_after_coupons(played: Stage) -> None:
    """January's data comes to 28.00 on its three papers."""
    decided = {"person": "Ann", "reason": "an outage", "approved_by": "Bob", "kind": "goodwill"}
    with pytest.raises(CreditTooLarge, match=r"28\.00 USD"):
        credit_invoice(played.home, "S-000001", line="1", amount="28.01", **decided)  # type: ignore[arg-type]


def test_a_coupon_of_two_subscriptions_takes_off_what_each_was_given() -> None:
    one, other = SubscriptionId("one"), SubscriptionId("other")
    both = [coupon("ten", percent="10", only=one), coupon("ten", percent="10", only=other)]
    paper = drafted(fee(1000, subscription=one), fee(2000, subscription=other), coupons=both)
    assert [row.amount.minor for row in paper.discounts] == [-100, -200]
    given = {(row.reference, line): share for row in paper.discounts for line, share in row.shares}
    final = drafted(fee(1000, subscription=one), fee(2000, subscription=other))
    settled = [_less(line, before) for line, before in zip(final.lines, paper.lines, strict=True)]
    again = discounts(settled, both, currency("USD"), given)
    assert [row.amount.minor for row in again] == [0, 0]


def _less(line: Line, before: Line) -> Line:
    earlier = EarlierLine(before.id, InvoiceId("in_earlier"), "S-1", before.quantity, before.amount)
    return replace(line, amount=line.amount - before.amount, earlier=(earlier,))
