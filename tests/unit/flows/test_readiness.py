"""The launch review of a real home: what each item is checked by is read from log, books and export, and each
is open once something of it is not so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.disputes import OPS, name_three, opened
from tests.ready_home import FEBRUARY, JANUARY, MARCH, Ready, make_ready_home
from tests.replay_sets import gate_result
from tests.small_home import FEBRUARY_3, MARCH_3, call, ingest
from tests.tampered import beside_folios
from tieout import __version__
from tieout.contract.policy import PolicyRole
from tieout.contract.signature import Signature
from tieout.dispute.role import Role
from tieout.flows import export_ledger, readiness_facts
from tieout.flows.correct import approve, preview
from tieout.flows.dispute_owners import name_owners
from tieout.flows.examine_dispute import examine_dispute
from tieout.flows.home import Home
from tieout.flows.policy import register_key
from tieout.flows.readiness import review
from tieout.flows.readiness_papers import papers_of
from tieout.flows.readiness_signing import SampleSaid, record_sample, sign_off_now
from tieout.flows.replay_results import keep_result
from tieout.flows.signed_file import SignatureRefused
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing import generate_key, sign
from tieout.kernel.instant import parse_instant
from tieout.readiness.documents import readiness_bytes
from tieout.readiness.facts import ComplianceFact
from tieout.readiness.item import ItemKey, NotApplicable, Open, Passed
from tieout.readiness.papers import expectations
from tieout.readiness.refusals import ItemNotPassed, MalformedSample, SampleTooLate
from tieout.readiness.standing import State
from tieout.store.sqlite import open_engine
from tieout.wiring import open_home

MARCH_10 = parse_instant("2026-03-10T00:00:00Z")


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home in which everything is as it should be, and whose late data needs a report."""
    made = make_ready_home(tmp_path_factory.mktemp("launched") / "home", policy="")
    made.expects("acme", JANUARY, FEBRUARY, "21.21", date(2026, 2, 3))
    made.close_at(FEBRUARY_3)
    made.february_arrives()
    approved(made.home)
    made.expects("birch", FEBRUARY, MARCH, "14.03", date(2026, 3, 2))
    made.close_at(MARCH_3)
    made.home.close()
    yield made.home.folder


@pytest.fixture
def ready(launched: Path, tmp_path: Path) -> Iterator[Ready]:
    folder = Path(shutil.copytree(launched, tmp_path / "home"))
    clock = SteppedClock(MARCH_3)
    with open_home(folder, clock=clock) as home:
        yield Ready(home, clock, folder / "papers")


def approved(home: Home) -> None:
    report = preview(home, person="Ann", reason="a queue was stuck")
    assert report.digest is not None
    approve(home, report.digest, person="Bob", reason="looked through")


def tampered(home: Home, *statements: str) -> None:
    engine = open_engine(home.folder / "books.db", schema="books")
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def told(ready: Ready, item: ItemKey) -> list[str]:
    found = ready.standing(item)
    assert isinstance(found.checked, Open) and found.state is State.OPEN
    return [each.what for each in found.problems]


def test_everything_as_it_should_be_is_signed_off_and_passes(ready: Ready) -> None:
    passing = [each.item.key for each in ready.review.standings if isinstance(each.checked, Passed)]
    assert set(ItemKey) - set(passing) >= {ItemKey.COMPLIANCE, ItemKey.DISPUTE_EVIDENCE}
    assert {*("rules", "samples", "event", "trace", "totals", "backfill")} <= {key.value for key in passing}
    ready.sign_off(*passing)
    states = {each.item.key: each.state for each in ready.review.standings}
    assert [key for key in passing if states[key] is not State.PASSED] == []
    evidence = {each.name: each.value for each in ready.standing(ItemKey.TOTALS).checked.evidence}  # type: ignore[union-attr]
    assert evidence["INV-000001"] == "USD 21.21 in the document and in the export"
    late = {each.name: each.value for each in ready.standing(ItemKey.SAMPLES).checked.evidence}  # type: ignore[union-attr]
    assert "late events billed: 1" in late["birch 2026-02-01/2026-03-01"]
    assert "changes within the period" in late["acme 2026-01-01/2026-02-01"]


