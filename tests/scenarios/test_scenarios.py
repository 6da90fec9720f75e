"""Each folder here with a `story.md` is played on a stepped clock, and must come out as `scenario.toml` says.

The expectations are worked out by hand in the story or by an independent script; none was recorded from the
product. What scenario.toml may say stands in `steps_<area>.py`, area by area.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.frame import (
    HERE,
    Told,
    as_told,
    ends,
    expected,
    invoice_members,
    line_members,
    play_step,
)
from tests.scenarios.packs import check_packs
from tests.scenarios.play import begun
from tests.scenarios.steps_invoice import name_originals
from tests.stored_documents import misread
from tieout.cli.demo.stage import Stage
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.flows.verify_log import verify_log
from tieout.kernel.ids import LineId

STORIES = sorted(story.parent for story in HERE.glob("*/story.md"))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_story_comes_out_as_written(story: Path, tmp_path: Path) -> None:
    playing = begun(story, tmp_path)
    stage, told = playing.stage, playing.told
    assert set(told) <= {"starts_at", "programs", "step", "invoice", *ends()}
    with stage.home:
        sealed: dict[str, str] = {}
        for step in told["step"]:
            play_step(playing, step)
            for row in list_invoices(stage.home):
                digest = show_invoice(stage.home, row.id).sha256
                assert sealed.setdefault(row.id, digest) == digest, "a sealed invoice changed"
        check_invoices(stage, told["invoice"])
        for name, check in ends().items():
            check(playing, told.get(name, []))
        for row in list_invoices(stage.home):
            assert misread(show_invoice(stage.home, row.id).document) == []
            trace_every_line(stage, row.id)
        check_packs(stage, story.name, tmp_path)
        assert verify_log(stage.home).findings == ()
        assert verify_books(stage.home).findings == ()


def check_invoices(stage: Stage, told: list[Told]) -> None:
    found = [json.loads(show_invoice(stage.home, row.id).document) for row in list_invoices(stage.home)]
    name_originals(found)
    assert [invoice_as_told(*pair) for pair in zip(found, told, strict=False)] == [
        expected_invoice(invoice) for invoice in told
    ]
    assert len(found) == len(told), f"{len(found)} invoices are sealed, {len(told)} are told"


def invoice_as_told(document: Told, told: Told) -> Told:
    """Only the lines of both are paired off; more on one side than on the other shows as a difference."""
    members = line_members()
    lines = [
        as_told(members, line, told["lines"][place] if place < len(told["lines"]) else line)
        for place, line in enumerate(document["lines"])
    ]
    return {**as_told(invoice_members(), document, told), "lines": lines}


def expected_invoice(told: Told) -> Told:
    """Where nothing is said of what is due, all of the total is."""
    rest = {name: value for name, value in told.items() if name != "lines"}
    rest.setdefault("due", told["total"])
    lines = [expected(line_members(), line) for line in told["lines"]]
    return {**expected(invoice_members(), rest), "lines": lines}


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
