"""`tieout events retract|amend` as a person runs them, and what every other command then shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.small_home import FEBRUARY_3, MARCH_3, call, ingest, january, make_home
from tests.surface.conftest import Ran, in_process, tieout
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices, show_invoice

BY = ("--source", "gateway", "--reason", "a load test", "--by", "Dana")
APPROVED = ("--approved-by", "Ada")


@dataclass(frozen=True)
class SmallHome:
    """January is sealed for all customers; February has three events of acme."""

    folder: Path
    invoice: str
    number: str

    def run(self, *arguments: str) -> Ran:
        return in_process(*arguments, "--home", str(self.folder))

    def json(self, *arguments: str) -> Any:
        ran = self.run(*arguments, "--json")
        assert ran.code == 0, ran.err
        return ran.json

    def usage(self, at: str) -> dict[str, tuple[str, int, int]]:
        """(quantity, events, retracted) by meter."""
        rows = self.json("usage", "acme", "--at", at)["rows"]
        return {row["meter"]: (row["quantity"], row["event_count"], row["retracted_count"]) for row in rows}

    def head(self) -> int:
        found: int = self.json("usage", "acme")["watermark"]
        return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SmallHome]:
    opened, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    with opened:
        ingest(opened, january(5))
        close(opened, as_of=FEBRUARY_3)
        clock.set_to(MARCH_3)
        february = [call(9000 + n, "acme", f"2026-02-0{n}T00:00:00Z", tokens=n) for n in (1, 2, 3)]
        ingest(opened, february, "february.ndjson")
        (acme, *_) = list_invoices(opened)
    yield SmallHome(tmp_path / "home", acme.id, str(acme.number))


def amending(home: SmallHome, **changes: object) -> tuple[str, str]:
    """A file with an event that may take the place of e9002."""
    file = home.folder / "amending.json"
    file.write_text(
        json.dumps({**call(9102, "acme", "2026-02-02T00:00:00Z", tokens=20), **changes}, indent=1)
    )
    return "--with", str(file)


FEBRUARY = "2026-02-10T00:00:00Z"


def test_a_retracted_event_does_not_count_any_more_and_once_more_changes_nothing(home: SmallHome) -> None:
    assert home.usage(FEBRUARY)["tokens"] == ("6", 3, 0)
    first = home.json("events", "retract", "e9002", *BY)
    assert (first["is_new"], first["target"], first["sealed"]) == (True, "b2.r1", [])
    assert first["retraction"]["reason"] == "a load test" and first["retraction"]["by"] == "Dana"
    assert home.usage(FEBRUARY)["tokens"] == ("4", 2, 1)
    head = home.head()
    again = home.json("events", "retract", "e9002", "--source", "gateway", "--reason", "other", "--by", "Chi")
    assert again == {**first, "is_new": False} and home.head() == head
    assert "nothing was written" in home.run("events", "retract", "e9002", *BY).err
    shown = home.run("usage", "acme", "--at", FEBRUARY)
    assert "retracted" in shown.out
    buckets = home.json("close", "--dry-run", "--as-of", "2026-03-03T00:00:00Z")["buckets"]
    assert {row["meter"]: (row["counted"], row["retracted"]) for row in buckets}["tokens"] == (2, 1)


def test_what_has_yet_to_arrive_is_retracted_only_when_that_is_said(home: SmallHome) -> None:
    refused = home.run("events", "retract", "e9004", *BY)
    assert (refused.code, home.head()) == (3, 2) and "--in-advance" in refused.err
    assert home.json("events", "retract", "e9004", *BY, "--in-advance")["target"] is None
    file = home.folder / "late.ndjson"
    file.write_text(json.dumps(call(9004, "acme", "2026-02-04T00:00:00Z", tokens=50)) + "\n")
    assert home.json("ingest", str(file))[0]["accepted"] == 1
    assert home.usage(FEBRUARY)["tokens"] == ("6", 3, 1)


def test_what_a_sealed_invoice_counts_needs_another_person_and_stays_sealed(home: SmallHome) -> None:
    sealed = home.json("invoice", "show", home.invoice)["sha256"]
    alone = home.run("events", "retract", "e1", *BY)
    assert alone.code == 4 and home.number in alone.err and "--approved-by" in alone.err
    assert home.run("events", "retract", "e1", *BY, "--approved-by", " DANA ").code == 2
    assert home.run("events", "retract", "e1", *BY, "--approved-by", "").code == 2
    assert home.head() == 2
    done = home.run("events", "retract", "e1", *BY, *APPROVED)
    assert done.code == 0 and f"Sealed invoice {home.number}" in done.err
    shown = home.json("invoice", "show", home.invoice)
    assert shown["sha256"] == sealed
    late = {
        row["meter"]: (row["event_count"], row["retracted_count"], row["quantity"]) for row in shown["late"]
    }
    assert late == {"calls": (0, 1, "-1"), "tokens": (0, 1, "-137"), "stored": (0, 1, "0")}
    used = home.json("usage", "acme", "--late")
    assert [(row["target_id"], row["by"], row["approved_by"]) for row in used["late_retractions"]] == [
        ("e1", "Dana", "Ada")
    ]
    by_source = {(row["meter"], row["source"]): row["retracted_count"] for row in used["late_by_source"]}
    assert by_source == {(meter, "gateway"): 1 for meter in ("calls", "tokens", "stored")}
    assert "wait for a correction" in home.run("usage", "acme", "--late").out
    traced = home.run("trace", f"{home.invoice}-003")
    assert traced.code == 0 and "It matches." in traced.out and "Retracted as of" not in traced.out
    buckets = home.json("close", "--dry-run", "--as-of", "2026-03-03T00:00:00Z")["buckets"]
    assert {row["meter"]: row["late_retracted"] for row in buckets} == {"calls": 1, "tokens": 1, "stored": 1}
    assert home.run("verify").code == 0


def test_the_last_of_a_period_falls_back_when_it_is_retracted_late(home: SmallHome) -> None:
    """The quantity of a late retraction is that of the whole period, not of a late part."""
    done = home.run("events", "retract", "e4", *BY, *APPROVED)
    assert done.code == 0, done.err
    late = {row["meter"]: row["quantity"] for row in home.json("invoice", "show", home.invoice)["late"]}
    assert late["stored"] == "-1"  # the size was 4.125 and had been 3.125


def test_a_retraction_that_a_source_sends_over_a_seal_is_accepted_and_shown_as_late(home: SmallHome) -> None:
    """The log takes in what a source says of its own events; sealed numbers never change."""
    file = home.folder / "sent.ndjson"
    sent = {
        **call(1, "acme", "2026-02-15T00:00:00Z"),
        "id": "tieout.retraction:1",
        "type": "tieout.retraction",
        "data": {"target_id": "e2", "reason": "sent twice"},
    }
    file.write_text(json.dumps(sent) + "\n")
    assert home.json("ingest", str(file))[0]["accepted"] == 1
    (late,) = home.json("usage", "acme", "--late")["late_retractions"]
    assert (late["target_id"], late["by"], late["reason"]) == ("e2", None, "sent twice")


def test_an_amendment_is_both_or_neither_and_says_what_changed(home: SmallHome) -> None:
    done = home.json("events", "amend", "e9002", *BY, *amending(home, subject="key-birch"))
    assert done["retraction"]["replaced_by"] == done["amending"]["id"] == "e9102"
    assert done["retraction"]["position"] == "b3.r0" and done["amending"]["position"] == "b3.r1"
    assert done["changes"] == [
        {"name": "subject", "before": "key-acme", "after": "key-birch"},
        {"name": "tokens", "before": "2", "after": "20"},
    ]
    assert home.usage(FEBRUARY)["tokens"] == ("4", 2, 1)
    again = home.run("events", "amend", "e9002", *BY, *amending(home, id="e9103"))
    assert again.code == 4 and "retracted before" in again.err and home.head() == 3


def test_a_person_reads_what_an_amendment_changed(home: SmallHome) -> None:
    ran = home.run("events", "amend", "e9002", *BY, *amending(home))
    assert ran.code == 0 and "In its place: e9102 at b3.r1" in ran.out
    assert "tokens" in ran.out and "replaced by" in ran.out
    alike = call(9104, "acme", "2026-02-03T00:00:00Z", tokens=3)
    same = home.run("events", "amend", "e9003", *BY, *amending(home, **alike))
    assert same.code == 0 and "says the same" in same.err


REFUSED = {
    "its own id": ({"id": "e9002"}, 2, "needs one of its own"),
    "an id that was accepted": ({"id": "e9001"}, 4, "accepted before at b2.r0"),
    "another source": ({"source": "edge"}, 2, "its source is edge"),
    "no valid event": ({"data": {"tokens": "many"}}, 2, "data.tokens"),
    "a type without contract": ({"type": "nothing"}, 2, "No contract"),
    "a retraction": (
        {
            "id": "tieout.retraction:9",
            "type": "tieout.retraction",
            "data": {"target_id": "e9001", "reason": "r"},
        },
        2,
        "takes nobody's place",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_amendment_that_cannot_be_is_refused_and_nothing_is_stored(home: SmallHome, case: str) -> None:
    changes, code, words = REFUSED[case]
    ran = home.run("events", "amend", "e9002", *BY, *amending(home, **changes))
    assert ran.code == code and words in ran.err, ran.err
    assert home.head() == 2 and home.usage(FEBRUARY)["tokens"] == ("6", 3, 0)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"{} {}"])
def test_a_file_without_one_event_is_refused(home: SmallHome, content: bytes) -> None:
    file = home.folder / "no.json"
    file.write_bytes(content)
    ran = home.run("events", "amend", "e9002", *BY, "--with", str(file))
    assert ran.code == 2 and str(file) in ran.err and home.head() == 2
    assert home.run("events", "amend", "e9002", *BY, "--with", str(home.folder / "none.json")).code == 3


BAD = {
    "an empty reason": (("e9002", "--source", "gateway", "--reason", " ", "--by", "D"), 2),
    "nobody": (("e9002", "--source", "gateway", "--reason", "r", "--by", "  "), 2),
    "an id that cannot be": (("e 9002", "--source", "gateway", "--reason", "r", "--by", "D"), 2),
    "a source that cannot be": (("e9002", "--source", "", "--reason", "r", "--by", "D"), 2),
    "a control character": (("e9002", "--source", "gateway", "--reason", "a\x1b[31m", "--by", "D"), 2),
    "a name too long": (("e9002", "--source", "gateway", "--reason", "r", "--by", "D" * 300), 2),
    "another source": (("e9002", "--source", "edge", "--reason", "r", "--by", "D"), 3),
    "a retraction": (("tieout.retraction:1", "--source", "gateway", "--reason", "r", "--by", "D"), 4),
    "no person at all": (("e9002", "--source", "gateway", "--reason", "r"), 2),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_words_are_refused_and_nothing_is_stored(home: SmallHome, case: str) -> None:
    arguments, code = BAD[case]
    ran = home.run("events", "retract", *arguments)
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err and home.head() == 2


def test_a_trace_of_what_is_billed_lists_the_retracted_events_apart(tmp_path: Path) -> None:
    opened, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with opened:
        ingest(opened, january(5))
        where = ("--home", str(tmp_path / "home"))
        assert in_process("events", "retract", "e3", *BY, *where).code == 0
        close(opened, as_of=FEBRUARY_3)
        (acme, *_) = list_invoices(opened)
        document = json.loads(show_invoice(opened, acme.id).document)
    tokens = document["lines"][2]
    assert (tokens["snapshot"]["event_count"], tokens["snapshot"]["retracted_count"]) == (4, 1)
    assert "1 retracted, not counted" in in_process("invoice", "show", acme.id, *where).out
    ran = in_process("trace", tokens["id"], "--json", *where)
    assert ran.code == 0 and ran.json["reproduced"]["matches"] and ran.json["page"]["total"] == 4
    (apart,) = ran.json["retracted"]["events"]
    assert (apart["id"], apart["retracted_by"], apart["because"]) == ("e3", "Dana", "a load test")
    assert "Retracted as of the cutoff and not counted: 1" in in_process("trace", tokens["id"], *where).out


@pytest.mark.parametrize("point", ["ingest-before-commit", "ingest-after-commit"])
def test_an_amendment_that_is_killed_leaves_both_or_neither(home: SmallHome, point: str) -> None:
    arguments = ("events", "amend", "e9002", *BY, *amending(home), "--home", str(home.folder))
    assert tieout(*arguments, CRASH_AT=f"{point}:1").code == -9
    both = ("24", 3, 1)
    assert home.usage(FEBRUARY)["tokens"] == (both if point == "ingest-after-commit" else ("6", 3, 0))
    assert home.run(*arguments[:-2]).code == (4 if point == "ingest-after-commit" else 0)
    assert home.usage(FEBRUARY)["tokens"] == both and home.run("verify").code == 0