def test_rules_need_a_policy_that_is_in_force(tmp_path: Path) -> None:
    made = make_ready_home(tmp_path / "home")
    assert isinstance(made.standing(ItemKey.RULES).checked, Passed)
    made.clock.set_to(parse_instant("2025-12-14T00:00:00Z"))
    assert told(made, ItemKey.RULES) == ["no signed policy is in force"]


def test_a_period_before_the_account_began_is_none_of_its(tmp_path: Path) -> None:
    """It would never run, and keep the item open."""
    made = make_ready_home(tmp_path / "home")
    start, end = date(2020, 1, 1), date(2020, 2, 1)
    said = SampleSaid("acme", start, end, PolicyRole.FINANCE, "Bram", "1.00", end)
    with pytest.raises(MalformedSample, match="2020-01-01/2020-02-01 is no period of it: it has no subscri"):
        record_sample(made.home, said)


def test_a_sign_off_goes_stale_when_what_it_stands_on_changes(ready: Ready) -> None:
    ready.sign_off(ItemKey.SAMPLES, ItemKey.RULES)
    ready.expects("acme", MARCH, date(2026, 4, 1), "20.00", date(2026, 4, 2))
    assert ready.standing(ItemKey.SAMPLES).state is State.PASSED, "what has not run yet is not signed"
    ready.clock.set_to(parse_instant("2026-04-02T00:00:00Z"))
    assert ready.standing(ItemKey.SAMPLES).stale == tuple(PolicyRole)
    assert ready.standing(ItemKey.RULES).state is State.PASSED


def test_samples_differ_by_amount_date_and_voice(tmp_path: Path) -> None:
    made = make_ready_home(tmp_path / "home")
    made.expects("acme", JANUARY, FEBRUARY, "21.21", date(2026, 2, 2), roles=(PolicyRole.OPS,))
    made.expects("acme", JANUARY, FEBRUARY, "21.20", date(2026, 2, 3), roles=(PolicyRole.FINANCE,))
    made.clock.set_to(FEBRUARY_3)
    drafted = told(made, ItemKey.SAMPLES)
    assert "acme 2026-01-01/2026-02-01: product recorded nothing beforehand" in drafted
    assert any("expected USD 21.20, the run gives USD 21.21" in each for each in drafted)
    assert made.standing(ItemKey.TRACE).is_open and made.standing(ItemKey.TOTALS).is_open
    made.close_at(FEBRUARY_3)
    sealed = told(made, ItemKey.SAMPLES)
    assert any(
        "ops (Chi) expected the invoice on 2026-02-02, it is made on 2026-02-03" in each for each in sealed
    )


def test_nobody_expects_what_was_seen(ready: Ready) -> None:
    said = SampleSaid("acme", JANUARY, FEBRUARY, PolicyRole.OPS, "Chi", "21.21", date(2026, 2, 3))
    with pytest.raises(SampleTooLate, match="INV-000001"):
        record_sample(ready.home, said)
    march = replace(said, start=MARCH, end=date(2026, 4, 1))
    with pytest.raises(SignatureRefused, match="Dan recorded this, and signs it"):
        ready.signs(record_sample(ready.home, replace(march, person="Dan ")), PolicyRole.OPS)
    with pytest.raises(MalformedSample) as refused:
        record_sample(ready.home, replace(march, end=FEBRUARY, amount="1.005"))
    assert "--period ends before it begins; --amount 1.005 is finer" in str(refused.value)
    with pytest.raises(MalformedSample, match="2026-03-01/2026-04-01"):
        record_sample(ready.home, replace(march, end=date(2026, 4, 2)))
    unsigned = record_sample(ready.home, march)
    assert not [each for each, signed in papers_of(ready.home).documents if each == unsigned and signed]


