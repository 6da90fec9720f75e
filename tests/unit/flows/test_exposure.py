"""Exposure is the invoice to come: now, at the rate so far, and at the last instant to the cent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interims import CATALOG, close_at, interim_home, send
from tieout.cli.demo.stage import Stage, set_stage
from tieout.flows import exposure as exposing
from tieout.flows.apply_catalog import NoSuchCustomer, apply_catalog
from tieout.flows.exposure import AccountExposure, NothingRuns, exposure
from tieout.flows.follow_usage import UsageFollower
from tieout.flows.invoices import list_invoices
from tieout.flows.wallet import GrantOrder, grant_credit
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant

HARBOR = CustomerId("harbor")
JAN_11 = "2026-01-11T00:00:00Z"
LAST = "2026-01-31T23:59:59.999999Z"


def exposed(stage: Stage, at: str) -> AccountExposure:
    stage.clock.set_to(parse_instant(at))
    (account,) = exposure(stage.home, HARBOR).accounts
    return account


def used(folder: Path, **more: str) -> Stage:
    """300 GB in the EU and 100 in the US by the 10th: 120.00."""
    stage = interim_home(folder, **more)
    rows = ("a", "2026-01-05T00:00:00Z", "300", "eu"), ("b", "2026-01-06T00:00:00Z", "100", "us")
    send(stage, "2026-01-10T00:00:00Z", *rows)
    return stage


def test_what_the_period_costs_now_and_at_the_rate_so_far(tmp_path: Path) -> None:
    """10 of 31 days: 400 GB x 31/10 = 1240 GB, at 0.30: 372.00; 930 and 310 GB by region."""
    account = exposed(used(tmp_path), JAN_11)
    assert account.now.due.decimal_text == "120.00"
    assert account.projected is not None
    lines = [(str(line.quantity), line.amount.decimal_text) for line in account.projected.invoice.lines]
    assert lines == [("930", "279.00"), ("310", "93.00")]
    assert account.projected.due.decimal_text == "372.00"
    assert account.is_signed


def test_what_was_billed_inside_the_period_is_taken_off_what_is_due_and_stays_spent(tmp_path: Path) -> None:
    stage = used(tmp_path)
    close_at(stage, JAN_11)
    assert [row.total.decimal_text for row in list_invoices(stage.home)] == ["120.00"]
    send(stage, "2026-01-12T00:00:00Z", ("c", "2026-01-11T12:00:00Z", "10", "eu"))
    account = exposed(stage, "2026-01-12T00:00:00Z")
    assert account.now.due.decimal_text == "3.00"
    assert account.now.interims.decimal_text == "120.00"
    assert account.now.spent.decimal_text == "123.00"


def test_at_the_last_instant_it_is_what_the_close_seals(tmp_path: Path) -> None:
    fee = (
        CATALOG.replace('prices = ["egress-usd"]', 'prices = ["egress-usd", "fee"]')
        + """
[[price]]
key = "fee"
version = 1
effective_from = 2025-01-01T00:00:00Z
currency = "USD"
description = "Fee"
shape = "flat"
amount = "10.01"
"""
    )
    stage = used(tmp_path, catalog=fee)
    order = GrantOrder("harbor", "125.00", None, "paid", 100, None, None, (), ())
    grant_credit(stage.home, order, grant_id="g", person="Fay", reason="bought")
    close_at(stage, JAN_11)
    account = exposed(stage, LAST)
    assert account.now.due.decimal_text == "5.01", "10.01, less what 120.00 left of the credit"
    close_at(stage, "2026-02-02T06:00:00Z")
    final = list_invoices(stage.home)[-1]
    assert final.kind == "final"
    assert account.now.due == final.due
    assert account.now.invoice.total == final.total
    assert account.projected is not None


def test_without_a_signed_policy_it_says_so(tmp_path: Path) -> None:
    stage = set_stage(tmp_path / "home", now=parse_instant("2026-01-10T00:00:00Z"))
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "catalog.toml").write_text(CATALOG)
    apply_catalog(stage.home, tmp_path / "catalog")
    account = exposed(stage, JAN_11)
    assert not account.is_signed
    assert account.now.due.decimal_text == "0.00"


def test_who_is_unknown_or_has_nothing_that_runs_is_told_so(tmp_path: Path) -> None:
    stage = used(tmp_path)
    with pytest.raises(NoSuchCustomer):
        exposure(stage.home, CustomerId("nobody"))
    stage.clock.set_to(parse_instant("2025-12-30T06:00:00Z"))
    with pytest.raises(NothingRuns):
        exposure(stage.home, HARBOR)


def test_what_live_usage_keeps_is_not_counted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = used(tmp_path)
    counted = exposed(stage, JAN_11)
    follower = UsageFollower(stage.home)
    while follower.step() or not follower.is_settled:
        pass
    monkeypatch.setattr(exposing, "read_log", None)
    assert exposed(stage, JAN_11) == counted


def test_live_usage_that_lags_is_not_asked(tmp_path: Path) -> None:
    stage = used(tmp_path)
    follower = UsageFollower(stage.home)
    while follower.step() or not follower.is_settled:
        pass
    send(stage, JAN_11, ("c", "2026-01-10T12:00:00Z", "10", "eu"))
    assert exposed(stage, JAN_11).now.due.decimal_text == "123.00"
