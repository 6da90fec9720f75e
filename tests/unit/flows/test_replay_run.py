"""A set through the whole path: no difference where none is, and the first cause of each where there are
some."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.replay_sets import CHANGED_PLAN, DEAR_PLAN, LINES, ran, small_set
from tests.small_home import POLICY, catalog_text
from tieout.flows.apply_catalog import CatalogRefused
from tieout.flows.read_replay_set import BadReplaySet
from tieout.flows.replay_candidate import CandidatePolicy
from tieout.kernel.rational import exact_text
from tieout.replay.cause import CauseKind
from tieout.replay.ran import ReplayRun
from tieout.replay.report import markdown, report_json

TIER = '{ unit_amount = "1.5" }'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_set(tmp_path_factory.mktemp("replay") / "set")


@pytest.fixture(scope="module")
def first(folder: Path) -> ReplayRun:
    return ran(folder)


def told(run: ReplayRun) -> list[tuple[int | None, str, str | None, str | None, str]]:
    return [
        (
            each.line,
            each.value,
            None if each.expected is None else exact_text(each.expected),
            None if each.found is None else exact_text(each.found),
            each.cause.kind.value,
        )
        for each in run.differences
    ]


def test_a_set_that_ties_has_no_difference_and_passes_as_a_gate(first: ReplayRun) -> None:
    assert told(first) == []
    assert first.refused == ()
    assert first.result.compares
    assert first.result.gate_failures == ()
    assert first.result.passes_gate
    assert first.result.coverage == {
        "retries": 1,
        "late_arrivals": 1,
        "plan_changes": 1,
        "thresholds": 1,
        "conflicts": 1,
    }
    assert first.rehearsed == ("policy close v1",)


def test_one_tier_changed_is_named_on_exactly_the_lines_that_change(
    folder: Path, first: ReplayRun, tmp_path: Path
) -> None:
    candidate = tmp_path / "candidate"
    candidate.mkdir()
    text = catalog_text()
    assert text.count(TIER) == 1
    (candidate / "policy.toml").write_text((folder / "policy" / "policy.toml").read_text())
    (candidate / "all.toml").write_text(text.replace(TIER, '{ unit_amount = "1.6" }') + DEAR_PLAN)
    run = ran(folder, candidate=candidate)
    assert told(run) == [(4, "amount", "11.5", "11.6", "price")], "1,000 tokens in the second tier"
    assert run.differences[0].cause.text == "price tokens-usd v1 is the candidate's"
    assert run.changed == ("price tokens-usd v1",)
    assert run.result.candidate
    assert run.result.set_digest == first.result.set_digest
    assert run.result.catalog_digest != first.result.catalog_digest
    assert run.result.outcome_digest != first.result.outcome_digest


def test_an_expectation_that_was_edited_or_recorded_fails_the_gate_though_all_is_equal(
    first: ReplayRun, tmp_path: Path
) -> None:
    other = small_set(tmp_path / "set")
    (other / "expected" / "lines.csv").write_text(LINES + "\n")
    face = other / "set.toml"
    text = face.read_text()
    place = text.index("expected/counts.csv")
    face.write_text(text[:place] + text[place:].replace('"script"', '"recorded"', 1))
    run = ran(other)
    assert run.result.compares
    assert not run.result.passes_gate
    assert run.result.gate_failures == (
        "recorded from the product, so true by itself: expected/counts.csv",
        "edited since they were frozen or stated: expected/lines.csv",
    )
    assert run.result.outcome_digest == first.result.outcome_digest


def test_a_call_that_is_refused_is_a_difference_and_the_first_cause(tmp_path: Path) -> None:
    changed = LINES.replace("fee-usd,,,10.00\nacme,2026-01-01T00:00:00Z,USD,calls-usd,3,3,0.05", "x", 1)
    lines = changed.replace("USD,x\n", "USD,dear-usd,,,10.00\n")
    tail = [
        json.dumps(
            {"at": "2026-03-04T00:00:00Z", "call": "lock-month", "month": "x", "by": "F", "reason": "r"}
        )
    ]
    run = ran(small_set(tmp_path / "set", lines=lines, tail=tail))
    assert [(each.line, each.kind.value) for each in run.refused] == [(12, "lock-month")]
    assert told(run) == [
        (2, "line", "10", None, "call"),
        (None, "line", None, "10", "expectation"),
        (None, "line", None, "0.05", "expectation"),
    ]
    assert run.differences[0].cause.text == "calls.jsonl:12: lock-month was refused"
    assert run.result.differences == 4


def test_an_account_that_is_parked_in_the_end_fails_the_gate_though_nothing_differs(tmp_path: Path) -> None:
    last = "9999-12-31T00:00:00Z"  # no calendar goes on from there
    run = ran(small_set(tmp_path / "set", tail=[json.dumps({"at": last, "call": "close", "as_of": last})]))
    assert run.result.compares and not run.result.passes_gate
    assert run.result.gate_failures == ("3 accounts were held or parked in the end, acme first",)


def test_a_bad_catalog_or_candidate_stops_before_anything_is_run(folder: Path, tmp_path: Path) -> None:
    bad = small_set(tmp_path / "bad")
    (bad / "catalog" / "2.toml").write_text(CHANGED_PLAN.replace('plan = "dear"', 'plan = "none"'))
    with pytest.raises(BadReplaySet) as refused:
        ran(bad)
    (problem,) = refused.value.problems
    assert (problem.line, problem.key) == (12, "subscription acme-main v2")
    candidate = tmp_path / "candidate.toml"
    candidate.write_text('[[price]]\nkey = "x"\n')
    with pytest.raises(CatalogRefused):
        ran(folder, candidate=candidate)
    policy = (folder / "policy" / "policy.toml").read_text()
    candidate.write_text(policy.replace("grace_hours = 24", "grace_hours = 25"))
    with pytest.raises(CandidatePolicy):
        ran(folder, candidate=candidate)


def test_a_candidate_is_signed_in_rehearsal_where_the_policy_asks_for_signed_prices_and_meters(
    tmp_path: Path,
) -> None:
    """From January 6 on the largest counts instead of the sum: 1,900 of 100 and 1,900."""
    folder = small_set(tmp_path / "set", policy=POLICY + 'requires = ["signed_prices"]\n')
    candidate = tmp_path / "candidate.toml"
    meter = catalog_text().partition('[[meter]]\nkey = "tokens"')[2].partition("[[")[0]
    meter = meter.replace("version = 1", "version = 2").replace('"sum"', '"max"')
    candidate.write_text(f'[[meter]]\nkey = "tokens"{meter.replace("2025-01-01", "2026-01-06")}')
    run = ran(folder, candidate=candidate)
    assert run.refused == ()
    assert run.waiting == {}
    assert "meter tokens v2" in run.rehearsed
    assert "price tokens-usd v1" in run.rehearsed
    assert [each[:4] for each in told(run)] == [
        (4, "quantity", "6000", "5900"),
        (4, "amount", "11.5", "11.8"),
    ]
    assert {each.cause.kind for each in run.differences} == {CauseKind.METER}


def test_the_page_marks_nothing_up_that_a_stranger_named(first: ReplayRun) -> None:
    named = replace(first, misjudged=("<script>*x*</script>\n# not a heading",))
    page = markdown(named)
    assert "\\<script\\>\\*x\\*\\</script\\> \\# not a heading" in page
    assert json.loads(report_json(named))["misjudged"] == list(named.misjudged)
