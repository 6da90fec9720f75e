"""A charge control may ask; whether anything is billed inside a period is the signed policy's to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interims import interim_home, send
from tieout.cli.demo.stage import Stage
from tieout.flows import answer_interims as answering
from tieout.flows.answer_interims import answer_interims
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.wallet import GrantOrder, grant_credit
from tieout.kernel.instant import parse_instant

CONTROL = """
[[charge_control]]
key = "ask"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Bill at {at}"
everyone = true
watch = "exposure"
at = ["{at}"]
currency = "USD"
action = "interim"
"""
JAN_11 = "2026-01-11T00:00:00Z"


def asked(folder: Path, at: str, **more: str) -> Stage:
    """120.00 USD of usage by the 10th, and a control that asks at that amount."""
    stage = interim_home(folder, **more)
    (folder / "catalog" / "control.toml").write_text(CONTROL.format(at=at))
    apply_catalog(stage.home, folder / "catalog")
    rows = ("a", "2026-01-05T00:00:00Z", "300", "eu"), ("b", "2026-01-06T00:00:00Z", "100", "us")
    send(stage, "2026-01-10T00:00:00Z", *rows)
    stage.clock.set_to(parse_instant(JAN_11))
    look_to_head(stage.home)
    assert len(stage.home.books.triggers.interim_requests(open_only=True)) == 1
    assert list_invoices(stage.home) == (), "the control itself bills nothing"
    return stage


def test_a_policy_that_bills_inside_a_period_takes_it_up_and_is_answered_once(tmp_path: Path) -> None:
    stage = asked(tmp_path, "110.00")
    (answer,) = answer_interims(stage.home)
    (row,) = list_invoices(stage.home)
    assert (row.kind, row.total.decimal_text) == ("interim", "120.00")
    assert (answer.outcome, answer.invoice) == ("sealed", row.id)
    assert answer_interims(stage.home) == ()
    (request,) = stage.home.books.triggers.interim_requests(open_only=False)
    assert request.answer is not None
    assert request.answer[:3] == ("sealed", f"sealed as {row.number}", row.id)


def test_without_off_cycle_rules_nothing_is_billed_and_the_answer_says_why(tmp_path: Path) -> None:
    stage = asked(tmp_path, "110.00", rule="")
    (answer,) = answer_interims(stage.home)
    assert answer.outcome == "declined"
    assert "bills nobody inside a period" in answer.reason
    assert list_invoices(stage.home) == ()


def test_a_control_below_the_policys_own_condition_bills_nothing(tmp_path: Path) -> None:
    """The control asks at 50.00, the policy bills from 1000.00 on."""
    rule = '\n[policy.off_cycle]\ncustomers = ["harbor"]\nexposure_over = { USD = "1000.00" }\n'
    stage = asked(tmp_path, "50.00", rule=rule)
    (answer,) = answer_interims(stage.home)
    assert (answer.outcome, answer.invoice) == ("nothing-billed", None)
    assert list_invoices(stage.home) == ()


def test_who_died_between_seal_and_answer_answers_with_what_was_sealed(tmp_path: Path) -> None:
    stage = asked(tmp_path, "110.00")
    close(stage.home, as_of=parse_instant(JAN_11), customers=None)
    (row,) = list_invoices(stage.home)
    (answer,) = answer_interims(stage.home)
    assert (answer.outcome, answer.invoice) == ("sealed", row.id)
    assert len(list_invoices(stage.home)) == 1


def test_a_request_of_a_period_that_ended_is_left_to_its_close(tmp_path: Path) -> None:
    stage = asked(tmp_path, "110.00")
    stage.clock.set_to(parse_instant("2026-02-01T00:00:00Z"))
    (answer,) = answer_interims(stage.home)
    assert answer.outcome == answering.PERIOD_OVER
    assert list_invoices(stage.home) == ()


@pytest.mark.parametrize("has_balances", [False, True])
def test_what_else_of_the_customer_is_due_is_left_to_its_own_close(
    tmp_path: Path, has_balances: bool
) -> None:
    """January has ended and is due; the request is about February. Who has balances waits for January."""
    stage = asked(tmp_path, "110.00")
    answer_interims(stage.home)
    send(stage, "2026-02-10T00:00:00Z", ("c", "2026-02-05T00:00:00Z", "500", "eu"))
    if has_balances:
        order = GrantOrder("harbor", "1.00", None, "promotional", 1, None, None, (), ())
        grant_credit(stage.home, order, grant_id=None, person="Ann", reason="welcome")
    stage.clock.set_to(parse_instant("2026-02-11T00:00:00Z"))
    look_to_head(stage.home)
    (answer,) = answer_interims(stage.home)
    papers = [(row.kind, row.period.start) for row in list_invoices(stage.home)[1:]]
    if has_balances:
        assert (answer.outcome, papers) == ("waits", [])
        assert "an earlier period of the customer has ended" in answer.reason
    else:
        assert (answer.outcome, papers) == ("sealed", [("interim", parse_instant("2026-02-01T00:00:00Z"))])
    close(stage.home, as_of=parse_instant("2026-02-11T00:00:00Z"))
    papers = sorted((row.kind, row.period.start) for row in list_invoices(stage.home)[1:])
    assert papers == [
        ("final", parse_instant("2026-01-01T00:00:00Z")),
        ("interim", parse_instant("2026-02-01T00:00:00Z")),
    ], "nothing is lost"
