"""A line of a commitment names the plan of its own period, also where a fee of the next is on the invoice."""

from __future__ import annotations

import json
from pathlib import Path

from tests.balances import ACME, balances_catalog
from tests.small_home import FEBRUARY_3, SIGNED_AT, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.invoices import show_invoice
from tieout.gateways.clock import SteppedClock
from tieout.wiring import create_home

PLAN = """
[[plan]]
key = "later"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Later"
currency = "USD"
prices = ["fee-usd", "calls-usd"]
"""
FIRST_PHASE = 'plan = "basic"\nfrom = "2026-01-01T00:00:00Z"\n'
TWO_PHASES = f"""{FIRST_PHASE}until = 2026-02-01T00:00:00Z
[[subscription.phase]]
plan = "later"
from = 2026-02-01T00:00:00Z
"""


def test_a_true_up_names_the_plan_that_the_month_was_on(tmp_path: Path) -> None:
    clock = SteppedClock(SIGNED_AT)
    with create_home(tmp_path / "home", clock=clock) as home:
        text = balances_catalog()
        assert text.count(FIRST_PHASE) == 1
        (tmp_path / "catalog.toml").write_text(text.replace(FIRST_PHASE, TWO_PHASES) + PLAN)
        apply_catalog(home, tmp_path / "catalog.toml")
        sign_policy(home, tmp_path)
        clock.set_to(FEBRUARY_3)
        (invoice,) = close(home, as_of=FEBRUARY_3, customers=(ACME,)).invoices
        lines = json.loads(show_invoice(home, invoice.id).document)["lines"]
    named = [(line["price"], line["segment"]["start"][:7], line["plan"]) for line in lines]
    assert ("fee-usd", "2026-02", "later") in named, "billed in advance"
    assert ("commitment/monthly/true-up", "2026-01", "basic") in named
