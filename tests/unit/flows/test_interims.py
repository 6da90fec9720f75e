"""Interim invoices as a close makes them: by rule only, once, and taken off by what comes after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.interims import CATALOG, RULE, close_at, interim_home, send
from tieout.cli.demo.stage import Stage
from tieout.close.outcome import Parked, Sealed, outcome_name
from tieout.flows import close_agenda
from tieout.flows.apply_catalog import CatalogRefused, apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.late_events import late_for_invoice
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.simulate_prices import simulate
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.flows.wallet import GrantOrder, grant_credit
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import format_instant, parse_instant
from tieout.store.books import invoices

JAN_10, JAN_11, FEB_2 = "2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z", "2026-02-02T06:00:00Z"


def papers(stage: Stage) -> list[dict[str, object]]:
    rows = list_invoices(stage.home)
    found = [json.loads(show_invoice(stage.home, row.id).document) for row in rows]
    for paper in found:
        for line in paper["lines"]:
            assert trace(stage.home, LineId(line["id"])).reproduced.matches, line["id"]
    assert verify_books(stage.home).findings == ()
    return found


def crossed(folder: Path, **more: str) -> Stage:
    """400 GB, 120.00 USD, by the 10th of January."""
    stage = interim_home(folder, **more)
    send(
        stage, JAN_10, ("a", "2026-01-05T00:00:00Z", "300", "eu"), ("b", "2026-01-06T00:00:00Z", "100", "us")
    )
    return stage


def test_a_dry_run_shows_what_would_be_billed_and_why_and_writes_nothing(tmp_path: Path) -> None:
    stage = crossed(tmp_path)
    (row,) = close_at(stage, JAN_11, dry_run=True).invoices
    assert (row.kind, row.number, row.total.decimal_text) == ("interim", None, "120.00")
    assert row.off_cycle is not None
    assert [(fact.found, fact.threshold) for fact in row.off_cycle.facts] == [("120.00", "100.00")]
    assert list_invoices(stage.home) == ()
    close_at(stage, JAN_11)
    (paper,) = papers(stage)
    assert paper["off_cycle"] == {
        "as_of": JAN_11,
        "conditions": [
            {
                "condition": "exposure_over",
                "of": "USD",
                "found": "120.00",
                "threshold": "100.00",
                "since": "2026-01-01T00:00:00Z",
                "text": "what is not billed yet, 120.00 USD, has reached 100.00 USD",
            }
        ],
    }


@pytest.mark.parametrize(
    "rule", ["", RULE.replace("harbor", "other"), RULE.replace('USD = "100.00"', 'EUR = "1.00"')]
)
def test_nobody_is_billed_inside_a_period_whom_no_rule_names(tmp_path: Path, rule: str) -> None:
    other = CATALOG.split("[[customer]]")[1].split("[[subscription]]")[0].replace('"harbor"', '"other"')
    stage = crossed(tmp_path, rule=rule, catalog=f"{CATALOG}\n[[customer]]{other}")
    report = close_at(stage, JAN_11)
    assert report.invoices == ()
    assert {outcome_name(outcome).value for _, _, outcome in report.outcomes} == {"not-due"}


def test_a_group_whose_last_event_is_retracted_is_given_back(tmp_path: Path) -> None:
    """The retraction needs no approval: the period is open."""
    stage = crossed(tmp_path)
    close_at(stage, JAN_11)
    retract_event(stage.home, source="edge", event_id="b", decision=Decision("sent in error", by="edge"))
    close_at(stage, FEB_2)
    _, final = papers(stage)
    lines = {line["description"].rpartition(" ")[2]: line for line in final["lines"]}  # type: ignore[attr-defined]
    assert {name: line["amount"] for name, line in lines.items()} == {"eu": "0.00", "us": "-30.00"}
    assert lines["us"]["cumulative"] == {"quantity": "0", "amount": "0.00"}
    assert (final["total"], final["paper"], final["number"]) == ("-30.00", "credit note", "S-CN-000001")


def test_a_draft_that_did_not_see_an_interim_is_not_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = crossed(tmp_path)
    close_at(stage, JAN_11)
    with monkeypatch.context() as blind:
        blind.setattr(close_agenda, "interims_of", lambda *_: {})
        report = close_at(stage, FEB_2)
    ((_, _, outcome),) = report.outcomes
    assert isinstance(outcome, Parked)
    assert "run it again" in outcome.reason
    close_at(stage, FEB_2)
    assert [paper["total"] for paper in papers(stage)] == ["120.00", "0.00"]


@pytest.mark.usefixtures("on_postgres")
def test_on_postgres_a_draft_that_did_not_see_an_interim_is_not_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_a_draft_that_did_not_see_an_interim_is_not_sealed(tmp_path, monkeypatch)


@pytest.fixture
def on_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)


def test_an_interim_after_the_final_is_not_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A close as of an instant in the past that did not see the period end."""
    stage = crossed(tmp_path)
    close_at(stage, FEB_2)
    with monkeypatch.context() as blind:
        store = type(stage.home.books.invoices)
        blind.setattr(store, "billed_stretches", lambda _self, _customers: {})
        report = close(stage.home, as_of=parse_instant(JAN_11))
    assert report.invoices == ()
    assert any(isinstance(outcome, Parked) for _, _, outcome in report.outcomes)
    assert [paper["kind"] for paper in papers(stage)] == ["final"]


