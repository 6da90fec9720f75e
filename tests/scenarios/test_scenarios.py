"""Each folder here with a `story.md` is played on a stepped clock, and must come out as `scenario.toml` says.

The expectations are worked out by hand in the story; none was recorded from the product.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tieout.cli.demo.stage import Stage, set_stage, sign_policy
from tieout.flows.amend_event import amend_event
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.count_buckets import BucketRow
from tieout.flows.ingest_file import ingest_file
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.measure_usage import usage
from tieout.flows.retract_event import Decision
from tieout.flows.trace_line import trace
from tieout.flows.verify_log import verify_log
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import format_instant, parse_instant

HERE = Path(__file__).parent
STORIES = sorted(story.parent for story in HERE.glob("*/story.md"))

POLICY = """[[policy]]
key = "close"
version = 1
effective_from = {effective_from}
cadence = "monthly"
grace_hours = 24
proposer = "Somebody Else"
"""

Told = dict[str, Any]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_story_comes_out_as_written(story: Path, tmp_path: Path) -> None:
    told = tomllib.loads((story / "scenario.toml").read_text())
    starts_at = parse_instant(told["starts_at"])
    stage = set_stage(tmp_path / "home", now=starts_at)
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=told["starts_at"]))
        apply_catalog(stage.home, story / "catalog")
        sealed: dict[str, str] = {}
        for step in told["step"]:
            play_step(stage, story, step)
            for row in list_invoices(stage.home):
                digest = show_invoice(stage.home, row.id).sha256
                assert sealed.setdefault(row.id, digest) == digest, "a sealed invoice changed"
        found = [invoice_of(stage, row.id) for row in list_invoices(stage.home)]
        assert found == [expected_invoice(invoice) for invoice in told["invoice"]]
        for customer in {invoice["customer"] for invoice in told["invoice"]}:
            expected = [late for late in told.get("late", []) if late["customer"] == customer]
            assert late_of(stage, customer) == expected
        for row in list_invoices(stage.home):
            trace_every_line(stage, row.id)
        assert verify_log(stage.home).findings == ()


def play_step(stage: Stage, story: Path, step: Told) -> None:
    stage.clock.set_to(parse_instant(step["at"]))
    if "read" in step:
        report = ingest_file(stage.home, story / "events" / step["read"], format=None, source=None)
        assert (report.accepted, report.duplicate) == (step["accepted"], step["duplicate"])
        assert report.received == step["accepted"] + step["duplicate"]
    if "amend" in step:
        play_amendment(stage, story, step["amend"])
    if step.get("close"):
        report = close(stage.home, as_of=parse_instant(step["at"]), customers=None, dry_run=False)
        if "buckets" in step:
            assert [bucket_of(bucket) for bucket in report.buckets] == step["buckets"]


def bucket_of(bucket: BucketRow) -> Told:
    return {
        "meter": bucket.meter,
        "counted": bucket.counted,
        "excluded": dict(bucket.excluded),
        "not_matched": bucket.not_matched,
        "unmatched": bucket.unmatched,
        "unpriced": bucket.unpriced,
        **({"retracted": bucket.retracted} if bucket.retracted else {}),
    }


def play_amendment(stage: Stage, story: Path, told: Told) -> None:
    report = amend_event(
        stage.home,
        source=told["source"],
        event_id=told["id"],
        file=story / "events" / told["with"],
        decision=Decision(told["reason"], told["by"], told.get("approved_by")),
    )
    assert [(change.name, change.before, change.after) for change in report.changes] == [
        tuple(change) for change in told["changes"]
    ]


def invoice_of(stage: Stage, invoice: str) -> Told:
    document = json.loads(show_invoice(stage.home, invoice).document)
    return {
        "customer": document["customer"]["id"],
        "currency": document["currency"],
        "start": document["period"]["start"],
        "end": document["period"]["end"],
        "due_date": document["due_date"],
        "total": document["total"],
        "lines": [line_of(line) for line in document["lines"]],
    }


def line_of(line: Told) -> Told:
    metered = (
        {name: line[name] for name in ("meter", "quantity", "unit")} if line["meter"] is not None else {}
    )
    return {
        "description": line["description"],
        **metered,
        "amount": line["amount"],
        "start": line["segment"]["start"],
        "end": line["segment"]["end"],
    }


def expected_invoice(told: Told) -> Told:
    names = ("customer", "currency", "start", "end", "due_date", "total", "lines")
    assert set(told) == set(names), "scenario.toml says more than is checked"
    return {name: told[name] for name in names}


def late_of(stage: Stage, customer: str) -> list[Told]:
    return [
        {
            "customer": late.customer,
            "meter": late.meter,
            "start": format_instant(late.period.start),
            "end": format_instant(late.period.end),
            "event_count": late.event_count,
            **({"retracted_count": late.retracted_count} if late.retracted_count else {}),
            "quantity": str(late.quantity),
        }
        for late in usage(stage.home, CustomerId(customer), at=None).late
    ]


def trace_every_line(stage: Stage, invoice: str) -> None:
    for line in json.loads(show_invoice(stage.home, invoice).document)["lines"]:
        traced = trace(stage.home, LineId(line["id"]))
        assert traced.reproduced.matches
        printed = line["snapshot"]
        opening = {} if printed is None else printed.get("opening", {})
        assert len(traced.opening) == opening.get("count", 0)
        if "group" in line:
            continue  # its events are some of the snapshot's
        assert traced.events.total == (0 if printed is None else printed["event_count"])
        assert traced.retracted.total == (0 if printed is None else printed["retracted_count"])