def test_a_signature_of_another_person_counts_for_nothing_wherever_it_came_from(ready: Ready) -> None:
    """Past the door too: the store holds it, and the review does not count it."""
    generate_key(ready.papers / "ops2.key", ready.papers / "ops2.pub")
    key = register_key(ready.home, PolicyRole.OPS, "Olga", ready.papers / "ops2.pub")
    said = SampleSaid("acme", MARCH, date(2026, 4, 1), PolicyRole.OPS, "Chi", "20", date(2026, 4, 2))
    document = record_sample(ready.home, said)
    signature = sign(ready.papers / "ops2.key", readiness_bytes(document, PolicyRole.OPS, ready.home.home_id))
    ready.home.books.signatures.add(
        Signature(PolicyRole.OPS, key.key_id, "Olga", document.digest, signature, MARCH_3)
    )
    assert [signed for each, signed in papers_of(ready.home).documents if each == document] != [()]
    assert not [each for each in expectations(papers_of(ready.home)) if each.digest == document.digest]


def test_nobody_signs_for_two_roles_and_so_blocks_the_second(ready: Ready) -> None:
    document = ready.home.books.readiness.add(sign_off_now(ready.home, "rules"))
    ready.signs(document, PolicyRole.FINANCE)
    own = ready.papers / "ops.key"
    kept = own.read_bytes()
    own.unlink()
    generate_key(own, ready.papers / "ops2.pub")
    register_key(ready.home, PolicyRole.OPS, "bram ", ready.papers / "ops2.pub")
    with pytest.raises(SignatureRefused, match="Bram has signed it for finance already"):
        ready.signs(document, PolicyRole.OPS, "bram ")
    own.write_bytes(kept)
    ready.signs(document, PolicyRole.OPS)
    ready.signs(document, PolicyRole.PRODUCT)
    assert ready.standing(ItemKey.RULES).state is State.PASSED


def test_an_expectation_that_was_changed_after_it_was_signed_counts_for_nothing(ready: Ready) -> None:
    assert verify_books(ready.home).findings == ()
    tampered(
        ready.home,
        "DROP TRIGGER readiness_document_no_update",
        "UPDATE readiness_document SET document = replace(document, '21.21', '21.20') "
        "WHERE document LIKE '%finance%'",
    )
    assert told(ready, ItemKey.SAMPLES)[0] == (
        "acme 2026-01-01/2026-02-01: finance recorded nothing beforehand"
    )
    (finding,) = beside_folios(verify_books(ready.home).findings)
    assert (finding.what, finding.where) == ("readiness", "sample of acme")


def test_recorded_before_and_signed_after_the_seal_is_too_late(tmp_path: Path) -> None:
    made = make_ready_home(tmp_path / "home")
    said = SampleSaid("acme", JANUARY, FEBRUARY, PolicyRole.OPS, "Chi", "21.21", date(2026, 2, 3))
    document = record_sample(made.home, said)
    made.close_at(FEBRUARY_3)
    with pytest.raises(SampleTooLate):
        made.signs(document, PolicyRole.OPS)


def test_a_later_expectation_of_a_role_is_a_revision_and_says_so(tmp_path: Path) -> None:
    made = make_ready_home(tmp_path / "home")
    for amount in ("20.00", "21.21"):
        made.expects("acme", JANUARY, FEBRUARY, amount, date(2026, 2, 3), roles=(PolicyRole.OPS,))
        made.clock.set_to(parse_instant("2026-01-22T00:00:00Z"))
    (fact,) = made.standing(ItemKey.SAMPLES).checked.evidence  # type: ignore[union-attr]
    assert fact.value == "expected ops USD 21.21 on 2026-02-03 (Chi, revision 2); not run"


