"""Groups, conversions and opening states behind a line: recomputed from the events, named when changed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.scenarios.frame import HERE, Playing, play_step
from tests.scenarios.steps_policy import POLICY
from tieout.cli.demo.stage import Stage, set_stage, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.ingest_file import ingest_file
from tieout.flows.invoices import list_invoices
from tieout.flows.measure_usage import usage
from tieout.flows.retract_event import ApprovalNeeded, Decision, retract_event
from tieout.flows.trace_line import Trace, trace
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import parse_instant
from tieout.store.sqlite import begin_immediate, open_engine

RETRACTION = (
    '{"specversion": "1.0", "id": "tieout.retraction:9", "source": "app", "type": "tieout.retraction", '
    '"subject": "disk-a", "time": "2026-03-04T00:00:00Z", "data": {"target_id": "v2", "reason": "wrong"}}\n'
)


@pytest.fixture
def played(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """The home of a scenario after its last close."""
    folder = HERE / request.param
    told = tomllib.loads((folder / "scenario.toml").read_text())
    stage = set_stage(tmp_path / "home", now=parse_instant(told["starts_at"]))
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=told["starts_at"]))
        apply_catalog(stage.home, folder / "catalog")
        for step in told["step"]:
            if step.get("read") != "late.ndjson":
                play_step(Playing(stage, folder, {}), step)
        yield stage


def traced(stage: Stage, invoice: int, ordinal: str) -> Trace:
    return trace(stage.home, LineId(f"{list_invoices(stage.home)[invoice].id}-{ordinal}"))


def tamper(stage: Stage, table: str, statement: str) -> None:
    """What somebody with the database file and bad intentions would do: drop the guard first."""
    engine = open_engine(stage.home.folder / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        connection.execute(text(f"DROP TRIGGER {table}_no_update"))
        assert connection.execute(text(statement)).rowcount > 0
    engine.dispose()


def blamed(found: Trace) -> set[str]:
    assert not found.reproduced.matches
    return {difference.what for difference in found.reproduced.differences}


TRAFFIC = pytest.mark.parametrize("played", ["bytes_billed_in_gigabytes"], indirect=True)
STORAGE = pytest.mark.parametrize("played", ["storage_gb_hours_time_weighted"], indirect=True)


@TRAFFIC
def test_a_line_of_a_group_goes_back_to_the_events_and_forward_to_its_amount(played: Stage) -> None:
    found = traced(played, 0, "003")
    assert found.reproduced.matches
    assert (found.charge.grouped_by, found.charge.quantity) == ('[["region","us"]]', "0.501")
    assert (str(found.reproduced.quantity), found.amount.decimal_text) == ("0.501", "0.05")
    assert [each.event.id for each in found.events.events] == ["t2", "t3"]
    assert [step.rule for step in found.steps] == ["conversion", "per-unit"]


@TRAFFIC
@pytest.mark.parametrize(
    ("statement", "layers"),
    [
        ("UPDATE snapshot SET groups = replace(groups, '500000001', '500000002')", {"snapshot"}),
        ("UPDATE snapshot SET groups = NULL", {"snapshot"}),
        ("UPDATE snapshot SET conversion = replace(conversion, 'up', 'down')", {"snapshot"}),
        ("UPDATE snapshot SET conversion = NULL", {"snapshot"}),
        ("UPDATE snapshot SET breakdown = replace(breakdown, 'region', 'bytes')", {"snapshot", "charge"}),
        ("UPDATE snapshot SET breakdown = NULL", {"snapshot", "charge"}),
        ("UPDATE snapshot SET breakdown = 'no json'", {"snapshot"}),
        ("UPDATE snapshot SET opening = '[]'", {"snapshot"}),
        ("UPDATE snapshot SET quantity = '1'", {"snapshot"}),
    ],
)
def test_whatever_is_changed_of_a_snapshot_is_named(played: Stage, statement: str, layers: set[str]) -> None:
    tamper(played, "snapshot", statement)
    assert blamed(traced(played, 0, "003")) == layers


@TRAFFIC
@pytest.mark.parametrize("value", ["NULL", '\'[["region","eu"]]\'', "'[[1]]'", "'no json'"])
def test_a_charge_for_another_group_than_it_says_is_named(played: Stage, value: str) -> None:
    tamper(played, "charge", f"UPDATE charge SET grouped_by = {value} WHERE id LIKE '%c003'")
    assert "charge" in blamed(traced(played, 0, "003"))


@STORAGE
def test_a_time_weighted_line_names_the_events_that_it_opens_with(played: Stage) -> None:
    january, february = traced(played, 0, "001"), traced(played, 1, "001")
    assert [each.event.id for each in january.opening] == ["v1"]
    assert [each.event.id for each in january.events.events] == ["v3", "v2", "v5", "v6"]
    assert [each.event.event.id for each in january.retracted.events] == ["v4"]
    assert [each.event.id for each in february.opening] == ["v2", "v6"]
    assert [each.event.id for each in february.events.events] == ["v7"]
    assert february.lineage is not None and february.lineage.opens
    assert january.reproduced.matches and february.reproduced.matches


@STORAGE
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE snapshot SET opening = replace(opening, '250', '251')",
        "UPDATE snapshot SET opening = NULL",
        "UPDATE snapshot SET predicate = replace(predicate, 'lineage/3', 'lineage/2')",
        "UPDATE snapshot SET predicate = replace(predicate, 'the last', 'the first')",
    ],
)
def test_a_changed_opening_state_is_named(played: Stage, statement: str) -> None:
    tamper(played, "snapshot", statement)
    assert "snapshot" in blamed(traced(played, 1, "001"))


@STORAGE
def test_a_late_retraction_of_a_level_is_late_for_each_month_that_it_reaches(
    played: Stage, tmp_path: Path
) -> None:
    """Without disk-a's 250 GB of 11 January it holds 100: 150 x 504 h less, and 150 x 336 h in February."""
    played.clock.set_to(parse_instant("2026-03-04T00:00:00Z"))
    (tmp_path / "retraction.ndjson").write_text(RETRACTION)
    ingest_file(played.home, tmp_path / "retraction.ndjson", format=None, source=None)
    late = usage(played.home, CustomerId("harbor"), at=None, detailed=True)
    assert [(row.event_count, row.retracted_count, str(row.quantity)) for row in late.late] == [
        (0, 1, "-75600"),
        (0, 1, "-50400"),
    ]


