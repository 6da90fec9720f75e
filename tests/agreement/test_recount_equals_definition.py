"""The close's second computation equals the plain Python meaning, digit for digit, on generated events."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.harness.effort import times
from tieout.aggregate.breakdown import Breakdown
from tieout.aggregate.measure import measure
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.event_contract import EventContract, Field, FieldType, Use
from tieout.contract.meter import NON_PRODUCTION, Aggregation, Exclusion, Meter
from tieout.contract.predicate import Condition
from tieout.engines.recount import recount
from tieout.evidence.witness import Witness, meter_event
from tieout.ingest.event import Event
from tieout.ingest.layout import events_table
from tieout.kernel.ids import CustomerId, EventType, MeterKey, Position, Subject, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.ports import LogManifest, TailPart
from tieout.table.retracted import NOTHING_RETRACTED

TYPE = EventType("use")
CONTRACT = EventContract(
    type=TYPE,
    version=1,
    effective_from=Instant(0),
    description="",
    reach_days_max=None,
    fields=(
        Field("environment", FieldType.STRING, Use.CONTEXT),
        Field("flag", FieldType.BOOLEAN, Use.CONTEXT),
        Field("size", FieldType.DECIMAL, Use.CONTEXT),
        Field("units", FieldType.INTEGER, Use.CONTEXT),
    ),
    examples=(),
    digest="",
)
EXTREMES = [10**18 - 1, -(10**18 - 1), 2**32, 2**32 - 1, -1, 0]
ATOMS = st.integers(-(10**30 - 1), 10**30 - 1)

events = st.builds(
    lambda source, subject, time, fields, batch, lane_a, lane_b: (
        Event(source, f"{time}", TYPE, Subject(subject), Instant(time), 1, fields, "", ""),
        batch,
        lane_a,
        lane_b,
    ),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["s1", "s2", "s3"]),
    st.integers(0, 20),
    st.fixed_dictionaries(
        {},
        optional={
            "environment": st.sampled_from(["production", "test", "Ünï"]),
            "flag": st.booleans(),
            "size": st.builds(Quantity.from_atoms, ATOMS),
            "units": st.one_of(st.integers(-(10**18) + 1, 10**18 - 1), st.sampled_from(EXTREMES)),
        },
    ),
    st.integers(1, 4),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
)


def meter(aggregation: Aggregation, field: str | None, filter_: tuple[Condition, ...]) -> Meter:
    exclusions = (NON_PRODUCTION, Exclusion("flagged", (Condition("flag", ("true",)),)))
    return Meter(
        MeterKey(f"{aggregation}-{field}"), 1, Instant(0), "", "", TYPE, aggregation, field, "unit", (),
        filter_, exclusions, "",
    )  # fmt: skip


METERS = [
    meter(Aggregation.COUNT, None, ()),
    meter(Aggregation.SUM, "units", ()),
    meter(Aggregation.SUM, "size", (Condition("source", ("a",)),)),
    meter(Aggregation.LAST, "size", (Condition("subject", ("s1",), negated=True),)),
    meter(Aggregation.LAST, "units", (Condition("units", ("4294967296", "-1", "0")),)),
    meter(Aggregation.MAX, "units", ()),
    meter(Aggregation.MAX, "size", ()),
    meter(Aggregation.MIN, "units", ()),
    meter(Aggregation.MIN, "size", (Condition("source", ("a",)),)),
    meter(Aggregation.UNIQUE, "units", ()),
    meter(Aggregation.UNIQUE, "size", ()),
    meter(Aggregation.UNIQUE, "environment", ()),
    meter(Aggregation.UNIQUE, "flag", ()),
    meter(Aggregation.AVERAGE, "units", ()),
    meter(Aggregation.AVERAGE, "size", ()),
    meter(Aggregation.TIME_WEIGHTED, "units", ()),
    meter(Aggregation.TIME_WEIGHTED, "size", (Condition("source", ("a",)),)),
]
BREAKDOWNS = [
    Breakdown(("environment", "flag")),
    Breakdown(("size",), by_value=True),
    Breakdown(by_value=True, amount_field="size"),
    Breakdown(("units",), amount_field="units"),
]
SPANS = (
    ClippedSpan(Subject("s1"), Instant(3), Instant(9)),
    ClippedSpan(Subject("s1"), Instant(12), Instant(15)),
    ClippedSpan(Subject("s2"), Instant(3), Instant(20)),
)


@settings(max_examples=times(quick=70, long=150))
@given(st.lists(events, max_size=25), st.integers(0, 4), st.integers(0, 25))
def test_the_recount_is_what_the_definition_says(
    found: list[tuple[Event, int, int, int]], watermark: int, cut: int
) -> None:
    rows = sorted(enumerate(found), key=lambda item: (item[1][1], item[0]))
    witnesses = [
        Witness(Position(batch, row), event, lane_a, lane_b, CONTRACT)
        for row, (event, batch, lane_a, lane_b) in rows
    ]
    parts = (witnesses[:cut], witnesses[cut:])
    tail = tuple(TailPart(TYPE, 1, table_of(part)) for part in parts if part)
    requests = [
        UsageRequest(each, SubscriptionId("sub"), CustomerId("acme"), Period(Instant(3), Instant(20)), SPANS)
        for each in METERS
    ]
    requests += [replace(request, breakdown=each) for request in requests[:3] for each in BREAKDOWNS]
    recounts = recount(requests, LogManifest(Watermark(watermark), (), tail, NOTHING_RETRACTED))
    meaning = [
        measure(request, [meter_event(witness) for witness in witnesses], Watermark(watermark))
        for request in requests
    ]
    assert [each.refusal for each in recounts] == [None] * len(requests)
    assert [
        (str(each.quantity), each.event_count, each.fingerprint, each.groups, each.opening)
        for each in recounts
    ] == [
        (str(each.quantity), each.event_count, each.fingerprint, each.groups, each.opening)
        for each in meaning
    ]


def table_of(witnesses: list[Witness]) -> pa.Table:
    table = events_table(
        [each.event for each in witnesses], [each.position.row for each in witnesses], CONTRACT
    )
    for name, values, kind in (
        ("lane_a", [each.lane_a for each in witnesses], pa.uint64()),
        ("lane_b", [each.lane_b for each in witnesses], pa.uint64()),
    ):
        column = pa.array(values, kind)
        present = name in table.column_names
        table = (
            table.set_column(table.column_names.index(name), name, column)
            if present
            else table.append_column(name, column)
        )
    return table.append_column("batch", pa.array([each.position.batch for each in witnesses], pa.int64()))


def test_no_requests_and_no_events_give_nothing_and_zero() -> None:
    empty = LogManifest(Watermark(0), (), (), NOTHING_RETRACTED)
    assert recount([], empty) == []
    request = UsageRequest(
        METERS[1], SubscriptionId("sub"), CustomerId("acme"), Period(Instant(3), Instant(20)), SPANS
    )
    (answer,) = recount([request], empty)
    assert (str(answer.quantity), answer.event_count) == ("0", 0)


@pytest.mark.parametrize("quantity", ["999999999999999999.999999999999", "-999999999999999999.999999999999"])
def test_a_million_extremes_do_not_wrap(quantity: str) -> None:
    event = Event("a", "1", TYPE, Subject("s2"), Instant(5), 1, {"size": Quantity.parse(quantity)}, "", "")
    one = table_of([Witness(Position(1, 0), event, 2**64 - 1, 1, CONTRACT)])
    many = one.take(pa.array([0] * 1_000_000))
    request = UsageRequest(
        meter(Aggregation.SUM, "size", ()),
        SubscriptionId("s"),
        CustomerId("c"),
        Period(Instant(3), Instant(20)),
        SPANS,
    )
    manifest = LogManifest(Watermark(1), (), (TailPart(TYPE, 1, many),), NOTHING_RETRACTED)
    (answer,) = recount([request], manifest)
    assert answer.quantity == Quantity.from_atoms(Quantity.parse(quantity).atoms * 1_000_000)
    assert answer.fingerprint.a == (2**64 - 1) * 1_000_000 % 2**64
