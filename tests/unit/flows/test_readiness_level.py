"""Narrow: an installation starts with a list of accounts and their fixed cycle. Nobody is left out in
silence, nothing is billed inside a period, and an open item refuses what would open more or change terms."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ready_home import JANUARY_21, LATE, Ready, make_ready_home
from tests.replay_sets import gate_result
from tests.small_home import FEBRUARY_3, MARCH_3, NEXT_PRICE, POLICY, RENAMED, make_home
from tests.unit.flows.test_answer_interims import asked
from tieout.close.outcome import NotDue, Sealed
from tieout.contract.document import DocumentKind
from tieout.contract.policy import PolicyRole
from tieout.dispute.role import Role
from tieout.flows import readiness as readiness_flow
from tieout.flows.answer_interims import answer_interims
from tieout.flows.apply_catalog import NoSuchCustomer, apply_catalog, read_documents
from tieout.flows.close_periods import close
from tieout.flows.correct import approve, preview
from tieout.flows.decision import DecisionIncomplete
from tieout.flows.dispute_owners import name_owners
from tieout.flows.home import Home
from tieout.flows.keep_closing import work
from tieout.flows.policy import add_signature, propose, write_signing_request
from tieout.flows.readiness import LevelStands, NobodyListed, ReadinessOpen, set_level
from tieout.flows.readiness_level import NARROW, NO_INTERIMS
from tieout.flows.readiness_signing import propose_override
from tieout.flows.replay_results import keep_result, terms_of
from tieout.flows.signed_file import SignatureRefused
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing_desk import sign_request
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, format_instant, parse_instant
from tieout.ports.readiness import LevelChanged
from tieout.readiness.item import ItemKey
from tieout.readiness.level import Level, RecordedLevel, level_text
from tieout.readiness.refusals import NeverOverridden, NothingOpen, OverrideLength
from tieout.readiness.standing import State
from tieout.wiring import open_home

ACME, BIRCH = CustomerId("acme"), CustomerId("birch")
DAY = 24 * HOUR_MICROSECONDS
PRICE_3 = NEXT_PRICE.replace("= 2\n", "= 3\n").replace("05-01", "06-01")
EVENT_2 = """
[[event]]
type = "other"
version = 1
effective_from = 2026-05-01T00:00:00Z
description = "Another."
"""


def narrow(home: Home, *accounts: str) -> None:
    set_level(home, Level.NARROW, accounts or ("acme",), person="Dana", reason="launch")


def applied(home: Home, document: str) -> None:
    file = home.folder / "more.toml"
    file.write_text(document)
    apply_catalog(home, file)


def refused(home: Home, document: str) -> str:
    before = home.books.documents.revision()
    with pytest.raises(ReadinessOpen) as error:
        applied(home, document)
    assert home.books.documents.revision() == before
    return str(error.value)


def second_policy(made: Ready) -> Path:
    file = made.papers / "policy2.toml"
    (before,) = [each for each in made.home.books.documents.all() if each.kind is DocumentKind.POLICY]
    file.write_text(
        POLICY.replace("version = 1", "version = 2").replace("2025-12-01", "2026-05-01")
        + f'predecessor_digest = "{before.digest}"\n'
    )
    return file


# ------------------------------------------------------------------------------------------- the close
def test_only_who_is_listed_is_billed_and_everybody_else_is_told_as_not_due(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        narrow(home)
        report = close(home, as_of=FEBRUARY_3)
        found = {customer: outcome for customer, _, outcome in report.outcomes}
        assert len(report.outcomes) == len(found) == 3
        assert isinstance(found["acme"], Sealed)
        assert {found["birch"], found["cedar"]} == {
            NotDue(at, NARROW)
            for at in (parse_instant("2026-02-02T05:00:00Z"), parse_instant("2026-02-01T11:00:00Z"))
        }
        alone = close(home, as_of=FEBRUARY_3, customers=(BIRCH,))
        assert [outcome.why for _, _, outcome in alone.outcomes if isinstance(outcome, NotDue)] == [NARROW]
        dry = close(home, as_of=FEBRUARY_3, dry_run=True)
        assert [row.customer for row in dry.invoices] == []
        assert work(home, now=FEBRUARY_3, again=True).customers == ()
        with pytest.raises(ReadinessOpen):
            narrow(home, "birch")


def test_the_one_that_closes_by_itself_waits_for_nobody_who_is_not_listed(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        narrow(home)
        found = work(home, now=FEBRUARY_3, again=False)
        assert found.customers == (ACME,)
        assert found.next_at is None or found.next_at > FEBRUARY_3

    home, _ = make_home(tmp_path / "before", now=parse_instant("2026-01-10T00:00:00Z"))
    with home:
        narrow(home)  # cedar's month ends half a day before acme's
        assert work(home, now=home.clock.now(), again=False).next_at == parse_instant("2026-02-02T00:00:00Z")


def test_no_note_goes_to_who_is_not_listed(tmp_path: Path) -> None:
    made = make_ready_home(tmp_path / "home", policy=LATE + 'late_path = "note"\n')
    made.close_at(FEBRUARY_3)
    made.february_arrives()
    narrow(made.home)
    assert close(made.home, as_of=made.clock.now()).invoices == ()
    listed = RecordedLevel(2, Level.NARROW, (ACME, BIRCH), "Dana", "as if all had passed", FEBRUARY_3)
    made.home.books.readiness.set_level(listed)
    (note,) = close(made.home, as_of=made.clock.now()).invoices
    assert (note.customer, note.kind) == ("birch", "note")


def test_nothing_is_billed_inside_a_period(tmp_path: Path) -> None:
    stage = asked(tmp_path, "110.00")
    set_level(stage.home, Level.NARROW, ("harbor",), person="Dana", reason="launch")
    now = stage.clock.now()
    report = close(stage.home, as_of=now)
    assert report.invoices == ()
    ((customer, period, outcome),) = report.outcomes
    assert (customer, period is not None, outcome) == (
        "harbor",
        True,
        NotDue(parse_instant("2026-02-02T00:00:00Z"), NO_INTERIMS),
    )
    (answer,) = answer_interims(stage.home)
    assert (answer.outcome, answer.reason, answer.invoice) == ("declined", NO_INTERIMS, None)


# ------------------------------------------------------------------------------------------ the levels
@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = make_ready_home(tmp_path_factory.mktemp("launched") / "home")
    narrow(made.home, "acme", "birch")
    made.run()
    made.home.close()
    yield made.home.folder


@pytest.fixture
def ready(launched: Path, tmp_path: Path) -> Iterator[Ready]:
    folder = Path(shutil.copytree(launched, tmp_path / "home"))
    clock = SteppedClock(MARCH_3)
    with open_home(folder, clock=clock) as home:
        yield Ready(home, clock, folder / "papers")


@pytest.fixture
def proven(ready: Ready) -> Ready:
    """What the others bring: a replay that passes as a gate, and owners of disputes."""
    keep_result(ready.home, gate_result(ready.home))
    named = {Role.OPS: ["Chi"], Role.ENGINEERING: ["Eve"], Role.FINANCE: ["Bram"]}
    name_owners(ready.home, named, {}, person="Dana", reason="launch")
    return ready


def failed(home: Home) -> None:
    keep_result(home, replace(gate_result(home), differences=1))


ALL = tuple(key for key in ItemKey if key not in (ItemKey.COMPLIANCE, ItemKey.DISPUTE_EVIDENCE))


def test_once_every_item_is_signed_off_it_goes_wide(proven: Ready) -> None:
    with pytest.raises(ReadinessOpen, match="A wider level is refused: 8 items are open"):
        set_level(proven.home, Level.WIDE, person="Dana", reason="launch")
    proven.sign_off(*ALL)
    assert proven.review.open == ()
    recorded = set_level(proven.home, Level.WIDE, person="Dana", reason="launch")
    assert (recorded.seq, level_text(recorded)) == (2, "wide")
    applied(proven.home, NEXT_PRICE)
    failed(proven.home)
    assert "replay: january failed: 1 difference" in refused(proven.home, PRICE_3)
    assert set_level(proven.home, Level.NARROW, ("acme",), person="Dana", reason="back").seq == 3
    with pytest.raises(ReadinessOpen, match="1 item is open"):
        set_level(proven.home, Level.NARROW, ("acme", "birch"), person="Dana", reason="one more")


def test_an_open_item_refuses_terms_and_policies_and_not_accounts_or_its_remedy(ready: Ready) -> None:
    said = refused(ready.home, NEXT_PRICE)
    assert said.startswith("A change of price is refused: 8 items are open (tieout readiness).")
    assert "replay: no replay set of this home was ever run; record a set" in said
    assert said.endswith("Nothing was changed.")
    with pytest.raises(ReadinessOpen, match="A change of policy"):
        propose(ready.home, second_policy(ready))
    with pytest.raises(ReadinessOpen):
        refused(ready.home, RENAMED + NEXT_PRICE)
        applied(ready.home, RENAMED + NEXT_PRICE)
    applied(ready.home, RENAMED)
    applied(ready.home, RENAMED)
    apply_catalog(ready.home, ready.papers / "catalog.toml")  # nothing new in it


def test_a_policy_that_was_proposed_before_is_not_signed_while_an_item_is_open(tmp_path: Path) -> None:
    made = make_ready_home(tmp_path / "home")
    successor = second_policy(made)
    proposed = propose(made.home, successor)
    asked, signed = made.papers / "asked.json", made.papers / "signed.json"
    write_signing_request(made.home, proposed.digest, asked)
    key = made.papers / "ops.key"
    sign_request(asked, private_key=key, role=PolicyRole.OPS, person="Chi", out=signed)
    narrow(made.home)
    with pytest.raises(ReadinessOpen, match="A change of policy"):
        add_signature(made.home, signed)
    assert made.home.books.signatures.count() == 3


def test_the_remedy_of_the_one_open_item_is_let_through(proven: Ready) -> None:
    proven.sign_off(*(key for key in ALL if key is not ItemKey.EVENT))
    assert [each.item.key for each in proven.review.open] == [ItemKey.EVENT]
    refused(proven.home, NEXT_PRICE)
    applied(proven.home, EVENT_2)


def test_a_price_correction_mends_a_sample_and_not_a_failed_replay(
    proven: Ready,
) -> None:
    proven.sign_off(*(key for key in ALL if key is not ItemKey.SAMPLES))
    refused(proven.home, NEXT_PRICE)
    file = proven.papers / "price.toml"
    file.write_text(
        NEXT_PRICE.replace("version = 2", "version = 2\nsupersedes = 1").replace("2026-05-01", "2025-01-01")
    )
    found = preview(proven.home, person="Ann", reason="agreed otherwise", catalog_folder=file)
    assert found.digest is not None
    failed(proven.home)
    with pytest.raises(ReadinessOpen, match="replay: january failed"):
        approve(proven.home, found.digest, person="Bob", reason="fine")
    keep_result(proven.home, replace(gate_result(proven.home), ran_at=Instant(MARCH_3 + 2 * DAY)))
    assert approve(proven.home, found.digest, person="Bob", reason="fine").applied == ("price calls-usd v2",)


def test_what_mends_a_failed_replay_is_not_refused_by_it(proven: Ready) -> None:
    home = proven.home
    proven.sign_off(*ALL)
    failed(home)
    file = proven.papers / "next.toml"
    file.write_text(NEXT_PRICE)
    mended = replace(gate_result(home), terms_digest=terms_of(home, read_documents(file)[0]), candidate=True)
    keep_result(home, replace(mended, differences=1))
    assert "replay: january failed: 1 difference" in refused(home, NEXT_PRICE), "the candidate failed too"
    keep_result(home, replace(mended, gate_failures=("no retry",)))
    assert "replay: january failed" in refused(home, NEXT_PRICE), "no gate with it"
    keep_result(home, replace(mended, ran_at=MARCH_3))
    keep_result(home, replace(gate_result(home), set_name="other", differences=2))
    assert "replay: other failed: 2 differences" in refused(home, NEXT_PRICE), (
        "another set did not pass with it"
    )
    keep_result(home, replace(mended, set_name="other"))
    assert "replay: january failed" in refused(home, NEXT_PRICE + PRICE_3), "nobody ran these"
    applied(home, NEXT_PRICE)
    assert "replay: engineering signed other evidence than there is now" in refused(home, PRICE_3)


def test_without_a_level_nothing_is_refused(tmp_path: Path) -> None:
    made = make_ready_home(tmp_path / "home")
    assert made.review.open and made.review.level is None
    applied(made.home, NEXT_PRICE)


def test_a_new_home_under_a_level_gets_on_by_overrides_of_what_there_is_not_yet(tmp_path: Path) -> None:
    made = make_ready_home(tmp_path / "home")
    made.clock.set_to(parse_instant("2025-12-14T00:00:00Z"))
    with pytest.raises(ReadinessOpen, match="A first level is refused: 1 item is open"):
        narrow(made.home)
    made.clock.set_to(JANUARY_21)
    narrow(made.home)
    made.sign_off(ItemKey.RULES, ItemKey.EVENT, ItemKey.BACKFILL)
    until = Instant(JANUARY_21 + DAY)
    for item in ("samples", "replay", "trace", "totals", "dispute-owners"):
        refused(made.home, NEXT_PRICE)
        document = propose_override(made.home, item, person="Dana", reason="nothing ran yet", until=until)
        for role in PolicyRole:
            made.signs(document, role)
    applied(made.home, NEXT_PRICE)


def test_what_a_level_asks_for(ready: Ready) -> None:
    home = ready.home
    with pytest.raises(LevelStands, match="narrow \\(acme, birch\\) already, set by Dana"):
        narrow(home, "birch", " acme")
    with pytest.raises(NobodyListed):
        set_level(home, Level.NARROW, ("",), person="Dana", reason="x")
    with pytest.raises(NoSuchCustomer):
        narrow(home, "acme", "nobody")
    with pytest.raises(DecisionIncomplete):
        set_level(home, Level.NARROW, ("acme",), person="", reason="x")
    (first,) = home.books.readiness.levels()
    with pytest.raises(LevelChanged):
        home.books.readiness.set_level(first)


# --------------------------------------------------------------------------------------- the overrides
def test_three_people_pass_over_an_item_until_it_runs_out(proven: Ready) -> None:
    proven.sign_off(*(key for key in ALL if key is not ItemKey.EVENT))
    until = Instant(MARCH_3 + 30 * DAY)
    document = propose_override(
        proven.home, "event", person="Dana", reason="in the next release", until=until
    )
    for role in (PolicyRole.PRODUCT, PolicyRole.FINANCE):
        proven.signs(document, role)
    assert proven.standing(ItemKey.EVENT).is_open
    proven.signs(document, PolicyRole.OPS)
    found = proven.standing(ItemKey.EVENT)
    assert found.state is State.OVERRIDDEN and found.override is not None
    assert (found.override.reason, found.override.until) == ("in the next release", until)
    assert set_level(proven.home, Level.WIDE, person="Dana", reason="launch").level is Level.WIDE
    applied(proven.home, NEXT_PRICE)
    proven.clock.set_to(until)
    assert proven.standing(ItemKey.EVENT).is_open
    refused(proven.home, PRICE_3)


def test_what_is_no_override(proven: Ready) -> None:
    until = Instant(MARCH_3 + 30 * DAY)
    failed(proven.home)
    for never in ("replay", "totals", "backfill"):
        with pytest.raises(NeverOverridden, match=f"Item {never} has no override"):
            propose_override(proven.home, never, person="Dana", reason="x", until=until)
    for late in (MARCH_3, Instant(MARCH_3 + 93 * DAY)):
        with pytest.raises(OverrideLength, match="at most 92 days"):
            propose_override(proven.home, "event", person="Dana", reason="x", until=late)
    own = propose_override(proven.home, "rules", person="ada", reason="x", until=until)
    with pytest.raises(SignatureRefused, match="Ada proposed this override"):
        proven.signs(own, PolicyRole.PRODUCT)
    proven.clock.set_to(until)
    with pytest.raises(SignatureRefused, match=f"ran out at {format_instant(until)}"):
        proven.signs(own, PolicyRole.OPS)
    proven.sign_off(ItemKey.EVENT)
    with pytest.raises(NothingOpen):
        propose_override(proven.home, "event", person="Dana", reason="x", until=Instant(until + DAY))


def test_the_refusal_names_three_problems_of_an_item_and_counts_the_rest(ready: Ready) -> None:
    assert readiness_flow.SHOWN_MAX == 3
    replaced = [replace(each, problems=each.problems * 4) for each in ready.review.open[:1]]
    assert "and 9 more" in str(ReadinessOpen("It", replaced))