def test_what_comes_after_an_interim_is_late_only_after_the_final(tmp_path: Path) -> None:
    stage = crossed(tmp_path)
    close_at(stage, JAN_11)
    send(stage, "2026-01-12T00:00:00Z", ("c", "2026-01-07T00:00:00Z", "10", "eu"))
    interim = show_invoice(stage.home, "S-000001")
    assert late_for_invoice(stage.home, interim) == []
    close_at(stage, FEB_2)
    send(stage, "2026-02-03T00:00:00Z", ("d", "2026-01-08T00:00:00Z", "5", "eu"))
    final = show_invoice(stage.home, "S-000002")
    assert [(row.event_count, str(row.quantity)) for row in late_for_invoice(stage.home, final)] == [(1, "5")]
    assert late_for_invoice(stage.home, interim) == []
    assert [paper["total"] for paper in papers(stage)] == ["120.00", "3.00"]


def test_a_price_may_change_after_what_an_interim_billed_and_not_within_it(tmp_path: Path) -> None:
    stage = crossed(tmp_path)
    close_at(stage, JAN_11)
    price = CATALOG.split("[[price]]")[1].split("[[plan]]")[0].replace("version = 1", "version = 2")
    changed = tmp_path / "changed"
    changed.mkdir()
    for instant, refused in (("2026-01-09", True), ("2026-01-11", False)):
        text = price.replace("2025-01-01", instant).replace("0.30", "0.50")
        (changed / "price.toml").write_text(f"[[price]]{text}")
        if refused:
            with pytest.raises(CatalogRefused) as stopped:
                apply_catalog(stage.home, changed)
            assert "would change what invoice S-000001 of harbor billed" in str(stopped.value)
            assert "let it take effect at 2026-01-11T00:00:00Z or later" in str(stopped.value)
        else:
            apply_catalog(stage.home, changed)
    send(stage, "2026-01-12T00:00:00Z", ("c", "2026-01-12T00:00:00Z", "10", "eu"))
    close_at(stage, FEB_2)
    _, final = papers(stage)
    amounts = [line["amount"] for line in final["lines"]]  # type: ignore[attr-defined]
    assert (sorted(amounts), final["total"]) == (["0.00", "0.00", "5.00"], "5.00")


def test_a_review_draws_the_interim_again_as_of_the_instant_of_its_draft(tmp_path: Path) -> None:
    stage = crossed(tmp_path, more="review_hours = 24\n")
    assert close_at(stage, JAN_11).invoices == ()
    send(stage, "2026-01-11T06:00:00Z", ("c", "2026-01-11T05:00:00Z", "1000", "eu"))
    (row,) = close_at(stage, "2026-01-12T06:00:00Z").invoices
    assert (row.total.decimal_text, row.kind) == ("120.00", "interim")
    (paper,) = papers(stage)
    assert paper["off_cycle"]["as_of"] == JAN_11  # type: ignore[index]


def test_a_draft_that_its_period_overtook_is_not_open_any_more(tmp_path: Path) -> None:
    stage = crossed(tmp_path, more="review_hours = 720\n")
    close_at(stage, JAN_11)
    assert [each.kind for each in stage.home.books.drafts.open()] == ["interim"]
    close_at(stage, FEB_2)
    close_at(stage, "2026-03-15T00:00:00Z")
    assert [paper["kind"] for paper in papers(stage)][:1] == ["final"]
    kinds = {(each.kind, each.period.start) for each in stage.home.books.drafts.open()}
    assert not any(kind == "interim" and each for kind, each in kinds)


def test_a_wallet_pays_an_interim_as_of_its_instant(tmp_path: Path) -> None:
    stage = crossed(tmp_path)
    order = GrantOrder("harbor", "50.00", None, "paid", 100, None, None, (), ())
    grant_credit(stage.home, order, grant_id="g", person="Fay", reason="bought")
    close_at(stage, JAN_11)
    close_at(stage, FEB_2)
    assert [(paper["total"], paper["due"]) for paper in papers(stage)] == [
        ("120.00", "70.00"),
        ("0.00", "0.00"),
    ]
    moved = stage.home.books.movements.of([CustomerId("harbor")])[CustomerId("harbor")]
    used = [each for each in moved if each.kind.value == "used"]
    assert [(each.amount.decimal_text, each.effective_at) for each in used] == [
        ("-50.00", used[0].effective_at)
    ]
    assert format_instant(used[0].effective_at) == JAN_11


def test_simulated_prices_are_those_of_finals_with_their_interims(tmp_path: Path) -> None:
    stage = crossed(tmp_path)
    close_at(stage, JAN_11)
    close_at(stage, FEB_2)
    empty = tmp_path / "nothing"
    empty.mkdir()
    (empty / "again.toml").write_text(f"[[plan]]{CATALOG.split('[[plan]]')[1].split('[[seller]]')[0]}")
    (simulated,) = simulate(stage.home, empty).invoices
    assert (simulated.number, simulated.differs) == ("S-000002", False)


def test_twice_at_the_same_instant_seals_one(tmp_path: Path) -> None:
    stage = crossed(tmp_path)
    close_at(stage, JAN_11)
    report = close_at(stage, JAN_11)
    assert not any(isinstance(outcome, Sealed) for _, _, outcome in report.outcomes)
    assert len(papers(stage)) == 1


def test_a_seal_that_failed_leaves_no_gap_in_numbers_or_sequence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = crossed(tmp_path)

    def fails(*_: object) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(invoices, "check_period", fails)
        ((_, _, outcome),) = close_at(stage, JAN_11).outcomes
        assert isinstance(outcome, Parked)
    close_at(stage, JAN_11)
    (paper,) = papers(stage)
    assert (paper["number"], paper["sequence"]) == ("S-000001", 1)
