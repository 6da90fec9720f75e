"""Each fate an event can have is told, and each in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.review import bad_call, corrected, feed, message, open_ones, review_home
from tests.small_home import FEBRUARY_3, call
from tieout.cli.why import meter_sentence
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.compact_log import compact_log
from tieout.flows.erase_event import erase
from tieout.flows.quarantine import discard
from tieout.flows.release_item import Correction, release
from tieout.flows.why_event import MeterFate, NeverReceived, Why, why
from tieout.wiring import Home

LATER_SUBJECT = """
[[subject]]
subject = "key-nobody"
customer = "acme"
from = 2025-01-01T00:00:00Z
"""


def told(home: Home, id: str) -> Why:
    (found,) = why(home, id)
    return found


def fates(home: Home, id: str) -> dict[str, MeterFate]:
    accepted = told(home, id).accepted
    assert accepted is not None
    return {fate.meter: fate for fate in accepted.meters}


def test_counted_and_open(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [call(1, "acme", "2026-02-03T10:00:00Z", gigabytes="1.5")])
        found = fates(home, "e1")
        assert set(found) == {"calls", "tokens", "stored"}
        for fate in found.values():
            assert (fate.fate, fate.state, fate.subscription) == ("counted", "open", "acme-main")
            assert "open" in meter_sentence(fate)


def test_excluded_and_without_a_value(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [call(1, "acme", "2026-02-03T10:00:00Z", environment="test")])
        feed(home, [call(2, "acme", "2026-02-03T10:00:00Z")])
        assert {fate.reason for fate in fates(home, "e1").values()} == {"non-production"}
        assert fates(home, "e2")["stored"].reason == "no value in gigabytes"
        assert fates(home, "e2")["calls"].fate == "counted"


def test_unmatched_unpriced_and_no_meter(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [call(1, "nobody", "2026-02-03T10:00:00Z"), message("m1"), message("m2", subject="key-x")])
        feed(home, [message("m3", data={"words": 1, "room": "lobby"})])
        assert {fate.fate for fate in fates(home, "e1").values()} == {"unmatched", "excluded"}
        assert told(home, "e1").accepted.customer is None  # type: ignore[union-attr]
        assert fates(home, "m1")["words"].fate == "unpriced"
        assert fates(home, "m2")["words"].fate == "unmatched"
        assert fates(home, "m3")["words"].reason == "lobby"


def test_sealed_late_and_missed(tmp_path: Path) -> None:
    with review_home(tmp_path, now=FEBRUARY_3)[0] as home:
        feed(home, [call(70, "nobody", "2026-01-05T00:00:00Z")])
        report = close(home, as_of=FEBRUARY_3)
        (number,) = [row.number for row in report.invoices if row.customer == "acme"]
        sealed = fates(home, "january-e1")
        assert {fate.state for fate in sealed.values()} == {"sealed"}
        assert {fate.invoice for fate in sealed.values()} == {number}
        lines = [line for fate in sealed.values() for line in fate.lines]
        assert len(lines) == len(set(lines)) == 3 and all(
            home.books.invoices.evidence(each) for each in lines
        )
        feed(home, [call(71, "acme", "2026-01-25T00:00:00Z", gigabytes="1.0")])
        assert {(fate.state, fate.invoice) for fate in fates(home, "e71").values()} == {("late", number)}
        (tmp_path / "subject.toml").write_text(LATER_SUBJECT)
        apply_catalog(home, tmp_path / "subject.toml")
        missed = fates(home, "e70")["calls"]
        assert (missed.state, missed.invoice) == ("missed", number)
        assert "without this usage" in meter_sentence(missed)


def test_every_arrival_of_an_identity_is_told_in_order(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        first = call(1, "acme", "2026-02-03T10:00:00Z", tokens=1)
        feed(home, [bad_call(1)])
        feed(home, [first, first])
        feed(home, [first, {**first, "time": "2026-02-03T10:00:01Z"}])
        compact_log(home, rows_min=1)
        feed(home, [first])
        found = told(home, "e1")
        assert [each.verdict.name.lower() for each in found.arrivals] == [
            "quarantined",
            "accepted",
            "duplicate",
            "duplicate",
            "conflict",
            "duplicate",
        ]
        assert found.repeats == 3
        assert all(each.origin.endswith("events.ndjson") for each in found.arrivals)
        accepted = found.arrivals[1].position
        assert {each.original for each in found.arrivals[2:]} == {accepted}
        assert why(home, str(found.arrivals[3].position)) == (found,), "by the position of any of them"


def test_the_chain_of_releases_is_told(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [bad_call(2), b"no json\n", bad_call(3)])
        numbered, unread, put_aside = (str(found.item.position) for found in open_ones(home))
        again = release(home, numbered, person="Ada", reason="as it is")
        right = Correction("x", corrected({**bad_call(2), "id": "e2-fixed"}))
        done = release(home, str(again.fate.position), person="Bo", reason="fixed", correction=right)
        discard(home, [put_aside], person="Chi", reason="a test run")
        arrivals = told(home, "e2").arrivals
        assert [each.outcome.decision.person for each in arrivals if each.outcome] == ["Ada", "Bo"]
        assert arrivals[0].became is not None and arrivals[0].became.position == again.fate.position
        assert arrivals[1].released_from == arrivals[0].position
        assert arrivals[1].became is not None and arrivals[1].became.position == done.fate.position
        assert told(home, "e2").accepted is None
        fixed = told(home, "e2-fixed")
        assert fixed.arrivals[0].released_from == arrivals[1].position
        assert fixed.accepted is not None and fixed.accepted.customer == "acme"
        assert told(home, "e3").arrivals[0].outcome.decision.reason == "a test run"  # type: ignore[union-attr]
        assert told(home, unread).id is None


def test_one_id_of_two_sources_has_two_answers(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [call(1, "acme", "2026-02-03T10:00:00Z")])
        feed(home, [{**call(1, "birch", "2026-02-03T10:00:00Z"), "source": "other"}])
        assert [found.source for found in why(home, "e1")] == ["gateway", "other"]
        assert [found.source for found in why(home, "e1", source="other")] == ["other"]


def test_an_erased_event_is_still_explained(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [call(1, "acme", "2026-02-03T10:00:00Z")])
        erase(home, None, source="gateway", id="e1", person="Ada", reason="asked")
        accepted = told(home, "e1").accepted
        assert accepted is not None and accepted.erasure is not None
        assert {fate.state for fate in accepted.meters if fate.fate == "counted"} == {"open"}


@pytest.mark.parametrize("name", ["nothing", "b99.r0", "b1.r999", "b0.r0"])
def test_what_never_came_is_not_found(tmp_path: Path, name: str) -> None:
    with review_home(tmp_path)[0] as home, pytest.raises(NeverReceived) as refusal:
        why(home, name)
    assert refusal.value.exit_code == 3
