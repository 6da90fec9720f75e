"""Corrections that the signed policy approves: a period whose own policy wants a person stops those that
start from its balances, and no other; and each that waits says for what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.interims import CATALOG, close_at, interim_home, send
from tests.scenarios.frame import Playing
from tests.scenarios.steps_policy import POLICY, sign
from tieout.cli.demo.stage import Stage
from tieout.close.outcome import Parked
from tieout.flows.correct import approve, preview
from tieout.flows.credit_invoice import CreditTooLarge, credit_invoice
from tieout.flows.invoices import show_invoice
from tieout.flows.retract_event import Decision, retract_event
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import format_instant, parse_instant

HARBOR = CustomerId("harbor")
COMMITMENT = """
[[subscription.commitment]]
key = "it"
kind = "minimum"
amount = "30.00"
billing = "upfront"
from = 2026-01-01T00:00:00Z
until = 2026-03-01T00:00:00Z
"""


def two_policies(folder: Path, commitment: str) -> Stage:
    """January's late usage needs a person; from February on the policy approves. Three months are sealed, and
    each has a late event. The commitment is over before March."""
    catalog = CATALOG.replace("from = 2026-01-01T00:00:00Z\n", f"from = 2026-01-01T00:00:00Z\n{commitment}")
    stage = interim_home(folder, more='late_path = "note"\n', rule="", catalog=catalog)
    later = POLICY.format(effective_from="2026-01-31T00:00:00Z").replace("version = 1", "version = 3")
    (folder / "later.toml").write_text(later + 'late_path = "note"\nlate_approval = "policy"\n')
    stage.clock.set_to(parse_instant("2026-01-30T00:00:00Z"))
    sign(Playing(stage, folder, {}), {"sign": "later.toml"})
    for month in (1, 2, 3):
        send(stage, f"2026-0{month}-20T00:00:00Z", (f"u{month}", f"2026-0{month}-10T00:00:00Z", "17", "eu"))
        close_at(stage, f"2026-0{month + 1}-02T12:00:00Z")
    late = [(f"late{month}", f"2026-0{month}-05T00:00:00Z", "10", "eu") for month in (1, 2, 3)]
    send(stage, "2026-04-05T00:00:00Z", *late)
    return stage


def corrected(stage: Stage) -> list[str]:
    """The starts of the periods that lines correct."""
    lines = [
        line
        for row in stage.home.books.invoices.sealed(HARBOR)
        for line in json.loads(show_invoice(stage.home, str(row.id)).document)["lines"]
    ]
    return sorted({line["correction"]["period"]["start"][:7] for line in lines if "correction" in line})


@pytest.mark.parametrize(
    ("commitment", "at_once", "waiting"),
    [("", ["2026-02", "2026-03"], []), (COMMITMENT, ["2026-03"], ["2026-02"])],
    ids=["independent", "one balance until March"],
)
def test_only_periods_that_start_from_a_waiting_balance_wait(
    tmp_path: Path, commitment: str, at_once: list[str], waiting: list[str]
) -> None:
    stage = two_policies(tmp_path, commitment)
    report = close_at(stage, "2026-04-05T06:00:00Z")
    assert corrected(stage) == at_once, report.outcomes
    parked = [(period, each) for _, period, each in report.outcomes if isinstance(each, Parked)]
    assert [format_instant(period.start)[:7] for period, _ in parked if period is not None] == waiting
    for _, each in parked:
        assert "policy of that period wants a person's approval" in each.reason
        assert "tieout correction preview --customer harbor" in each.next_action
    found = preview(stage.home, person="Ann", reason="a queue was stuck", customers=(HARBOR,))
    assert found.digest is not None
    assert found.stopped == ()
    approve(stage.home, found.digest, person="Bob", reason="fine")
    report = close_at(stage, "2026-04-06T06:00:00Z")
    assert [each for _, _, each in report.outcomes if isinstance(each, Parked)] == []
    assert corrected(stage) == ["2026-01", "2026-02", "2026-03"]
    nothing = preview(stage.home, person="Ann", reason="again", customers=(HARBOR,))
    assert nothing.digest is None


def test_the_policy_asks_for_no_credited_billing_error_again(tmp_path: Path) -> None:
    """The usage still says that it was right: a person has to look."""
    stage = interim_home(tmp_path, more='late_path = "note"\nlate_approval = "policy"\n', rule="")
    send(stage, "2026-01-20T00:00:00Z", ("u1", "2026-01-10T00:00:00Z", "100", "eu"))
    close_at(stage, "2026-02-02T12:00:00Z")
    said = {"person": "Ann", "reason": "a load test", "approved_by": "Bob"}
    credit_invoice(stage.home, "S-000001", line="1", amount="18.00", kind="billing-error", **said)  # type: ignore[arg-type]
    send(stage, "2026-02-05T00:00:00Z", ("late", "2026-01-11T00:00:00Z", "10", "us"))
    report = close_at(stage, "2026-02-05T06:00:00Z")
    (parked,) = [each for _, _, each in report.outcomes if isinstance(each, Parked)]
    assert "would ask again for what was credited as a billing error" in parked.reason
    retract_event(stage.home, source="edge", event_id="u1", decision=Decision("a load test", "Ann", "Bob"))
    report = close_at(stage, "2026-02-06T06:00:00Z")
    assert [each for _, _, each in report.outcomes if isinstance(each, Parked)] == []
    amounts = [
        line["amount"]
        for row in stage.home.books.invoices.sealed(HARBOR)
        for line in json.loads(show_invoice(stage.home, str(row.id)).document)["lines"]
    ]
    assert sorted(amounts) == ["-12.00", "-18.00", "3.00", "30.00"]


def test_a_credit_never_exceeds_what_a_correction_left_of_the_line(tmp_path: Path) -> None:
    stage = interim_home(tmp_path, more='late_path = "note"\nlate_approval = "policy"\n', rule="")
    used = [("u1", "2026-01-10T00:00:00Z", "60", "eu"), ("u2", "2026-01-11T00:00:00Z", "40", "eu")]
    send(stage, "2026-01-20T00:00:00Z", *used)
    close_at(stage, "2026-02-02T12:00:00Z")
    retract_event(stage.home, source="edge", event_id="u1", decision=Decision("a test", "Ann", "Bob"))
    close_at(stage, "2026-02-03T06:00:00Z")
    said = {"person": "Ann", "reason": "an outage", "approved_by": "Bob"}
    for kind in ("goodwill", "billing-error"):
        with pytest.raises(CreditTooLarge, match=r"12\.00 USD of it is left"):
            credit_invoice(stage.home, "S-000001", line="1", amount="12.01", kind=kind, **said)  # type: ignore[arg-type]
    credit_invoice(stage.home, "S-000001", line="1", amount="5.00", kind="billing-error", **said)  # type: ignore[arg-type]
    with pytest.raises(CreditTooLarge, match=r"7\.00 USD of it is left"):
        credit_invoice(stage.home, "S-000001", line="1", amount="7.01", kind="goodwill", **said)  # type: ignore[arg-type]
    credit_invoice(stage.home, "S-000001", line="1", amount="7.00", kind="goodwill", **said)  # type: ignore[arg-type]