@STORAGE
def test_a_late_level_is_told_by_its_source(played: Stage) -> None:
    played.clock.set_to(parse_instant("2026-03-04T00:00:00Z"))
    file = HERE / "storage_gb_hours_time_weighted" / "events" / "late.ndjson"
    ingest_file(played.home, file, format=None, source=None)
    report = usage(played.home, CustomerId("harbor"), at=None, detailed=True)
    assert report.detail is not None
    assert [(row.source, row.event_count) for row in report.detail.sources] == [("app", 1)]


@STORAGE
def test_to_take_back_a_level_that_a_sealed_month_opens_with_needs_approval(played: Stage) -> None:
    """The event of December lies in no sealed period, and January opens with its level."""
    played.clock.set_to(parse_instant("2026-03-04T00:00:00Z"))
    alone = Decision("a typing error", "Ada")
    with pytest.raises(ApprovalNeeded, match="S-000001"):
        retract_event(played.home, source="app", event_id="v1", decision=alone)
    both = Decision("a typing error", "Ada", "Grace")
    retract_event(played.home, source="app", event_id="v1", decision=both)
    (late,) = usage(played.home, CustomerId("harbor"), at=None).late
    assert (late.retracted_count, str(late.quantity)) == (1, "-24000")  # 100 GB for 240 hours
