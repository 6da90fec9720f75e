"""`tieout ingest status` and its sisters, as a user meets them."""

from __future__ import annotations

import json
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.small_home import call, make_home
from tests.surface.conftest import DemoHome, Ran, in_process, tieout

VERBS = ("status", "alerts", "close-alert", "control-total", "control-totals", "gaps")
TOTAL = (
    *("ingest", "control-total", "--source", "gateway", "--id", "feb", "--type", "api.call"),
    *("--from", "2026-02-01T00:00:00Z", "--to", "2026-03-01T00:00:00Z"),
)
PARTS = ("accepted", "duplicate", "conflict", "quarantined")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> DemoHome:
    """200 calls with numbers of which 3 are missing, one twice, two refused; then 10 resent."""
    folder = tmp_path_factory.mktemp("pipeline") / "home"
    made, _ = make_home(folder)
    made.close()
    events = [
        {**call(n, "acme", "2026-02-20T12:00:00Z", gigabytes="0.5"), "sequence": str(n)}
        for n in range(1, 204)
        if n not in (7, 8, 100)
    ]
    events[0]["data"] = {"tokens": -1}
    events[1]["data"] = {"tokens": "NaN"}
    events[2]["sequence"] = "5"
    found = DemoHome(folder, {})
    for name, part in (("calls", events), ("again", events[10:20])):
        (folder / f"{name}.ndjson").write_text("".join(json.dumps(event) + "\n" for event in part))
        assert found.run("ingest", str(folder / f"{name}.ndjson")).code == 0
    return found


def no_floats(value: Any) -> bool:
    if isinstance(value, dict):
        return all(no_floats(member) for member in value.values())
    if isinstance(value, list):
        return all(no_floats(member) for member in value)
    return not isinstance(value, float)


# ---------------------------------------------------------------------------------------------- the noun
def test_help_shows_files_and_verbs() -> None:
    ran = tieout("ingest", "--help", COLUMNS="120")
    assert ran.code == 0
    assert "FILES... | VERB" in ran.out and "[[source]]" in ran.out and "--format" in ran.out
    assert re.findall(r"^│ ([a-z-]+) +[A-Z]", ran.out, re.MULTILINE) == list(VERBS)
    assert "FILE... " not in ran.out.replace("FILES... ", "")


def test_help_of_the_files_is_still_there_after_an_option() -> None:
    assert "--format" in in_process("ingest", "--home", "x", "--help").out


def test_no_file_is_2(home: DemoHome) -> None:
    assert home.run("ingest").code == 2


