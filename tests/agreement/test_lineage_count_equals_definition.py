"""A trace's count of stored rows equals the plain Python definition, and lists the events that it selects."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.stored_events import (
    LAYOUTS,
    SUBJECTS,
    TYPE,
    Row,
    manifest_of,
    retractions,
    rows,
    table_of,
    usage_request,
)
from tests.faults.harness.effort import times
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.measure import in_window, measure
from tieout.aggregate.retraction import Retraction, is_retracted, retracted_as_of
from tieout.aggregate.select import Selected, select
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.event_contract import EventContract, Field, FieldType, Use
from tieout.contract.meter import Aggregation, Exclusion, Meter
from tieout.contract.predicate import Condition
from tieout.engines.lineage_count import ColumnCount, Lowest
from tieout.evidence.counted import Counted, counted_snapshot
from tieout.evidence.lineage import Lineage, lineage_of
from tieout.evidence.witness import Witness, digest_lanes
from tieout.kernel.ids import CustomerId, MeterKey, Position, SourceName, Subject, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Unmeasurable
from tieout.ports import LogManifest, StoredEvent, TailPart
from tieout.ports.lineage import LineageQuestion
from tieout.rate.charge import GroupName
from tieout.store.log import lineage_rows
from tieout.store.log.lineage_rows import SqlLineageRows
from tieout.table.position_words import position_of, position_words
from tieout.table.retracted import NOTHING_RETRACTED

SECRET = b"a secret of this test"
CONTRACTS = {
    version: EventContract(
        type=TYPE,
        version=version,
        effective_from=Instant(0),
        description="",
        reach_days_max=None,
        fields=tuple(Field(name, FieldType(kind.value), Use.CONTEXT) for name, kind in layout),
        examples=(),
        digest="",
    )
    for version, layout in LAYOUTS.items()
}
SOURCE = SourceName("gateway")
EXCLUDED = Exclusion("flagged", (Condition("flag", ("true",), negated=False),))
COUNT = Meter(
    key=MeterKey("calls"),
    version=1,
    effective_from=Instant(0),
    definition="calls",
    owner="product",
    event=TYPE,
    aggregation=Aggregation.COUNT,
    field=None,
    unit="call",
    dimensions=(),
    filter=(),
    exclusions=(),
    digest="d",
)
EVERYTHING = Period(Instant(-(10**9)), Instant(10**9))
Told = tuple[Counted, set[Position], set[tuple[str, str]]]


def counted(
    manifest: LogManifest, request: UsageRequest, *, group: GroupName = (), skipped: int = 0, size: int = 99
) -> Told:
    """The count, the positions in doubt, the identities that were retracted."""
    lineage = lineage_of(request)
    found = SqlLineageRows(manifest, lineage.windows, TYPE)
    asked = LineageQuestion(
        Lineage(TYPE, lineage.spans, lineage.opens), request, group, CONTRACTS, SECRET, skipped, size
    )
    counting = ColumnCount(asked, found.watermark, found.retracted)
    differing: set[Position] = set()
    retracted: set[tuple[str, str]] = set()
    for table in found.tables():
        doubts = counting.add(table)
        differing |= set(doubts.differing)
        retracted |= set(doubts.retracted)
    return counting.counted(), differing, retracted


def with_sound_lanes(stored: list[Row], sound: set[int]) -> list[Row]:
    """The rows at these places with the lanes that their content gives."""
    tail = tuple(TailPart(TYPE, each.version, table_of(each.version, [each])) for each in stored)
    manifest = LogManifest(Watermark(99), (), tail, NOTHING_RETRACTED)
    whole = SqlLineageRows(manifest, dict.fromkeys(SUBJECTS, (EVERYTHING,)), TYPE)
    read = whole.at([each.event.position for each in stored])
    changed = list(stored)
    for place in sound:
        row = stored[place]
        lanes = digest_lanes(witness(read[row.event.position]), SECRET)
        assert lanes is not None
        changed[place] = replace(row, event=replace(row.event, lane_a=lanes[0], lane_b=lanes[1]))
    return changed


def test_what_is_excluded_and_retracted_is_neither(tmp_path: Path) -> None:
    """It would not have counted anyway, and is there no more."""
    fields = {"flag": "true"}
    events = [
        MeterEvent(Position(1, row), SOURCE, f"e{row}", TYPE, SUBJECTS[0], Instant(5), row, 7, fields)
        for row in range(3)
    ]
    stored = [Row(1, each, {"flag": True}) for each in events]
    taken_back = [Retraction(Position(2, 9), SOURCE, "e1")]
    period = Period(Instant(0), Instant(9))
    spans = (ClippedSpan(SUBJECTS[0], period.start, period.end),)
    for exclusions, counts in (((EXCLUDED,), (2, 0)), ((), (0, 1))):
        meter = replace(COUNT, exclusions=exclusions)
        request = UsageRequest(meter, SubscriptionId("s"), CustomerId("c"), period, spans)
        manifest = manifest_of(tmp_path, stored, sealed_batches=1, watermark=2, retractions=taken_back)
        found, _, _ = counted(manifest, request)
        assert (found.excluded_count, found.retracted_count) == counts
        expected = measure(request, events, Watermark(2), taken_back)
        assert counted_snapshot(request, Watermark(2), found) == expected


def witness(stored: StoredEvent) -> Witness:
    contract = CONTRACTS[stored.event.contract_version]
    return Witness(stored.position, stored.event, stored.lane_a, stored.lane_b, contract)


@settings(max_examples=times(quick=70, long=150), phases=(Phase.explicit, Phase.generate))
@given(stored=rows(), request=usage_request(), data=st.data())
def test_count_and_definition_agree(stored: list[Row], request: UsageRequest, data: st.DataObject) -> None:
    sound = data.draw(st.sets(st.sampled_from(range(len(stored))))) if stored else set()
    stored = with_sound_lanes(stored, sound)
    head = max((each.event.position.batch for each in stored), default=0)
    watermark = Watermark(data.draw(st.integers(0, head)))
    taken_back = data.draw(retractions(stored))
    skipped, size = data.draw(st.integers(0, 3)), data.draw(st.integers(1, 4))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(lineage_rows, "ROWS_AT_ONCE", data.draw(st.sampled_from([1, 2, 65_536])))
        manifest = manifest_of(
            Path(folder),
            stored,
            sealed_batches=data.draw(st.integers(0, head)),
            watermark=watermark,
            retractions=taken_back,
        )
        found, differing, retracted = counted(manifest, request, skipped=skipped, size=size)
    events = [each.event for each in stored]
    said = outcome(lambda: counted_snapshot(request, watermark, found))
    assert said == outcome(lambda: measure(request, events, watermark, taken_back))
    gone = retracted_as_of(taken_back, watermark)
    inside = list(covered(stored, request, watermark))
    assert retracted == {(e.source, e.id) for e in events_of(inside) if (e.source, e.id) in gone}
    assert differing == {
        each.event.position for place, each in enumerate(stored) if each in inside and place not in sound
    }
    selected = in_window(request, events, watermark, taken_back).selected
    counts = sorted(each.event.position for each in selected)
    assert (found.events.total, list(found.events.positions)) == (len(counts), counts[skipped:][:size])
    lost = sorted(would_count(request, events_of(inside), taken_back, watermark))
    assert (found.retracted.total, list(found.retracted.positions)) == (len(lost), lost[skipped:][:size])


def outcome(said: Callable[[], Snapshot]) -> Snapshot | str:
    try:
        return said()
    except Unmeasurable as refusal:
        return str(refusal)


def events_of(stored: list[Row]) -> Iterator:  # type: ignore[type-arg]
    return (each.event for each in stored)


def covered(stored: list[Row], request: UsageRequest, watermark: Watermark) -> Iterator[Row]:
    """The rows that lie in the windows of the request's lineage, by the plain reading of it."""
    windows = lineage_of(request).windows
    for each in stored:
        periods = windows.get(each.event.subject, ())
        if each.event.position.batch <= watermark and any(p.contains(each.event.time) for p in periods):
            yield each


