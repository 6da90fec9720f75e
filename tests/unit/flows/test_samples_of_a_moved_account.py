"""Samples of an account whose zone changes: what each role recorded, before the change or after it, is of one
period, and finds its run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.ready_home import FEBRUARY, JANUARY, MARCH, Ready, make_ready_home
from tests.small_home import FEBRUARY_3
from tieout.contract.policy import PolicyRole
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.invoices import list_invoices
from tieout.flows.readiness_papers import papers_of
from tieout.flows.readiness_samples import samples_of
from tieout.flows.readiness_signing import SampleSaid, record_sample
from tieout.flows.sample_periods import SamplePeriods
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.readiness.facts import Billed, Sample
from tieout.readiness.item import ItemKey
from tieout.readiness.papers import expectations
from tieout.readiness.refusals import MalformedSample, SampleTooLate

ACME = CustomerId("acme")
WHOLE_JANUARY = Period(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-01T00:00:00Z"))
MOVED = """
[[customer]]
key = "acme"
version = 2
effective_from = 2026-01-25T00:00:00Z
name = "acme Ltd"
zone = "America/New_York"
currency = "USD"
seller = "us"
address = ["2 Street"]
terms_days = 30
"""
DECEMBER_31, JANUARY_31 = date(2025, 12, 31), date(2026, 1, 31)
"""The days of January's paper in New York: it ends at 19:00 there."""


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Ready]:
    made = make_ready_home(tmp_path / "home")
    with made.home:
        yield made


def move(ready: Ready) -> None:
    (ready.papers / "moved.toml").write_text(MOVED)
    apply_catalog(ready.home, ready.papers / "moved.toml")


def found(ready: Ready) -> tuple[Sample, ...]:
    return samples_of(ready.home, expectations(papers_of(ready.home)))


def said(start: date, end: date, role: PolicyRole = PolicyRole.OPS) -> SampleSaid:
    return SampleSaid("acme", start, end, role, "Chi", "21.21", date(2026, 2, 3))


def test_what_is_recorded_on_both_sides_of_a_move_is_one_sample_with_its_run(ready: Ready) -> None:
    """It is sealed at midnight in UTC on 3 February, which is 2 February in New York."""
    ready.expects("acme", JANUARY, FEBRUARY, "21.21", date(2026, 2, 3), roles=(PolicyRole.PRODUCT,))
    ready.expects("acme", JANUARY, FEBRUARY, "9.99", date(2026, 2, 3), roles=(PolicyRole.OPS,))
    move(ready)
    ready.clock.set_to(Instant(ready.clock.now() + 1))  # of two that were signed at once neither is the last
    ready.expects("acme", DECEMBER_31, JANUARY_31, "21.21", date(2026, 2, 2), roles=(PolicyRole.OPS,))
    ready.expects("acme", JANUARY, FEBRUARY, "21.21", date(2026, 2, 2), roles=(PolicyRole.FINANCE,))
    ready.clock.set_to(FEBRUARY_3)
    (drafted,) = found(ready)
    ready.close_at(FEBRUARY_3)
    (sealed,) = found(ready)
    for sample in (drafted, sealed):
        assert sample.billed == Billed(DECEMBER_31, JANUARY_31)
        assert {each.role for each in sample.expectations} == set(PolicyRole)
        assert [each.revisions for each in sample.expectations if each.role is PolicyRole.OPS] == [1]
        assert sample.run is not None and sample.run.zone_name == "America/New_York"
    problems = [each.what for each in ready.standing(ItemKey.SAMPLES).problems]
    assert [each for each in problems if each.startswith("acme")] == []
    assert WHOLE_JANUARY in [row.period for row in list_invoices(ready.home, ACME)]


def test_nothing_is_expected_any_more_of_what_was_sealed_under_other_days(ready: Ready) -> None:
    move(ready)
    ready.close_at(FEBRUARY_3)
    for days in ((JANUARY, FEBRUARY), (DECEMBER_31, JANUARY_31)):
        with pytest.raises(SampleTooLate, match="sealed as INV-000001"):
            record_sample(ready.home, said(*days))
    with pytest.raises(MalformedSample, match="2025-12-31/2026-01-31"):
        record_sample(ready.home, said(JANUARY, JANUARY_31))


def test_a_period_that_is_named_by_days_alone_is_found_after_the_move(ready: Ready) -> None:
    """As everything was that was recorded before the instants were."""
    document = record_sample(ready.home, said(JANUARY, FEBRUARY))
    assert document.members["starts_at"] == "2026-01-01T00:00:00Z" and document.members["zone"] == "UTC"
    ready.signs(document, PolicyRole.OPS)
    (recorded,) = expectations(papers_of(ready.home))
    move(ready)
    periods = SamplePeriods(ready.home, ACME)
    assert periods.of(recorded) == periods.of(replace(recorded, period=None)) == WHOLE_JANUARY


def test_days_of_a_period_that_had_not_begun_name_the_one_that_took_its_place(ready: Ready) -> None:
    ready.signs(record_sample(ready.home, said(FEBRUARY, MARCH)), PolicyRole.OPS)
    (recorded,) = expectations(papers_of(ready.home))
    assert recorded.period == Period(WHOLE_JANUARY.end, parse_instant("2026-03-01T00:00:00Z"))
    move(ready)
    periods = SamplePeriods(ready.home, ACME)
    moved = Period(parse_instant("2026-02-01T05:00:00Z"), parse_instant("2026-03-01T05:00:00Z"))
    assert periods.of(recorded) == moved and periods.billed(recorded) == recorded.billed
