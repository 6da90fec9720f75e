"""`tieout replay` as a user meets it: exit codes, what is printed, the report, and results that a home
keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.replay_sets import LINES, ran, small_set
from tests.small_home import make_home
from tests.surface.conftest import in_process, tieout_started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_set(tmp_path_factory.mktemp("replay") / "set")


def test_a_set_that_ties_exits_0_writes_its_report_and_a_home_keeps_its_result(
    folder: Path, tmp_path: Path
) -> None:
    make_home(tmp_path / "home")[0].close()
    home, report = str(tmp_path / "home"), tmp_path / "report"
    asked = ("replay", "run", str(folder), "--gate", "--keep-in", home, "--report", str(report))
    done = tieout_started(*asked, PYTHONHASHSEED="7", TZ="Asia/Tokyo")
    assert done.code == 0, done.err
    assert "Comparison: no difference in 14 lines of 4 papers." in done.out
    assert "As a gate: passes." in done.out
    assert "nothing is under a signed policy" in done.out
    page, machine = (report / "report.md").read_text(), json.loads((report / "report.json").read_text())
    assert "| late arrivals | 1 |" in page
    assert machine["passes_gate"] is True
    kept = in_process("replay", "results", "--home", home, "--json").json
    assert [(each["set"], each["outcome_digest"]) for each in kept] == [("small", machine["outcome_digest"])]
    assert (kept[0]["number"], kept[0]["home"], kept[0]["apart"]) == (1, None, "of a set that names no home")
    assert "Kept as result 1 of home_" in done.err
    assert "It is of a set that names no home, so it does not count for its readiness." in done.err
    shown = in_process("replay", "results", "--home", home).out
    assert "passes" in shown and "no: of a set" in shown
    assert not (tmp_path / "home" / "replay-results").exists()
    (report / "report.json").unlink()
    again = in_process("replay", "run", str(folder), "--report", str(report))
    assert again.code == 4 and "report.md exists already" in again.err and "Comparison" not in again.out
    assert (report / "report.md").read_text() == page and not (report / "report.json").exists()
    here = ran(folder).result.outcome_digest
    assert here == machine["outcome_digest"], "in another process, zone and hash seed"


def test_a_difference_exits_1_and_a_failed_gate_only_where_it_is_asked_for(
    tmp_path: Path,
) -> None:
    wrong = small_set(tmp_path / "set", lines=LINES.replace("calls-usd,3,3,0.05", "calls-usd,3,3,0.04"))
    done = in_process("replay", "run", str(wrong))
    assert done.code == 1
    assert "expected/lines.csv:3" in done.out
    assert "price: the same quantity at price calls-usd v1" in " ".join(done.out.split())
    expect = ("replay", "expect", str(wrong), "--by", "Ada", "--what", "lines", "--origin")
    (tmp_path / "lines.csv").write_text(LINES)
    unsaid = in_process(*expect, "recorded", str(tmp_path / "lines.csv"))
    assert (unsaid.code, "say --why it is replaced" in unsaid.err) == (2, True)
    taken = in_process(*expect, "recorded", str(tmp_path / "lines.csv"), "--why", "it was wrong")
    assert taken.code == 0 and "by by hand (script), which stays on record" in taken.err
    done = in_process("replay", "run", str(wrong), "--gate", "--json")
    assert (done.code, done.json["compares"], done.json["passes_gate"]) == (1, True, False)
    assert "the gate fails" in done.err


def test_a_bad_set_exits_2_with_file_line_and_field_and_no_set_exits_3(tmp_path: Path) -> None:
    bad = small_set(tmp_path / "set")
    calls = bad / "calls.jsonl"
    calls.write_text(calls.read_text().replace('"as_of": "2026-02-03T00:00:00Z"', '"as_of": "February"'))
    done = in_process("replay", "run", str(bad))
    assert done.code == 2
    assert "calls.jsonl:9: as_of: 'February' is not an RFC 3339 time" in done.err
    assert in_process("replay", "run", str(tmp_path)).code == 3
    assert in_process("replay", "freeze", str(bad)).code == 0


def test_what_is_expected_has_an_origin_and_somebody_who_stands_for_it(tmp_path: Path) -> None:
    asked = ("replay", "record", str(tmp_path / "set"), "--home", str(tmp_path), "--expected", "lines.csv")
    done = in_process(*asked, "--by", "Ada")
    assert done.code == 2 and "--expected: say where it comes from" in done.err


def test_a_home_is_recorded_with_what_is_expected_of_it(tmp_path: Path) -> None:
    make_home(tmp_path / "home")[0].close()
    done = in_process("replay", "record", str(tmp_path / "new"), "--home", str(tmp_path / "home"))
    assert done.code == 0, done.err
    assert "the home sealed 0 lines" in done.out
    assert "fails as a gate" in done.err
    again = in_process("replay", "record", str(tmp_path / "new"), "--home", str(tmp_path / "home"))
    assert again.code == 4
    arguments = ("--home", str(tmp_path / "home"), "--expected", str(tmp_path / "lines.csv"))
    assert in_process("replay", "record", str(tmp_path / "more"), *arguments).code == 2