def test_an_event_without_examples_is_not_defined(tmp_path: Path) -> None:
    made = make_ready_home(tmp_path / "home", examples="")
    assert told(made, ItemKey.EVENT) == [
        "api.call v1 has no valid example",
        "api.call v1 has no invalid example",
    ]


def test_a_line_that_does_not_come_out_the_same_opens_trace(ready: Ready) -> None:
    tampered(
        ready.home,
        "DROP TRIGGER charge_no_update",
        "UPDATE charge SET amount = '7' WHERE price = 'plus-fee-usd' AND period_start < 1769904000000000",
    )
    (problem,) = told(ready, ItemKey.TRACE)
    assert "of INV-000001 does not come out the same" in problem
    with pytest.raises(ItemNotPassed, match="so nobody can sign it off"):
        sign_off_now(ready.home, "trace")


def row_lost(rows: Callable[..., Iterator[str]]) -> Callable[..., Iterator[str]]:
    def without_first_revenue(entries: object) -> Iterator[str]:
        lost = False
        for line in rows(entries):
            if not lost and ",revenue," in line:
                lost = True
                continue
            yield line

    return without_first_revenue


def test_an_export_that_lost_a_row_opens_totals(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = export_ledger.TABLES["csv"]
    monkeypatch.setitem(export_ledger.TABLES, "csv", row_lost(whole))
    problems = told(ready, ItemKey.TOTALS)
    assert problems[0].startswith("INV-000001: the total is USD 21.21, the export adds up to USD ")
    assert problems[-1].startswith("debits and credits of USD differ by ")


def test_a_damaged_paper_opens_totals(ready: Ready) -> None:
    tampered(
        ready.home,
        "DROP TRIGGER invoice_no_update",
        "UPDATE invoice SET sha256 = 'x' WHERE number = 'INV-000002'",
    )
    (problem,) = told(ready, ItemKey.TOTALS)
    assert problem.startswith("finance has no export to add up: The document of invoice INV-000002")


def test_late_data_opens_backfill_until_another_person_approves_the_report(ready: Ready) -> None:
    ready.clock.set_to(MARCH_10)
    ingest(ready.home, [call(7, "birch", "2026-02-20T12:00:00Z", tokens=1000)], "later.ndjson")
    (problem,) = told(ready, ItemKey.BACKFILL)
    assert problem.startswith("birch 2026-02-01T05:00:00Z until 2026-03-01T05:00:00Z (INV-000004): late data")
    assert "changes it by 2.01 USD" in problem
    approved(ready.home)
    checked = ready.standing(ItemKey.BACKFILL).checked
    assert isinstance(checked, Passed)
    assert "to be billed" in checked.evidence[-1].value
    ingest(ready.home, [call(8, "birch", "2026-02-21T12:00:00Z", tokens=1000)], "latest.ndjson")
    assert told(ready, ItemKey.BACKFILL), "more came than was approved"


def test_a_change_on_paper_without_its_approval_opens_backfill(ready: Ready) -> None:
    tampered(
        ready.home,
        "DROP TRIGGER correction_approval_no_update",
        "UPDATE correction_approval SET person = 'ANN'",
    )
    assert "nobody but Ann approved the delta report" in told(ready, ItemKey.BACKFILL)[0]


def test_replay_is_what_the_home_keeps_of_it(ready: Ready) -> None:
    assert told(ready, ItemKey.REPLAY) == ["no replay set of this home was ever run"]
    home = ready.home
    good = gate_result(home)
    keep_result(home, replace(good, gate_failures=("no retry",)))
    assert told(ready, ItemKey.REPLAY) == ["january is no gate: no retry"]
    keep_result(home, replace(good, set_name="other"))
    assert isinstance(ready.standing(ItemKey.REPLAY).checked, Passed)
    ready.sign_off(ItemKey.REPLAY)
    keep_result(home, replace(good, set_name="other", ran_at=MARCH_10))
    assert ready.standing(ItemKey.REPLAY).state is State.PASSED, "the same outcome again"
    keep_result(home, replace(good, set_name="other", differences=2))
    assert told(ready, ItemKey.REPLAY)[0] == "other failed: 2 differences", "the last one kept, whenever run"
    keep_result(home, replace(good, set_name="other", software="0.0"))
    assert told(ready, ItemKey.REPLAY)[0] == f"other failed: it was run by version 0.0, this is {__version__}"


def test_a_result_that_was_changed_in_the_books_is_named_and_passes_nothing(ready: Ready) -> None:
    for name in ("one", "two", "three"):
        keep_result(ready.home, replace(gate_result(ready.home), set_name=name, gate_failures=("no retry",)))
    assert verify_books(ready.home).findings == ()
    tampered(
        ready.home,
        "DROP TRIGGER replay_result_no_update",
        "DROP TRIGGER replay_result_no_delete",
        "UPDATE replay_result SET document = replace(document, 'no retry', 'retry') WHERE number = 3",
        "DELETE FROM replay_result WHERE number = 2",
    )
    assert told(ready, ItemKey.REPLAY)[0].startswith("results failed: replay result 3 is not as it was kept")
    missing, changed = beside_folios(verify_books(ready.home).findings)
    assert (missing.what, missing.where) == ("replay result", "2")
    assert (changed.what, changed.where) == ("replay result", "3")
    assert "is stored" in changed.detail


def test_disputes_have_owners_and_evidence(ready: Ready) -> None:
    assert told(ready, ItemKey.DISPUTE_OWNERS) == [
        f"nobody is named for {role}" for role in ("ops", "engineering", "finance")
    ]
    name_three(ready.home)
    assert isinstance(ready.standing(ItemKey.DISPUTE_OWNERS).checked, Passed)
    ready.sign_off(ItemKey.DISPUTE_OWNERS)
    assert isinstance(ready.standing(ItemKey.DISPUTE_EVIDENCE).checked, NotApplicable)
    ready.home.installation_key.create()
    dispute = opened(ready.home, line="1", amount="1.00")
    (problem,) = told(ready, ItemKey.DISPUTE_EVIDENCE)
    assert problem == f"dispute {dispute.id}: its lines were not traced"
    examine_dispute(ready.home, dispute.id, person=OPS)
    assert isinstance(ready.standing(ItemKey.DISPUTE_EVIDENCE).checked, Passed)
    named = {Role.OPS: ["Somebody new"]}
    name_owners(ready.home, named, {}, person="Ada", reason="she left")
    assert ready.standing(ItemKey.DISPUTE_OWNERS).stale == ready.standing(ItemKey.DISPUTE_OWNERS).item.roles


def test_a_compliance_gate_counts_where_a_home_has_it_enabled(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(ready.standing(ItemKey.COMPLIANCE).checked, NotApplicable)
    found = {"enabled": True, "validated": None}

    def screening(_home: Home) -> ComplianceFact:
        return ComplianceFact("screening", **found)  # type: ignore[arg-type]

    monkeypatch.setattr(readiness_facts, "COMPLIANCE_GATES", (screening,))
    assert told(ready, ItemKey.COMPLIANCE) == ["screening is enabled and was never validated"]
    found["validated"] = "run 7"  # type: ignore[assignment]
    assert isinstance(ready.standing(ItemKey.COMPLIANCE).checked, Passed)
    found["enabled"] = False
    assert isinstance(ready.standing(ItemKey.COMPLIANCE).checked, NotApplicable)


def test_a_review_writes_nothing(ready: Ready) -> None:
    before = (ready.home.folder / "books.db").stat().st_size, ready.home.books.closes.last_ended()
    assert review(ready.home).level is None
    assert ((ready.home.folder / "books.db").stat().st_size, ready.home.books.closes.last_ended()) == before
