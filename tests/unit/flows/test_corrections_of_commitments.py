"""Late usage under commitments that are paid ahead: what is corrected leaves draft, and deferred revenue is
what the balances say, also where the prices contain a tax and where only what lapses is another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.interims import CATALOG, close_at, interim_home, send
from tieout.balance.reversal import standing_movements
from tieout.cli.demo.stage import Stage
from tieout.close.outcome import NotDue, Sealed
from tieout.flows.invoices import show_invoice
from tieout.flows.verify_books import verify_books
from tieout.kernel.ids import CustomerId
from tieout.ledger.account import Account

HARBOR = CustomerId("harbor")
TAX = """
[[tax]]
key = "vat"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "VAT"
jurisdiction = "DE"
percent = "19"
inclusive = true
"""
COMMITMENT = """
[[subscription.commitment]]
key = "it"
kind = "{kind}"
amount = "30.00"
billing = "{billing}"
from = 2026-01-01T00:00:00Z
until = 2026-04-01T00:00:00Z
"""
KINDS = {
    "upfront": COMMITMENT.format(kind="minimum", billing="upfront"),
    "rolling": COMMITMENT.format(kind="minimum", billing="each_period") + "rollover = true\n",
    "each": COMMITMENT.format(kind="minimum", billing="each_period"),
    "end": COMMITMENT.format(kind="minimum", billing="end_of_term"),
    "maximum": COMMITMENT.format(kind="maximum", billing="end_of_term").replace(
        'billing = "end_of_term"\n', ""
    ),
}
PAID_AHEAD = {"upfront", "rolling", "each"}


def corrected_home(folder: Path, *, commitment: str, path: str, taxed: bool) -> Stage:
    """Three months with some usage are sealed as they end; then an event of January comes."""
    catalog = CATALOG.replace("from = 2026-01-01T00:00:00Z\n", f"from = 2026-01-01T00:00:00Z\n{commitment}")
    if taxed:
        catalog = catalog.replace("terms_days = 30", 'terms_days = 30\ntaxes = ["vat"]') + TAX
    folder.mkdir(exist_ok=True)
    more = f'late_path = "{path}"\nlate_approval = "policy"\n'
    stage = interim_home(folder, more=more, rule="", catalog=catalog)
    for month, gigabytes in ((1, "17"), (2, "51"), (3, "0.1")):
        send(
            stage,
            f"2026-0{month}-20T00:00:00Z",
            (f"u{month}", f"2026-0{month}-10T00:00:00Z", gigabytes, "eu"),
        )
        close_at(stage, f"2026-0{month + 1}-02T12:00:00Z")
    return stage


def deferred(stage: Stage) -> tuple[int, int]:
    """By the ledger, and by the movements."""
    movements = standing_movements(dict(stage.home.books.movements.of([HARBOR]))[HARBOR])
    held = sum(
        each.amount.minor - int(json.loads(each.details).get("contained_minor", 0))
        for each in movements
        if not each.account.endswith("/metered")
    )
    posted = [each for entry in stage.home.books.ledger.entries() for each in entry.postings]
    return -sum(each.amount.minor for each in posted if each.account is Account.DEFERRED_REVENUE), held


@pytest.mark.parametrize(("path", "taxed"), [("note", False), ("next_invoice", True)])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_corrected_leaves_draft_and_deferred_revenue_is_the_balance(
    tmp_path: Path, kind: str, path: str, taxed: bool
) -> None:
    stage = corrected_home(tmp_path / "all", commitment=KINDS[kind], path=path, taxed=taxed)
    for day, at in (
        ("05", "2026-01-05T00:00:00Z"),
        ("12", "2026-02-05T00:00:00Z"),
        ("19", "2026-03-05T00:00:00Z"),
    ):
        send(stage, f"2026-04-{day}T00:00:00Z", (f"late{day}", at, "3.33", "us"))
        report = close_at(stage, f"2026-04-{day}T06:00:00Z")
        assert all(isinstance(each, Sealed | NotDue) for _, _, each in report.outcomes), report.outcomes
    report = close_at(stage, "2026-05-02T06:00:00Z")
    assert all(isinstance(each, Sealed | NotDue) for _, _, each in report.outcomes), report.outcomes
    ledger, held = deferred(stage)
    assert ledger == (held if kind in PAID_AHEAD else 0)
    assert verify_books(stage.home).findings == ()
    for row in stage.home.books.invoices.sealed():
        assert json.loads(show_invoice(stage.home, str(row.id)).document)["lines"], "a paper says something"
