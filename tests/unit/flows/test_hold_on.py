"""A signed policy may say that usage on no invoice holds: the account that it can be laid to, else all that
have its time in their period. It clears itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import small_home
from tests.small_home import FEBRUARY_3, call, ingest, january, make_home
from tieout.close.breaks import BreakClass, Reach
from tieout.close.outcome import Held, Sealed
from tieout.close.reconcile_buckets import TIE_BUCKETS
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import CloseReport, close
from tieout.flows.home import Home
from tieout.flows.reconcile_now import open_breaks
from tieout.flows.retract_event import Decision, retract_event

STRANGER = """
[[customer]]
key = "stranger"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Stranger"
zone = "UTC"
currency = "USD"
seller = "us"
address = ["3 Street"]
terms_days = 30
[[subject]]
subject = "key-stranger"
customer = "stranger"
from = 2025-01-01T00:00:00Z
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    policy = small_home.POLICY + 'hold_on = ["unpriced", "unmatched"]\n'
    made, _ = make_home(tmp_path / "home", now=FEBRUARY_3, policy=policy)
    with made:
        yield made


def closed(home: Home) -> CloseReport:
    return close(home, as_of=FEBRUARY_3)


def held(report: CloseReport) -> dict[str, set[tuple[BreakClass, Reach, str]]]:
    return {
        customer: {(found.kind, found.reach, found.size) for found in outcome.breaks}
        for customer, _, outcome in report.outcomes
        if isinstance(outcome, Held) and {found.tie for found in outcome.breaks} == {TIE_BUCKETS}
    }


def retract(home: Home, number: int) -> None:
    name = str(call(number, "acme", "2026-01-01T00:00:00Z")["id"])
    retract_event(home, source="gateway", event_id=name, decision=Decision("a test of ours", by="Dana"))


def test_usage_of_nobody_holds_all_whose_period_has_it_until_it_is_retracted(home: Home) -> None:
    ingest(home, [*january(5), call(901, "stranger", "2026-01-20T00:00:00Z")])
    found = held(closed(home))
    assert set(found) == set(small_home.ZONES)
    assert set.union(*found.values()) == {(BreakClass.UNMATCHED, Reach.CYCLE, "1 event")}
    assert "the first by subject: key-stranger" in next(
        each.found.found for each in open_breaks(home) if each.found.reach is Reach.CYCLE
    )
    retract(home, 901)
    assert {type(outcome) for *_, outcome in closed(home).outcomes} == {Sealed}
    assert [each for each in open_breaks(home) if each.found.reach is not Reach.NOTED] == []


def test_only_periods_that_have_the_time_are_held(home: Home) -> None:
    """The first hours of January in Auckland are December everywhere else."""
    ingest(home, [*january(5), call(901, "stranger", "2025-12-31T12:00:00Z")])
    assert set(held(closed(home))) == {"cedar"}


def test_usage_of_a_customer_without_a_subscription_holds_all_until_it_is_gone(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "stranger.toml").write_text(STRANGER)
    apply_catalog(home, tmp_path / "stranger.toml")
    ingest(home, [*january(5), call(901, "stranger", "2026-01-20T00:00:00Z")])
    found = held(closed(home))
    assert set(found) == set(small_home.ZONES)
    assert set.union(*found.values()) == {(BreakClass.UNPRICED, Reach.CYCLE, "1 event")}


def test_mapping_the_subject_moves_the_hold_to_where_it_belongs_and_pricing_ends_it(
    home: Home, tmp_path: Path
) -> None:
    ingest(home, [*january(5), call(901, "stranger", "2026-01-20T00:00:00Z")])
    assert set(held(closed(home))) == set(small_home.ZONES)
    mapped = '[[subject]]\nsubject = "key-stranger"\ncustomer = "acme"\nfrom = 2025-01-01T00:00:00Z\n'
    (tmp_path / "mapped.toml").write_text(mapped)
    apply_catalog(home, tmp_path / "mapped.toml")
    assert {type(outcome) for *_, outcome in closed(home).outcomes} == {Sealed}


def test_unpriced_usage_holds_its_customer_alone(home: Home, tmp_path: Path) -> None:
    """Its plan has no price on the meter."""
    more = small_home.CATALOG.split("[[meter]]")[1].replace('key = "calls"', 'key = "unsold"')
    (tmp_path / "meter.toml").write_text("[[meter]]" + more)
    apply_catalog(home, tmp_path / "meter.toml")
    events = [event for event in january(5) if event["subject"] == "acme"]
    ingest(home, events or january(5))
    found = held(closed(home))
    assert found and {each for breaks in found.values() for each in breaks} <= {
        (BreakClass.UNPRICED, Reach.ACCOUNT, "5 events")
    }