def test_a_file_that_is_named_like_a_verb_is_given_by_its_path(
    home: DemoHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("status").write_text(json.dumps({"no": "event"}) + "\n")
    other, _ = make_home(tmp_path / "home")
    other.close()
    ran = DemoHome(tmp_path / "home", {}).run("ingest", "./status", "--format", "ndjson", "--json")
    assert ran.json[0]["quarantined"] == 1
    assert home.run("ingest", "status", "--json").json["total"]["received"] == 210


# ---------------------------------------------------------------------------------------------- status
def test_status_adds_up(home: DemoHome) -> None:
    status = home.run("ingest", "status", "--json").json
    assert no_floats(status)
    total = status["total"]
    assert total["received"] == sum(total[part] for part in PARTS) == 210
    assert [total[part] for part in PARTS] == [198, 10, 0, 2]
    assert (total["acceptance_rate"], total["duplicate_rate"]) == ("0.942857", "0.047619")
    for part in ("received", *PARTS):
        assert sum(row[part] for row in status["hours"]) == total[part]
    reasons = [reason for row in status["hours"] for reason in row["reasons"].items()]
    assert reasons == [("number-malformed", 1), ("out-of-range", 1)]
    lags = status["hours"][0]["lags"]
    assert set(lags) == {
        "event-to-received", "received-to-queryable", "queryable-to-acted:pipeline-watcher",
    }  # fmt: skip
    assert all(0 < lag["p50_microseconds"] <= lag["p99_microseconds"] for lag in lags.values())
    assert status["sequence_gaps"] == home.run("ingest", "gaps", "--json").json


def test_status_for_people_says_the_same(home: DemoHome) -> None:
    ran = home.run("ingest", "status")
    assert ran.code == 0
    (total,) = re.findall(r"^ total +(.+)$", ran.out, re.MULTILINE)
    assert total.split() == ["210", "198", "10", "0", "2", "0.942857", "0.047619"]
    assert "received after" in ran.out and "acted on after (pipeline-watcher)" in ran.out


@pytest.mark.parametrize("verb", ["status", "alerts", "control-totals", "gaps"])
def test_a_source_that_nobody_knows_is_3_and_a_likely_one_is_named(home: DemoHome, verb: str) -> None:
    ran = home.run("ingest", verb, "--source", "gatewya")
    assert (ran.code, ran.out) == (3, "")
    assert "did you mean 'gateway'?" in ran.err


@pytest.mark.parametrize("hours", ["0", "-1", "1.5", "many", "99999999"])
def test_hours_are_a_whole_number_within_limits(home: DemoHome, hours: str) -> None:
    assert home.run("ingest", "status", "--hours", hours).code == 2


def test_an_empty_home_has_an_empty_status(tmp_path: Path) -> None:
    made, _ = make_home(tmp_path / "home")
    made.close()
    empty = DemoHome(tmp_path / "home", {})
    assert empty.run("ingest", "status").code == 0
    status = empty.run("ingest", "status", "--json").json
    assert (status["hours"], status["since"], status["total"]["acceptance_rate"]) == ([], None, None)


# ---------------------------------------------------------------------------------------------- gaps
def test_gaps_name_what_is_missing(home: DemoHome) -> None:
    (found,) = home.run("ingest", "gaps", "--json").json
    missing = [[3, 3], [7, 8], [100, 100]]
    assert found["missing"] == {"count": 4, "ranges": missing, "ranges_left_out": 0}
    assert found["received_not_accepted"]["ranges"] == [[1, 2]]
    assert found["repeated"] == {"count": 1, "ranges": [[5, 5]], "ranges_left_out": 0}
    assert "3, 7-8, 100" in home.run("ingest", "gaps").out


# ---------------------------------------------------------------------------------------- control totals
def test_a_control_total_is_compared_and_stays(home: DemoHome) -> None:
    stated = (*TOTAL, "--events", "200", "--field", "gigabytes", "--total", "100", "--json")
    found = home.run(*stated).json
    assert no_floats(found)
    assert found["state"] == "differs"
    assert found["difference"] == {"events": -2, "total": "-1"}
    assert home.run(*stated).json == found, "again it changes nothing"
    shown = home.run("ingest", "control-totals").out
    assert re.search(r"events +200 +198 +198 +-2 +differs", shown)
    assert re.search(r"gigabytes +100 +99 +99 +-1", shown)
    other = home.run(*TOTAL, "--events", "198")
    assert other.code == 4 and "stated feb otherwise" in other.err
    assert len(home.run("ingest", "status", "--json").json["control_totals_that_differ"]) == 1


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("--events", "-1"), 2, "events"),
        (("--events", "1.0"), 2, "events"),
        (("--events", "1", "--field", "gigabytes", "--total", "1e5"), 2, "plain decimal"),
        (("--events", "1", "--field", "gigabytes", "--total", "NaN"), 2, "plain decimal"),
        (("--events", "1", "--total", "5"), 2, "together"),
        (("--events", "1", "--field", "gigabytes"), 2, "together"),
        (("--events", "1", "--field", "nope", "--total", "1"), 2, "not declared"),
        (("--events", "1", "--field", "environment", "--total", "1"), 2, "no number"),
        (("--events", "1", "--from", "2026-03-02T00:00:00Z"), 2, "is not before"),
        (("--events", "1", "--from", "2026-02-01"), 2, "RFC 3339"),
        (("--events", "1", "--to", "2026-03-01T00:00:00"), 2, "offset"),
        (("--events", "1", "--type", "nope"), 3, "event type"),
        (("--events", "1", "--id", ""), 2, "id"),
        (("--events", "1", "--source", "two words"), 2, "source"),
        (("--events", "1", "--by", " "), 2, "name"),
    ],
)
def test_a_statement_that_cannot_be_compared_is_refused(
    home: DemoHome, change: tuple[str, ...], code: int, said: str
) -> None:
    ran = home.run(*TOTAL, "--id", "refused", *change)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("tieout: ") and said in ran.err and len(ran.err.splitlines()) == 1
    listed = home.run("ingest", "control-totals", "--json").json
    assert "refused" not in {found["id"] for found in listed}


