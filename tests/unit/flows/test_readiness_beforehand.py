"""What was expected beforehand, as far as a home can know: said where a dry run could have shown it, refused
where something was shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.ready_home import FEBRUARY, FEBRUARY_3, JANUARY, Ready, make_ready_home
from tieout.close.account import AccountOutcome
from tieout.close.outcome import Held, Parked
from tieout.contract.policy import PolicyRole
from tieout.flows.close_periods import close
from tieout.flows.readiness_beforehand import shown_already
from tieout.flows.readiness_papers import papers_of
from tieout.flows.readiness_signing import SampleSaid, record_sample, sample_now
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.readiness.item import ItemKey, Open
from tieout.readiness.refusals import SampleTooLate

SAID = SampleSaid("acme", JANUARY, FEBRUARY, PolicyRole.OPS, "Chi", "21.21", date(2026, 2, 3))
DUE = parse_instant("2026-02-02T00:00:00Z")
"""January and 24 hours of grace."""
PERIOD = Period(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-01T00:00:00Z"))


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    return make_ready_home(tmp_path / "home")


def facts(ready: Ready) -> list[str]:
    checked = ready.standing(ItemKey.SAMPLES).checked
    return [each.value for each in checked.evidence]  # type: ignore[union-attr]


def test_a_dry_run_shows_what_a_later_expectation_repeats_and_the_review_says_so(ready: Ready) -> None:
    ready.clock.set_to(Instant(DUE - 1))
    assert close(ready.home, as_of=ready.clock.now(), dry_run=True).invoices == ()
    assert shown_already(ready.home, sample_now(ready.home, SAID)) is None
    ready.clock.set_to(DUE)
    (row,) = close(ready.home, as_of=DUE, customers=(CustomerId("acme"),), dry_run=True).invoices
    assert row.draft is not None and row.draft.total.decimal_text == "21.21"
    document = record_sample(ready.home, SAID)
    assert shown_already(ready.home, document) == DUE
    ready.signs(document, PolicyRole.OPS)
    ready.close_at(FEBRUARY_3)
    (fact,) = facts(ready)
    assert "ops USD 21.21 on 2026-02-03 (Chi, recorded after a dry run could show it)" in fact


def test_recorded_while_the_period_ran_nothing_is_said(ready: Ready) -> None:
    ready.expects("acme", JANUARY, FEBRUARY, "21.21", date(2026, 2, 3), roles=(PolicyRole.OPS,))
    ready.close_at(FEBRUARY_3)
    assert "ops USD 21.21 on 2026-02-03 (Chi);" in facts(ready)[0]


def test_signed_after_a_dry_run_could_show_it_is_recorded_after_it(ready: Ready) -> None:
    document = record_sample(ready.home, SAID)
    ready.clock.set_to(DUE)
    ready.signs(document, PolicyRole.OPS)
    assert "recorded after a dry run could show it" in facts(ready)[0]


def test_what_was_said_is_not_said_otherwise_once_the_review_lays_the_run_beside_it(ready: Ready) -> None:
    ready.expects("acme", JANUARY, FEBRUARY, "20.00", date(2026, 2, 3), roles=(PolicyRole.OPS,))
    waiting = record_sample(ready.home, replace(SAID, amount="21.00"))
    ready.clock.set_to(DUE)
    before = ready.home.books.readiness.documents()
    with pytest.raises(SampleTooLate) as refused:
        record_sample(ready.home, SAID)
    assert (
        "is one that a dry run shows since 2026-02-02T00:00:00Z, and ops (Chi) expected USD 20.00 of it"
        in (str(refused.value))
    )
    with pytest.raises(SampleTooLate):
        ready.signs(waiting, PolicyRole.OPS)
    assert ready.home.books.readiness.documents() == before
    ready.expects("acme", JANUARY, FEBRUARY, "21.21", date(2026, 2, 3), roles=(PolicyRole.FINANCE,))


def test_a_revision_that_was_recorded_by_other_means_is_a_problem(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready.expects("acme", JANUARY, FEBRUARY, "20.00", date(2026, 2, 3))
    ready.clock.set_to(DUE)
    with monkeypatch.context() as patched:
        patched.setattr("tieout.flows.readiness_beforehand._refuse_revision", lambda *_: None)
        ready.expects("acme", JANUARY, FEBRUARY, "21.21", date(2026, 2, 3))
    ready.close_at(FEBRUARY_3)
    checked = ready.standing(ItemKey.SAMPLES).checked
    assert isinstance(checked, Open)
    told = [each.what for each in checked.problems if "revised" in each.what]
    assert told == [
        f"acme 2026-01-01/2026-02-01: {who} revised what was expected after a dry run could show it"
        for who in ("product (Ada)", "finance (Bram)", "ops (Chi)")
    ]


def test_what_a_close_held_was_shown_and_what_it_parked_was_not(ready: Ready) -> None:
    closes = ready.home.books.closes
    for outcome in (Parked("its meter is not signed", "sign it"), Held(InvoiceId("in_1"), ())):
        run = closes.start(as_of=DUE, cutoff=ready.home.log.head(), cutoff_at=DUE)
        closes.record(run, [AccountOutcome(CustomerId("acme"), PERIOD, outcome)])
        closes.end(run, at=DUE)
        if isinstance(outcome, Parked):
            sample_now(ready.home, SAID)
    with pytest.raises(SampleTooLate, match="held by a close"):
        record_sample(ready.home, SAID)
    assert papers_of(ready.home).documents == ()
    record_sample(ready.home, replace(SAID, account="birch"))
