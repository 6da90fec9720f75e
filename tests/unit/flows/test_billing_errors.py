"""A billing error that was credited is listed until something repairs it: its events, its price."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interims import close_at, interim_home, send
from tests.surface.conftest import in_process
from tests.unit.flows.test_coupons_beside_credits import BILLED, FEE
from tieout.cli.demo.stage import Stage
from tieout.flows.billing_errors import standing_errors
from tieout.flows.correct import approve, preview
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.retract_event import Decision, retract_event
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant


def january(folder: Path) -> Stage:
    """S-000001: 90 and 10 GB at 0.30, and the fees of January and February, 31.00 each."""
    catalog = BILLED.replace('prices = ["egress-usd"]', 'prices = ["egress-usd", "base-fee"]') + FEE
    stage = interim_home(folder, rule="", catalog=catalog)
    rows = ("a", "2026-01-05T00:00:00Z", "90", "eu"), ("b", "2026-01-06T00:00:00Z", "10", "eu")
    send(stage, "2026-01-10T00:00:00Z", *rows)
    close_at(stage, "2026-02-02T13:00:00Z")
    return stage


def credit(stage: Stage, line: str, amount: str, kind: str = "billing-error") -> None:
    decided = {"person": "Ann", "reason": "a bad meter", "approved_by": "Bob"}
    credit_invoice(stage.home, "S-000001", line=line, amount=amount, kind=kind, **decided)  # type: ignore[arg-type]


def listed(stage: Stage) -> list[tuple[str, str, str | None]]:
    return [
        (
            each.description,
            each.credited.decimal_text,
            None if each.asked_again is None else each.asked_again.decimal_text,
        )
        for each in standing_errors(stage.home)
    ]


@pytest.mark.parametrize(("amount", "left"), [("3.00", []), ("5.00", [("Data sent", "5.00", "2.00")])])
def test_what_a_retraction_repairs_is_listed_no_more(
    tmp_path: Path, amount: str, left: list[tuple[str, str, str]]
) -> None:
    """10 of 100 GB are 3.00; whatever was credited beyond that would be asked for again."""
    stage = january(tmp_path)
    with stage.home:
        assert listed(stage) == []
        credit(stage, "1", "1.00", "goodwill")
        assert listed(stage) == [], "goodwill waits for nothing"
        credit(stage, "1", amount)
        assert listed(stage) == [("Data sent", amount, amount)]
        assert standing_errors(stage.home, [CustomerId("other")]) == ()
        stage.clock.set_to(parse_instant("2026-02-03T00:00:00Z"))
        retract_event(stage.home, source="edge", event_id="b", decision=Decision("no usage", "Ann", "Bob"))
        assert listed(stage) == left


def test_an_error_of_a_fee_waits_for_its_price(tmp_path: Path) -> None:
    """February's fee of 31.00 was to be 30.00."""
    stage = january(tmp_path)
    with stage.home:
        stage.clock.set_to(parse_instant("2026-02-03T00:00:00Z"))
        credit(stage, "2", "1.00")
        assert listed(stage) == [("Base fee", "1.00", None)]
        folder = ("--home", str(stage.home.folder))
    shown = in_process("correction", "errors", *folder)
    assert "Billing errors credited and not repaired" in shown.out and "correction preview FILE" in shown.err
    asked = in_process("correction", "preview", *folder, "--by", "Ann", "--reason", "seen", "--json")
    assert [each["credited"] for each in asked.json["billing_errors"]] == ["1.00"]
    assert asked.json["digest"] is None, "nothing else has changed"
    with_price = tmp_path / "fee.toml"
    with_price.write_text(
        FEE.replace("version = 1", "version = 2\nsupersedes = 1").replace('"31.00"', '"30.00"')
    )
    with stage.home:
        found = preview(stage.home, person="Ann", reason="30.00 was agreed", catalog_folder=with_price)
        assert found.digest is not None
        approve(stage.home, found.digest, person="Bob", reason="right")
        close_at(stage, "2026-03-02T13:00:00Z")
        assert listed(stage) == []
        assert in_process("correction", "errors", *folder).out.startswith("No billing error")
