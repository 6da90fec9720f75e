"""What a preview promises is what the release does; nothing is stored before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.review import bad_call, corrected, feed, open_ones, review_home, tallied
from tests.small_home import CATALOG, FEBRUARY_3, MARCH_3, call, make_home
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.ingest_file import ingest_file
from tieout.flows.measure_usage import usage
from tieout.flows.policy import NOT_SIGNED
from tieout.flows.preview_release import preview_group, preview_release
from tieout.flows.quarantine import discard, quarantine_groups, quarantine_query, show_quarantine
from tieout.flows.release_item import (
    BytesErased,
    Correction,
    EmptyGroup,
    MalformedGroup,
    release,
    release_group,
)
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.ports.review import AlreadyDecided, ItemState, QuarantineQuery
from tieout.wiring import Home

AT = parse_instant("2026-02-05T00:00:00Z")


def quantities(home: Home, customer: str = "acme") -> dict[str, str]:
    return {row.meter: str(row.quantity) for row in usage(home, CustomerId(customer), at=AT).rows}


def fix(item: dict[str, object], **data: object) -> Correction:
    return Correction("corrected.json", corrected(item, **data))


def test_a_preview_stores_nothing_and_says_what_the_release_then_does(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [call(1, "acme", "2026-02-02T10:00:00Z", tokens=4_990), bad_call(2)])
        (found,) = open_ones(home)
        before, head = quantities(home), home.log.head()
        correction = fix(bad_call(2), tokens=60, gigabytes="2.5")
        preview = preview_release(home, str(found.item.position), correction=correction)
        assert home.log.head() == head and quantities(home) == before and len(open_ones(home)) == 1
        assert preview.standing == NOT_SIGNED
        (item,) = preview.items
        assert (item.verdict, item.customer, item.late_for) == (Verdict.ACCEPTED, "acme", ())
        (effect,) = preview.effects
        rows = {row.meter: row for row in effect.rows}
        told = {name: str(row.quantity_before) for name, row in rows.items() if name}
        assert told == {key: value for key, value in before.items() if key in told}
        assert str(rows["tokens"].amount_before.decimal_text) == "9.98", "4,990 at 2 per 1,000"
        assert str(rows["tokens"].amount_after.decimal_text) == "10.08", "10 more at 2, 50 at 1.50 per 1,000"
        assert str(rows["calls"].amount_after.decimal_text) == "0.03"
        done = release(home, str(found.item.position), person="Ada", reason="a typo", correction=correction)
        assert done.fate.verdict is Verdict.ACCEPTED
        after = quantities(home)
        assert {name: str(row.quantity_after) for name, row in rows.items() if name} == {
            key: after[key] for key in told
        }
        assert home.log.verify().findings == ()


def test_the_same_bytes_are_judged_by_todays_catalog(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        item = {**call(7, "acme", "2026-02-03T10:00:00Z"), "type": "api.batch"}
        feed(home, [item, item])
        first, second = open_ones(home)
        assert preview_release(home, str(first.item.position)).items[0].reason == "unknown-type"
        refused = release(home, str(first.item.position), person="Ada", reason="too early")
        assert refused.fate.verdict is Verdict.QUARANTINED
        again = show_quarantine(home, str(refused.fate.position))
        assert again.reviewed.state is ItemState.OPEN
        assert again.reviewed.released_from == first.item.position
        contract = CATALOG[: CATALOG.index("[[meter]]")].replace("api.call", "api.batch")
        (tmp_path / "batch.toml").write_text(contract)
        apply_catalog(home, tmp_path / "batch.toml")
        assert (
            release(home, str(second.item.position), person="Ada", reason="now").fate.verdict
            is Verdict.ACCEPTED
        )
        late = release(home, str(refused.fate.position), person="Ada", reason="again")
        assert (late.fate.verdict, late.fate.original) == (Verdict.DUPLICATE, late.fate.original)
        assert tallied(home) == {"accepted": 61, "duplicate": 1, "conflict": 0, "quarantined": 3}


def test_a_whole_group_is_released_once_and_what_is_refused_again_stays_open(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [bad_call(n) for n in range(5)], "one.ndjson")
        feed(home, [bad_call(n) for n in range(5, 8)], "two.ndjson")
        discard(home, [str(open_ones(home)[0].item.position)], person="Bo", reason="noise")
        preview = preview_group(home, "number-malformed/gateway")
        assert [item.verdict for item in preview.items] == [Verdict.QUARANTINED] * 7
        done = release_group(home, "number-malformed/gateway", person="Ada", reason="all")
        assert len(done) == 7 and {each.fate.verdict for each in done} == {Verdict.QUARANTINED}
        assert len({each.item for each in done}) == 7, "what was refused again is not released again"
        (group,) = quarantine_groups(home, quarantine_query())
        assert (group.items, group.source, group.field) == (7, "gateway", "data.tokens")
        everything = quarantine_groups(home, quarantine_query(state="all"))
        assert [each.items for each in everything] == [15]
        assert home.log.verify().findings == ()


def test_groups_add_up_in_a_preview_and_repeats_within_them_are_told(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        future = [
            call(50, "acme", "2026-02-12T00:00:00Z", tokens=100),
            call(51, "acme", "2026-02-12T01:00:00Z", tokens=20),
            call(51, "acme", "2026-02-12T01:00:00Z", tokens=20),
            call(51, "acme", "2026-02-12T01:00:00Z", tokens=21),
        ]
        feed(home, future)
        home.clock.set_to(parse_instant("2026-02-13T00:00:00Z"))  # type: ignore[attr-defined]
        preview = preview_group(home, "time-future/gateway")
        verdicts = [item.verdict.name.lower() for item in preview.items]
        assert verdicts == ["accepted", "accepted", "duplicate", "conflict"]
        (effect,) = preview.effects
        (row,) = [row for row in effect.rows if row.meter == "tokens"]
        assert (str(row.quantity_before), str(row.quantity_after)) == ("0", "120")
        done = release_group(home, "time-future/gateway", person="Ada", reason="clocks differ")
        assert [each.fate.verdict.name.lower() for each in done] == verdicts
        assert quantities(home)["tokens"] == "120"


def test_an_item_of_a_sealed_period_would_be_late_and_changes_no_draft(tmp_path: Path) -> None:
    with review_home(tmp_path, now=FEBRUARY_3)[0] as home:
        item = bad_call(3)
        item["time"] = "2026-01-20T10:00:00Z"
        feed(home, [item])
        report = close(home, as_of=FEBRUARY_3)
        (number,) = [row.number for row in report.invoices if row.customer == "acme"]
        (found,) = open_ones(home)
        correction = fix(item)
        preview = preview_release(home, str(found.item.position), correction=correction)
        assert preview.items[0].late_for == (number,)
        assert preview.effects == ()


def test_a_conflict_is_shown_beside_its_original_and_stays_one(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        first = call(1, "acme", "2026-02-03T10:00:00Z", tokens=10)
        other = {**call(1, "acme", "2026-02-03T10:00:00Z", tokens=11, gigabytes="1.5"), "trace": "t1"}
        feed(home, [first])
        feed(home, [other])
        (found,) = open_ones(home)
        shown = show_quarantine(home, str(found.item.position))
        assert {row.name for row in shown.fields if row.differs} == {
            "data.tokens",
            "data.gigabytes",
            "attributes",
        }
        assert preview_release(home, str(found.item.position)).items[0].verdict is Verdict.CONFLICT
        done = release(home, str(found.item.position), person="Ada", reason="insists")
        assert (done.fate.verdict, done.fate.original) == (Verdict.CONFLICT, found.item.original)
        (again,) = open_ones(home)
        renamed = json.dumps({**other, "id": "e1-corrected"}).encode()
        done = release(
            home,
            str(again.item.position),
            person="Ada",
            reason="another event",
            correction=Correction("x", renamed),
        )
        assert done.fate.verdict is Verdict.ACCEPTED


def test_a_conflict_that_todays_contract_types_as_its_original_is_told_as_a_duplicate(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [call(1, "acme", "2026-02-03T10:00:00Z"), bad_call(2)])
        (found,) = open_ones(home)
        same = Correction("x", json.dumps(call(1, "acme", "2026-02-03T11:00:00+01:00")).encode())
        assert (
            preview_release(home, str(found.item.position), correction=same).items[0].verdict
            is Verdict.DUPLICATE
        )
        done = release(home, str(found.item.position), person="Ada", reason="resent", correction=same)
        assert done.fate.verdict is Verdict.DUPLICATE


CSV_CATALOG = """
[[source]]
key = "meter-files"
version = 1
effective_from = 2025-01-01T00:00:00Z
format = "csv"
event_type = "api.{kind}"
subject = {{ column = "who" }}
time = {{ column = "at" }}
[source.fields]
tokens = {{ column = "tokens" }}
"""


def test_rows_of_a_file_are_read_again_with_their_header_and_keep_their_ids(tmp_path: Path) -> None:
    """Equal rows are different events; the same file read again after the release adds nothing."""
    with make_home(tmp_path, now=MARCH_3)[0] as home:
        (tmp_path / "source.toml").write_text(CSV_CATALOG.format(kind="call"))
        apply_catalog(home, tmp_path / "source.toml")
        file = tmp_path / "usage.csv"
        rows = ["key-acme,2026-03-04T00:00:00Z,5", "key-acme,2026-03-04T00:00:00Z,5", "key-acme,oops,6"]
        file.write_text("\n".join(['who,"at",tokens', *rows]) + "\n")
        ingest_file(home, file, source="meter-files")
        ingest_file(home, file, source="meter-files")
        assert len(open_ones(home)) == 6
        home.clock.set_to(parse_instant("2026-03-04T01:00:00Z"))  # type: ignore[attr-defined]
        done = release_group(home, "time-future/meter-files", person="Ada", reason="their clock was ahead")
        assert [each.fate.verdict.name for each in done] == ["ACCEPTED", "ACCEPTED", "DUPLICATE", "DUPLICATE"]
        report = ingest_file(home, file, source="meter-files")
        assert (report.accepted, report.duplicate, report.quarantined) == (0, 2, 1)


def test_refusals(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [bad_call(1)])
        position = str(open_ones(home)[0].item.position)
        discard(home, [position], person="Ada", reason="noise")
        for act in (
            lambda: release(home, position, person="Ada", reason="x"),
            lambda: preview_release(home, position),
            lambda: discard(home, [position], person="Ada", reason="x"),
        ):
            with pytest.raises(AlreadyDecided):
                act()
        with pytest.raises(EmptyGroup):
            release_group(home, "number-malformed/gateway", person="Ada", reason="x")
        with pytest.raises(MalformedGroup):
            release_group(home, "number-malformed", person="Ada", reason="x")
        feed(home, [bad_call(2)])
        (found,) = open_ones(home)
        from tieout.flows.erase_event import erase

        erase(home, str(found.item.position), source=None, id=None, person="Ada", reason="asked")
        with pytest.raises(BytesErased):
            release(home, str(found.item.position), person="Ada", reason="x")
        assert home.review.items(QuarantineQuery(state=ItemState.OPEN))[0].item.detail == "erased"
