"""Generated events of four contract versions, as a meter reads them and as segments and tail hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from tieout.aggregate.breakdown import NO_BREAKDOWN, Breakdown
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.retraction import Retraction
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import NON_PRODUCTION, Aggregation, Exclusion, Meter
from tieout.contract.predicate import Condition
from tieout.kernel.ids import (
    CustomerId,
    EventType,
    MeterKey,
    Position,
    SourceName,
    Subject,
    SubscriptionId,
    Watermark,
)
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.ports import LogManifest, SegmentFile, TailPart
from tieout.table.layout import ColumnKind, body_schema, segment_schema
from tieout.table.retracted import RETRACTED_SCHEMA

TYPE = EventType("llm.tokens")
SUBJECTS = tuple(Subject(name) for name in ("ann", "bob", "cy"))
EDGE = 1_000_000
END = 10 * EDGE
LARGEST = 10**30 - 1

# Four versions of one contract: a field that widens from integer to decimal, one that appears, one that goes.
LAYOUTS: Mapping[int, tuple[tuple[str, ColumnKind], ...]] = {
    1: (("amount", ColumnKind.INTEGER), ("flag", ColumnKind.BOOLEAN)),
    2: (("amount", ColumnKind.DECIMAL), ("environment", ColumnKind.ENUM), ("flag", ColumnKind.BOOLEAN)),
    3: (("amount", ColumnKind.DECIMAL), ("environment", ColumnKind.STRING), ("ratio", ColumnKind.DECIMAL)),
    4: (("at", ColumnKind.TIMESTAMP), ("ratio", ColumnKind.INTEGER)),
}


@dataclass(frozen=True)
class Row:
    """One stored event: its contract version and its values as the columns hold them."""

    version: int
    event: MeterEvent
    columns: Mapping[str, object]


def atoms_text(atoms: int) -> str:
    return str(Quantity.from_atoms(atoms))


def value_of(kind: ColumnKind) -> st.SearchStrategy[tuple[object, str] | None]:
    """(column value, canonical text), or None for an absent field; extremes are drawn on purpose."""
    match kind:
        case ColumnKind.INTEGER:
            whole = st.one_of(
                st.sampled_from([0, 1, -1, 10**18 - 1, 1 - 10**18]), st.integers(1 - 10**18, 10**18 - 1)
            )
            present = whole.map(lambda number: (number, str(number)))
        case ColumnKind.DECIMAL:
            edge = st.sampled_from([0, 1, -1, LARGEST, -LARGEST, 10**12, 15 * 10**11, -(10**12)])
            atoms = st.one_of(edge, st.integers(-LARGEST, LARGEST), st.integers(-(10**13), 10**13))
            present = atoms.map(lambda number: (decimal_of(number), atoms_text(number)))
        case ColumnKind.BOOLEAN:
            present = st.booleans().map(lambda truth: (truth, "true" if truth else "false"))
        case ColumnKind.TIMESTAMP:
            present = st.integers(-5, 5).map(lambda micros: (micros, str(micros)))
        case _:
            present = st.sampled_from(["production", "staging", "it's \" $p0 --", ""]).map(
                lambda text: (text, text)
            )
    return st.one_of(st.none(), present)


def decimal_of(atoms: int) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return Decimal(atoms).scaleb(-12)


TIME = st.one_of(
    st.sampled_from([0, EDGE - 1, EDGE, EDGE + 1, END - 1, END, 5 * EDGE, -1]), st.integers(-EDGE, END + EDGE)
)
LANE = st.one_of(st.sampled_from([0, 1, 2**63, 2**64 - 1]), st.integers(0, 2**64 - 1))


@st.composite
def row(draw: st.DrawFn, place: int) -> Row:
    version = draw(st.sampled_from(sorted(LAYOUTS)))
    values = {name: draw(value_of(kind)) for name, kind in LAYOUTS[version]}
    present = {name: value for name, value in values.items() if value is not None}
    event = MeterEvent(
        position=Position(1 + place // 4, place % 4),
        source=SourceName(draw(st.sampled_from(["gateway", "batch"]))),
        id=f"e{place}",
        type=TYPE,
        subject=draw(st.sampled_from(SUBJECTS)),
        time=Instant(draw(TIME)),
        lane_a=draw(LANE),
        lane_b=draw(LANE),
        fields={name: text for name, (_, text) in present.items()},
    )
    return Row(version, event, {name: value for name, (value, _) in present.items()})


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    return [draw(row(place)) for place in range(draw(st.integers(0, 24)))]


CONDITION = st.one_of(
    st.builds(
        Condition,
        field=st.just("environment"),
        values=st.sampled_from([("production",), ("staging", ""), ("it's \" $p0 --",)]),
        negated=st.booleans(),
    ),
    st.builds(
        Condition,
        field=st.just("flag"),
        values=st.sampled_from([("true",), ("TRUE",), ("1",)]),
        negated=st.booleans(),
    ),
    st.builds(
        Condition,
        field=st.sampled_from(["amount", "ratio", "at"]),
        values=st.sampled_from(
            [("0", "1"), ("1.5",), ("1.0", "01", "1e0"), ("-1", "999999999999999999.999999999999")]
        ),
        negated=st.booleans(),
    ),
    st.builds(
        Condition,
        field=st.just("subject"),
        values=st.sampled_from([("ann",), ("bob", "cy")]),
        negated=st.booleans(),
    ),
    st.builds(Condition, field=st.just("source"), values=st.just(("gateway",)), negated=st.booleans()),
    st.builds(Condition, field=st.just("nowhere"), values=st.just(("x",)), negated=st.booleans()),
)


NUMBERS = ["amount", "ratio"]
FIELDS = {
    **dict.fromkeys(Aggregation, NUMBERS),
    Aggregation.COUNT: [None],
    Aggregation.UNIQUE: [*NUMBERS, "at", "environment", "flag"],
}


@st.composite
def breakdown(draw: st.DrawFn) -> Breakdown:
    names = ["amount", "at", "environment", "flag", "nowhere", "ratio"]
    dimensions = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    amount_field = draw(st.sampled_from([None, "amount", "ratio"]))
    return Breakdown(tuple(sorted(dimensions)), draw(st.booleans()), amount_field)


@st.composite
def meter(draw: st.DrawFn) -> Meter:
    aggregation = draw(st.sampled_from(Aggregation))
    exclusions = [
        Exclusion(f"reason {number}", (draw(CONDITION),)) for number in range(draw(st.integers(0, 1)))
    ]
    if draw(st.booleans()):
        exclusions.insert(0, NON_PRODUCTION)
    return Meter(
        key=MeterKey("tokens"),
        version=draw(st.integers(1, 2)),
        effective_from=Instant(0),
        definition="tokens",
        owner="product",
        event=draw(st.sampled_from([TYPE, TYPE, TYPE, EventType("other")])),
        aggregation=aggregation,
        field=draw(st.sampled_from(FIELDS[aggregation])),
        unit="tokens",
        dimensions=(),
        filter=tuple(draw(st.lists(CONDITION, max_size=1))),
        exclusions=tuple(exclusions),
        digest=draw(st.sampled_from(["d1", "d2"])),
    )


@st.composite
def usage_request(draw: st.DrawFn) -> UsageRequest:
    period = Period(Instant(0), Instant(END))
    spans = []
    for subject in SUBJECTS:
        cuts = sorted(draw(st.lists(st.sampled_from(range(0, END + 1, EDGE)), unique=True, max_size=4)))
        # Every other stretch between two cuts: the subject leaves and comes back in the middle of the period.
        spans += [
            ClippedSpan(subject, Instant(opens), Instant(closes))
            for opens, closes in zip(cuts[::2], cuts[1::2], strict=False)
        ]
    metered = draw(meter())
    fineness = draw(breakdown()) if metered.aggregation.additive else NO_BREAKDOWN
    return UsageRequest(metered, SubscriptionId("s"), CustomerId("c"), period, tuple(spans), fineness)


def table_of(version: int, chosen: list[Row]) -> pa.Table:
    schema = segment_schema(body_schema(TYPE, version, LAYOUTS[version]))
    columns: dict[str, list[object]] = {
        "batch": [each.event.position.batch for each in chosen],
        "row": [each.event.position.row for each in chosen],
        "source": [each.event.source for each in chosen],
        "id": [each.event.id for each in chosen],
        "subject": [each.event.subject for each in chosen],
        "time": [each.event.time for each in chosen],
        "lane_a": [each.event.lane_a for each in chosen],
        "lane_b": [each.event.lane_b for each in chosen],
        "extras": ["" for _ in chosen],
        "attributes": ["" for _ in chosen],
    }
    for name, _ in LAYOUTS[version]:
        columns[f"f_{name}"] = [each.columns.get(name) for each in chosen]
    return pa.table(
        {field.name: pa.array(columns[field.name], field.type) for field in schema}, schema=schema
    )


@st.composite
def retractions(draw: st.DrawFn, stored: list[Row]) -> list[Retraction]:
    """Of stored events, of the same id at the other source, of nothing; some twice, some after the end."""
    known = [(each.event.source, each.event.id) for each in stored]
    strays = [(SourceName("batch"), "e0"), (SourceName("gateway"), "e1"), (SourceName("gateway"), "nothing")]
    named = draw(st.lists(st.sampled_from([*known, *strays]), max_size=10))
    places = st.builds(Position, st.integers(0, 7), st.integers(100, 103))
    return [Retraction(draw(places), source, target) for source, target in named]


def retracted_table(retractions: Sequence[Retraction]) -> pa.Table:
    columns = (
        [each.source for each in retractions],
        [each.target_id for each in retractions],
        [each.position.batch for each in retractions],
        [each.position.row for each in retractions],
    )
    arrays = [pa.array(values, field.type) for values, field in zip(columns, RETRACTED_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=RETRACTED_SCHEMA)


def manifest_of(
    folder: Path,
    stored: list[Row],
    *,
    sealed_batches: int,
    watermark: int,
    retractions: Sequence[Retraction] = (),
) -> LogManifest:
    """Batches up to `sealed_batches` as Parquet, two files a version; the rest as the tail."""
    segments, tail = [], []
    middle = sealed_batches // 2
    for version in LAYOUTS:
        mine = [each for each in stored if each.version == version]
        for first, last in ((1, middle), (middle + 1, sealed_batches)):
            inside = [each for each in mine if first <= each.event.position.batch <= last]
            if inside:
                path = folder / f"{version}-{first}.parquet"
                shuffled = sorted(inside, key=lambda each: (each.event.subject, each.event.time))
                pq.write_table(table_of(version, shuffled), path)
                segments.append(SegmentFile(str(path), TYPE, version, first, last, len(inside), ""))
        rest = [each for each in mine if sealed_batches < each.event.position.batch <= watermark]
        if rest:
            tail.append(TailPart(TYPE, version, table_of(version, rest)))
    return LogManifest(Watermark(watermark), tuple(segments), tuple(tail), retracted_table(retractions))
