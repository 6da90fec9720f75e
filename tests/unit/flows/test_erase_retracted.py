"""Erasing and retracting one event, in either order: it stays retracted, and its texts are nowhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.review import feed, review_home
from tests.small_home import call
from tieout.contract.retraction import REPLACED_BY, RETRACTION_TYPE, TARGET_ID
from tieout.flows.amend_event import amend_event
from tieout.flows.compact_log import compact_log
from tieout.flows.erase_event import erase
from tieout.flows.find_events import EventFilter, count_events, export_events, find_events
from tieout.flows.measure_usage import usage
from tieout.flows.retract_event import Decision, RetractionReport, retract_event
from tieout.flows.why_event import why
from tieout.kernel.erased import looks_erased
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.store.log import schema
from tieout.store.log.encoding import decode_body
from tieout.wiring import Home

ID, OTHER = "Xanthippe-Quobble-7731", "Yorick-Quobble-8842"
TEXT = "zyzzyva-reason-9942"
FEBRUARY = parse_instant("2026-02-01T00:00:00Z")
WHO = {"person": "Ada", "reason": "asked by the person"}


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    if request.param == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", str(request.getfixturevalue("postgres_url")))
    with review_home(tmp_path)[0] as opened:
        yield opened


def called(id: str, tokens: int = 7) -> dict[str, object]:
    return {**call(1, "acme", "2026-02-03T10:00:00Z", tokens=tokens), "id": id}


@dataclass(frozen=True)
class Counted:
    """The tokens of acme in February, and how many events they are."""

    quantity: str
    events: int
    retracted: int


def tokens_now(home: Home) -> Counted:
    (row,) = [row for row in usage(home, CustomerId("acme"), at=None).rows if row.meter == "tokens"]
    return Counted(str(row.quantity), row.event_count, row.retracted_count)


def retract(home: Home, id: str = ID) -> RetractionReport:
    return retract_event(home, source="gateway", event_id=id, decision=Decision(f"{TEXT} {id}", "Ada"))


def remains(home: Home, *texts: str) -> list[str]:
    """Where a text still is, in files of the home and rows of the database."""
    found = []
    for path in sorted(home.folder.rglob("*")):
        if path.is_file() and path.suffix not in (".ndjson", ".json"):
            found += [f"{path.name}: {text}" for text in texts if text.encode() in path.read_bytes()]
    with home.review._engine.connect() as connection:  # type: ignore[attr-defined]
        for body in connection.execute(select(schema.bodies.c.body)).scalars():
            told = str(decode_body(body, "a body").to_pylist())
            found += [f"a body: {text}" for text in texts if text in told]
    return found


@pytest.mark.parametrize("compacted", [True, False])
def test_a_retracted_event_stays_retracted_when_it_is_erased(home: Home, compacted: bool) -> None:
    feed(home, [called(ID), called("stays")])
    feed(home, [called(f"later-{n}") for n in range(3)])
    retract(home)
    if compacted:
        compact_log(home, rows_min=1)
    before = tokens_now(home)
    assert (before.events, before.retracted) == (4, 1)
    erase(home, None, source="gateway", id=ID, **WHO)
    assert tokens_now(home) == before
    assert remains(home, ID, TEXT) == []
    assert home.log.verify().findings == ()
    (found,) = find_events(home, EventFilter(id=ID)).events
    (retraction,) = find_events(home, EventFilter(type=RETRACTION_TYPE)).events
    assert found.retracted_by == retraction.stored.position
    assert retraction.stored.event.fields[TARGET_ID] == found.stored.event.id
    assert looks_erased(found.stored.event.id)
    assert retraction.stored.event.fields["by"] == "Ada", "who decided stays"
    again = retract(home)
    assert not again.is_new
    assert remains(home, ID) == []


def test_an_erased_event_is_retracted_without_its_id_coming_back(home: Home) -> None:
    feed(home, [called(ID), called("stays")])
    compact_log(home, rows_min=1)
    erase(home, None, source="gateway", id=ID, **WHO)
    report = retract_event(home, source="gateway", event_id=ID, decision=Decision("a test", "Ada"))
    assert report.is_new
    assert (tokens_now(home).events, tokens_now(home).retracted) == (1, 1)
    assert remains(home, ID) == []
    assert home.log.verify().findings == ()
    (told,) = why(home, ID)
    assert told.accepted is not None and told.accepted.retraction is not None
    fates = {fate.meter: fate.fate for fate in told.accepted.meters}
    assert fates == {"calls": "retracted", "tokens": "retracted", "stored": "excluded"}


def test_a_retraction_that_is_erased_twice_names_both_that_stand_for_them(home: Home, tmp_path: Path) -> None:
    """Of an amendment first the event goes, then what stands in its place."""
    feed(home, [called(ID), called("stays")])
    file = tmp_path / "amending.json"
    file.write_text(json.dumps(called(OTHER, tokens=9)))
    amend_event(home, source="gateway", event_id=ID, file=file, decision=Decision("a test", "Ada"))
    compact_log(home, rows_min=1)
    before = tokens_now(home)
    for id in (ID, OTHER):
        erase(home, None, source="gateway", id=id, **WHO)
        assert tokens_now(home) == before
        assert home.log.verify().findings == ()
    assert remains(home, ID, OTHER) == []
    (retraction,) = find_events(home, EventFilter(type=RETRACTION_TYPE)).events
    named = [str(retraction.stored.event.fields[name]) for name in (TARGET_ID, REPLACED_BY)]
    markers = [find_events(home, EventFilter(id=id)).events[0].stored.event.id for id in (ID, OTHER)]
    assert named == markers


def test_an_event_retracted_in_advance_leaves_no_subject(home: Home) -> None:
    """Until it has come, its id is the retraction's subject, by which segments are sorted."""
    for id in (ID, "zzz"):
        retract_event(
            home, source="gateway", event_id=id, decision=Decision("a test", "Ada"), in_advance=True
        )
    feed(home, [called(ID), called("stays")])
    compact_log(home, rows_min=1)
    erase(home, None, source="gateway", id=ID, **WHO)
    assert remains(home, ID) == []
    assert (tokens_now(home).events, tokens_now(home).retracted) == (1, 1)
    assert home.log.verify().findings == ()
    found = find_events(home, EventFilter(type=RETRACTION_TYPE)).events
    assert sum(looks_erased(each.stored.event.subject) for each in found) == 1
    (other,) = find_events(home, EventFilter(type=RETRACTION_TYPE, subject="zzz")).events
    assert other.stored.event.fields[TARGET_ID] == "zzz"


def test_totals_tell_what_is_retracted_and_an_export_marks_it(home: Home, tmp_path: Path) -> None:
    feed(home, [called(ID), called("stays")])
    compact_log(home, rows_min=1)
    feed(home, [called("more")])
    retract(home)
    retract(home, "more")
    totals = count_events(home, EventFilter(since=FEBRUARY, type="api.call"))
    (calls,) = totals.types
    assert (calls.events, calls.retracted, totals.retracted) == (3, 2, 2)
    assert (str(calls.sums["tokens"]), str(calls.retracted_sums["tokens"])) == ("21", "14")
    assert tokens_now(home).quantity == "7", "usage counts the difference"
    early = count_events(home, EventFilter(since=FEBRUARY, type="api.call", as_of=int(home.log.head()) - 1))
    assert early.retracted == 1, "as the log was then"
    out = tmp_path / "calls.csv"
    exported = export_events(home, EventFilter(since=FEBRUARY, type="api.call"), out)
    assert exported == totals
    head, *rows = [line.split(",") for line in out.read_text().splitlines()]
    told = {row[head.index("id")]: row[head.index("retracted")] for row in rows}
    assert told == {ID: "true", "stays": "false", "more": "true"}