def test_a_source_of_which_nothing_came_may_state_a_total(home: DemoHome) -> None:
    """That is when a control total is worth most."""
    ran = home.run(*TOTAL, "--source", "silent", "--events", "5", "--json")
    assert (ran.code, ran.json["difference"]["events"]) == (0, -5)
    assert "Nothing was received" in ran.err


# ---------------------------------------------------------------------------------------------- alerts
def broken_home(folder: Path) -> DemoHome:
    """Two hours ago a source was well; what it sends now is refused."""
    made, clock = make_home(folder)
    now = datetime.now(UTC)
    from tieout.flows.ingest_file import ingest_file
    from tieout.kernel.instant import from_datetime

    clock.set_to(from_datetime(now - timedelta(hours=2)))
    time = (now - timedelta(days=1)).isoformat()
    with made:
        file = folder / "good.ndjson"
        file.write_text("".join(json.dumps(call(n, "acme", time)) + "\n" for n in range(150)))
        ingest_file(made, file)
    (folder / "bad.ndjson").write_text(
        "".join(json.dumps(call(n, "acme", time, tokens=-1)) + "\n" for n in range(150))
    )
    return DemoHome(folder, {})


def closed(home: DemoHome, id: str, *, by: str = "Ada", reason: str = "Fixed.") -> Ran:
    return home.run("ingest", "close-alert", id, "--by", by, "--reason", reason, "--json")


def test_a_source_that_breaks_is_told_at_once_and_stays_until_it_is_closed(tmp_path: Path) -> None:
    home = broken_home(tmp_path / "home")
    ran = home.run("ingest", str(tmp_path / "home" / "bad.ndjson"))
    assert ran.code == 0 and "1 pipeline alerts were opened" in ran.err
    (alert,) = home.run("ingest", "alerts", "--json").json
    assert no_floats(alert)
    assert (alert["source"], alert["kind"]) == ("gateway", "acceptance")
    assert alert["now"] == {"items": 0, "received": 150, "rate": "0"}
    assert alert["before"]["rate"] == "1" and alert["before"]["hours"] == 1
    assert "0 of 150" in home.run("ingest", "alerts").out
    assert home.run("ingest", "status", "--json").json["open_alerts"] == [alert]
    assert closed(home, alert["id"], by="").code == 2
    assert closed(home, alert["id"], reason="\n").code == 2
    assert closed(home, "al_0").code == 3
    done = closed(home, alert["id"])
    assert (done.json["closed_by"], done.json["close_reason"]) == ("Ada", "Fixed.")
    assert closed(home, alert["id"]).code == 4
    assert home.run("ingest", "alerts", "--json").json == []
    assert home.run("ingest", "alerts", "--all", "--json").json == [done.json]


def test_what_was_stored_before_a_kill_is_looked_at_by_the_next_run(tmp_path: Path) -> None:
    home = broken_home(tmp_path / "home")
    bad = str(tmp_path / "home" / "bad.ndjson")
    assert home.run("ingest", bad, CRASH_AT="ingest-after-commit:1").code == -signal.SIGKILL
    assert home.run("ingest", "alerts", "--json").json == []
    (tmp_path / "one.ndjson").write_text(json.dumps(call(9_999, "acme", "2026-02-20T12:00:00Z")) + "\n")
    assert home.run("ingest", str(tmp_path / "one.ndjson")).code == 0
    (alert,) = home.run("ingest", "alerts", "--json").json
    assert alert["kind"] == "acceptance"
    assert home.run("verify").code == 0
