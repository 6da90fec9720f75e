"""What a home received, was told and applied, frozen into a set that gives the same lines again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replay_sets import ran
from tests.small_home import SIGNED_AT, call, ingest, make_home
from tieout.flows.close_periods import close
from tieout.flows.compact_log import compact_log
from tieout.flows.correct import approve, preview
from tieout.flows.ingest_file import ingest_file
from tieout.flows.ledger import lock_month
from tieout.flows.payments import record_payment
from tieout.flows.read_replay_set import read_set
from tieout.flows.record_replay_set import Expectation, record
from tieout.flows.replay_results import terms_of
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.wallet import GrantOrder, grant_credit, void_grant
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.replay.call import CallKind
from tieout.replay.face import Origin, What
from tieout.replay.gate import COVERED
from tieout.wiring import Home, SteppedClock

ACME = CustomerId("acme")
MARCH_5 = parse_instant("2026-03-05T00:00:00Z")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """January closed, with a retry, a conflict, lines that are no events and a retraction; then what came
    late, a correction, credits, a payment, a locked month; and February closed.
    """
    made, clock = make_home(tmp_path_factory.mktemp("record") / "home", now=SIGNED_AT)
    with made:
        _january(made, clock)
        _february(made, clock)
        yield made


def _january(home: Home, clock: SteppedClock) -> None:
    clock.set_to(parse_instant("2026-01-20T00:00:00Z"))
    events = [call(n, "acme", f"2026-01-{n:02d}T00:00:00Z", gigabytes=f"{n}.50", note="é") for n in (1, 2, 3)]
    events += [
        call(4, "birch", "2026-01-09T00:00:00Z", tokens=7000),
        call(5, "nobody", "2026-01-09T00:00:00Z"),
    ]
    ingest(home, events)
    compact_log(home, rows_min=1)
    clock.set_to(parse_instant("2026-01-21T00:00:00Z"))
    again = [events[0], {**call(2, "acme", "2026-01-02T00:00:00Z", tokens=9), "traceparent": "t"}]
    file = home.folder / "again.json"
    file.write_text(json.dumps([*again, {"no": "event"}, call(6, "acme", "2027-01-01T00:00:00Z")], indent=1))
    report = ingest_file(home, file)
    assert (report.duplicate, report.conflict, report.quarantined) == (1, 1, 2), report.reasons
    clock.set_to(parse_instant("2026-01-22T00:00:00Z"))
    order = GrantOrder("acme", "3.00", None, "promotional", 100, None, None, (), ())
    grant_credit(home, order, grant_id="g1", person="Fay", reason="welcome")
    retract_event(home, source="gateway", event_id="e3", decision=Decision("wrong", "Fay"))
    clock.set_to(parse_instant("2026-02-03T00:00:00Z"))
    close(home, as_of=home.clock.now())


def _february(home: Home, clock: SteppedClock) -> None:
    clock.set_to(parse_instant("2026-02-10T00:00:00Z"))
    late = [call(7, "acme", "2026-01-15T00:00:00Z"), call(8, "acme", "2026-02-08T00:00:00Z")]
    ingest(home, late, "late.ndjson")
    paid = next(each for each in home.books.invoices.sealed(ACME))
    record_payment(home, paid.number, amount="5.00", reference="p1", person="Fay", received_at=None)
    clock.set_to(parse_instant("2026-03-01T00:00:00Z"))
    lock_month(home, "2026-01", person="Fay", reason="reported")
    report = preview(home, person="Omar", reason="late")
    assert report.digest is not None
    approve(home, report.digest, person="Fay", reason="late")
    clock.set_to(parse_instant("2026-03-03T00:00:00Z"))
    close(home, as_of=home.clock.now())


def test_a_recorded_home_gives_the_same_lines_again_and_says_that_it_expects_its_own(
    home: Home, tmp_path: Path
) -> None:
    done = record(home, tmp_path / "set", name="small")
    assert done.face.recording is not None
    assert done.face.recording.left_out == ()
    found = read_set(tmp_path / "set")
    assert (found.edited, found.loose) == ((), ())
    kinds = [each.kind for each in found.calls]
    assert kinds.count(CallKind.INGEST) == 4, "three files, and the retraction"
    run = ran(tmp_path / "set")
    assert run.refused == ()
    assert run.misjudged == ()
    assert run.differences == ()
    assert run.lines == done.lines > 12
    assert run.recorded == (done.lines, done.lines)
    assert run.counts["conflict"] == 1
    assert run.rehearsed == (), "the real signatures count under the home's identity"
    assert (run.result.home, run.result.terms_digest) == (home.home_id, terms_of(home)), "so that it counts"
    assert run.result.gate_failures == (
        "no invoice line is expected by anybody outside of the product",
        "recorded from the product, so true by itself: expected/recorded-lines.csv, "
        "expected/recorded-totals.csv",
        COVERED["plan_changes"],
        COVERED["thresholds"],
    )


def test_what_arrived_is_written_so_that_each_row_has_the_same_fate(home: Home, tmp_path: Path) -> None:
    record(home, tmp_path / "set", name="small")
    lines = (tmp_path / "set" / "events" / "00000002.ndjson").read_bytes().split(b"\n")[:-1]
    fates = [each.verdict for each in home.review.fates(2)]
    assert fates == [Verdict.DUPLICATE, Verdict.CONFLICT, Verdict.QUARANTINED, Verdict.QUARANTINED]
    first, conflict, broken, future = map(json.loads, lines)
    assert first["data"] == {"tokens": 100, "gigabytes": 1.5, "note": "é"}
    assert (conflict["data"]["tokens"], conflict["traceparent"]) == (9, "t")
    assert broken == {"no": "event"}
    assert future["time"] == "2027-01-01T00:00:00Z"


def test_of_some_accounts_their_events_and_closes_alone_are_recorded(home: Home, tmp_path: Path) -> None:
    done = record(home, tmp_path / "set", name="acme", accounts=[ACME])
    run = ran(tmp_path / "set")
    assert (run.refused, run.misjudged, run.differences) == ((), (), ())
    assert run.lines == done.lines
    text = (tmp_path / "set" / "events" / "00000001.ndjson").read_text()
    assert "key-acme" in text
    assert "key-birch" not in text
    assert {
        dict(row.key)["customer"] for _, stated in read_set(tmp_path / "set").stated for row in stated.rows
    } == {"acme"}


def test_from_and_to_bound_what_is_compared_and_what_happened(home: Home, tmp_path: Path) -> None:
    since = parse_instant("2026-02-01T00:00:00Z")
    late = record(home, tmp_path / "late", name="late", since=since)
    run = ran(tmp_path / "late")
    assert (run.refused, run.differences) == ((), ())
    early = record(home, tmp_path / "early", name="early", until=parse_instant("2026-02-05T00:00:00Z"))
    run = ran(tmp_path / "early")
    assert (run.refused, run.differences) == ((), ())
    assert early.calls < late.calls
    starts = {
        dict(row.key)["period_start"][:7]
        for folder in ("late", "early")
        for _, stated in read_set(tmp_path / folder).stated
        for row in stated.rows
    }
    assert starts == {"2025-12", "2026-01", "2026-02"}
    whole = record(home, tmp_path / "whole", name="whole")
    assert (early.lines, late.lines, whole.lines) == (12, 10, 26), "a February began in January, in UTC"


def test_expected_lines_from_outside_make_it_comparable_and_what_is_left_out_is_on_its_face(
    home: Home, tmp_path: Path
) -> None:
    lines = tmp_path / "lines.csv"
    lines.write_text(
        "customer,period_start,currency,price,amount\nacme,2026-01-01T00:00:00Z,USD,fee-usd,11.00\n"
    )
    home.clock.set_to(MARCH_5)  # type: ignore[attr-defined]
    order = GrantOrder("birch", "3.00", None, "promotional", 100, None, None, (), ())
    grant_credit(home, order, grant_id="g2", person="Fay", reason="welcome")
    void_grant(home, "g2", person="Fay", reason="a mistake")
    expected = [Expectation(lines, What.LINES, Origin.PERSON, "Ada")]
    done = record(home, tmp_path / "set", name="small", expected=expected)
    assert done.face.recording is not None
    assert done.face.recording.left_out == ("1 movements of balances by hand",)
    assert [(each.file, each.origin) for each in done.face.expected] == [
        ("expected/lines.csv", Origin.PERSON)
    ]
    run = ran(tmp_path / "set")
    stated = [each for each in run.differences if each.line is not None]
    assert [(each.value, each.expected, each.found) for each in stated] == [("amount", 11, 10)]
    assert stated[0].cause.text == "the recorded home billed what is found; it is expected otherwise"
    assert "the recorded home also had 1 movements of balances by hand" in run.result.gate_failures