def would_count(
    request: UsageRequest,
    events: Iterator,  # type: ignore[type-arg]
    taken_back: list[Retraction],
    watermark: Watermark,
) -> Iterator[Position]:
    gone = retracted_as_of(taken_back, watermark)
    for each in events:
        inside = any(span.subject == each.subject and span.contains(each.time) for span in request.spans)
        selection = select(request.meter, each, request.breakdown.amount_field)
        if inside and is_retracted(each, gone) and isinstance(selection, Selected):
            yield each.position


@settings(max_examples=60, phases=(Phase.explicit, Phase.generate))
@given(stored=rows(), request=usage_request(), text=st.sampled_from([None, "true", "false"]))
def test_only_events_of_the_group_are_listed(
    stored: list[Row], request: UsageRequest, text: str | None
) -> None:
    head = Watermark(max((each.event.position.batch for each in stored), default=0))
    with tempfile.TemporaryDirectory() as folder:
        manifest = manifest_of(Path(folder), stored, sealed_batches=head, watermark=head)
        found, _, _ = counted(manifest, request, group=(("flag", text),))
    selected = in_window(request, [each.event for each in stored], head).selected
    wanted = sorted(each.event.position for each in selected if each.event.fields.get("flag") == text)
    assert list(found.events.positions) == wanted


@given(st.lists(st.integers(0, 2**40), unique=True, max_size=60), st.integers(1, 9), st.integers(0, 9))
def test_the_lowest_positions_are_kept_and_all_are_counted(
    words: list[int], wanted: int, skipped: int
) -> None:
    lowest = Lowest(skipped + wanted)
    for start in range(0, len(words), 7):
        lowest.add(np.array(words[start : start + 7], dtype=np.uint64))
        assert lowest.listed(0).total == len(words[: start + 7])
    listed = lowest.listed(skipped)
    assert [*listed.positions] == [position_of(word) for word in sorted(words)[skipped : skipped + wanted]]


def test_a_long_line_is_read_a_bounded_number_of_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage_rows, "ROWS_AT_ONCE", 100)
    many = 1_030
    table = table_of(3, [])
    columns = {
        name: [0] * many if name not in ("source", "id", "subject") else ["ann"] * many
        for name in table.column_names
    }
    columns |= {"batch": [1] * many, "row": list(range(many)), "time": [5] * many}
    columns |= {name: [""] * many for name in ("extras", "attributes", "f_environment")}
    columns["f_ratio"] = [None] * many
    arrays = [pa.array(columns[field.name], field.type) for field in table.schema]
    long = pa.Table.from_arrays(arrays, schema=table.schema)
    manifest = LogManifest(Watermark(1), (), (TailPart(TYPE, 3, long),), NOTHING_RETRACTED)
    found = SqlLineageRows(manifest, {Subject("ann"): (EVERYTHING,)}, TYPE)
    sizes = [each.num_rows for each in found.tables()]
    assert sum(sizes) == many and max(sizes) <= 200
    assert "attributes" not in next(found.tables()).column_names
    assert position_words(1, np.array([3])).tolist() == [(1 << 32) + 3]
    assert [*found.at([Position(1, 3)])] == [Position(1, 3)]
