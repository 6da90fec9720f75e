"""L8: DuckDB over segments and tail, the Python definition, the recount and a naive count agree."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.naive import naive
from tests.agreement.stored_events import (
    END,
    LARGEST,
    SUBJECTS,
    TYPE,
    Row,
    atoms_text,
    breakdown,
    decimal_of,
    manifest_of,
    retractions,
    rows,
    usage_request,
)
from tests.faults.harness.effort import times
from tieout.aggregate import sum as sum_rule
from tieout.aggregate.breakdown import NO_BREAKDOWN, UsageGroup
from tieout.aggregate.bucket import BucketRequest
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.measure import measure
from tieout.aggregate.select import Excluded, select
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.engines import duckdb_engine
from tieout.engines.duckdb_buckets import bucket_counts
from tieout.engines.duckdb_engine import DuckEngine
from tieout.engines.recount import recount
from tieout.kernel.ids import (
    CustomerId,
    MeterKey,
    Position,
    SourceName,
    SubscriptionId,
    Watermark,
)
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity, QuantityOverflow


@settings(max_examples=times(quick=70, long=150), phases=(Phase.explicit, Phase.generate))
@given(stored=rows(), requests=st.lists(usage_request(), min_size=1, max_size=4), data=st.data())
def test_engine_definition_and_naive_count_agree(
    stored: list[Row], requests: list[UsageRequest], data: st.DataObject
) -> None:
    meters = [replace(each.meter, key=MeterKey(f"m{n}")) for n, each in enumerate(requests)]
    requests = [
        replace(
            each,
            subscription=SubscriptionId(f"s{n}"),
            meter=(shared := data.draw(st.sampled_from(meters))),
            breakdown=data.draw(breakdown()) if shared.aggregation.additive else NO_BREAKDOWN,
        )
        for n, each in enumerate(requests)
    ]
    for n, meter in enumerate(dict.fromkeys(each.meter for each in requests)):
        if data.draw(st.booleans()):  # another meter with the same spans is answered by the same query
            twin = replace(data.draw(usage_request()).meter, key=MeterKey(f"t{n}"))
            requests += [
                replace(
                    each,
                    meter=twin,
                    subscription=SubscriptionId(f"t{each.subscription}"),
                    breakdown=NO_BREAKDOWN,
                )
                for each in requests
                if each.meter is meter
            ]
    head = max((each.event.position.batch for each in stored), default=0)
    sealed_batches = data.draw(st.integers(0, head))
    watermark = data.draw(st.integers(0, head))
    taken_back = data.draw(retractions(stored))
    events = [each.event for each in data.draw(st.permutations(stored))]
    with tempfile.TemporaryDirectory() as folder:
        manifest = manifest_of(
            Path(folder),
            stored,
            sealed_batches=sealed_batches,
            watermark=watermark,
            retractions=taken_back,
        )
        found = DuckEngine(threads=2).measure(requests, manifest)
        again = recount(requests, manifest)
    expected = [measure(request, events, Watermark(watermark), taken_back) for request in requests]
    assert found == expected
    for request, snapshot, second in zip(requests, expected, again, strict=True):
        counted = naive(request, stored, watermark, taken_back)
        assert snapshot.quantity.as_fraction() == counted.quantity
        assert (snapshot.event_count, snapshot.excluded_count, snapshot.retracted_count) == counted.counts
        assert (snapshot.fingerprint.a, snapshot.fingerprint.b) == counted.lanes
        assert [facts(group) for group in snapshot.groups] == counted.groups
        openings = [(each.subject, each.start, each.position) for each in snapshot.opening]
        assert openings == counted.openings
        assert second.refusal is None
        assert (second.quantity, second.event_count, second.fingerprint, second.groups, second.opening) == (
            snapshot.quantity,
            snapshot.event_count,
            snapshot.fingerprint,
            snapshot.groups,
            snapshot.opening,
        )


def facts(group: UsageGroup) -> tuple[object, ...]:
    """The group as the naive count has it."""
    numbers = (group.quantity, group.value, group.amount, group.each_amount)
    return (group.values, group.event_count, *(None if n is None else n.as_fraction() for n in numbers))


@settings(max_examples=25, phases=(Phase.explicit, Phase.generate))
@given(stored=rows(), request=usage_request(), owned=usage_request(), data=st.data())
def test_every_event_of_the_type_is_in_exactly_one_bucket(
    stored: list[Row], request: UsageRequest, owned: UsageRequest, data: st.DataObject
) -> None:
    head = max((each.event.position.batch for each in stored), default=0)
    taken_back = data.draw(retractions(stored))
    with tempfile.TemporaryDirectory() as folder:
        manifest = manifest_of(
            Path(folder), stored, sealed_batches=head // 2, watermark=head, retractions=taken_back
        )
        amount = request.breakdown.amount_field
        asked = BucketRequest(
            request.meter,
            request.period,
            (*owned.spans, *request.spans),
            () if amount else request.spans,
            request.spans if amount else (),
            amount,
        )
        (buckets,) = bucket_counts([asked], manifest)
    inside = [
        each
        for each in stored
        if each.event.type == request.meter.event and request.period.contains(each.event.time)
    ]
    assert buckets.total == len(inside)
    events = [each.event for each in stored]
    snapshot = measure(request, events, Watermark(head), taken_back) if inside else None
    assert buckets.counted == (snapshot.event_count if snapshot else 0)
    gone = {(each.source, each.target_id) for each in taken_back if each.position.batch <= head}
    left = [each for each in inside if (each.event.source, each.event.id) not in gone]
    assert buckets.retracted == len(inside) - len(left)
    covered = {
        event.id
        for event in events
        if any(span.subject == event.subject and span.contains(event.time) for span in request.spans)
    }
    judged = [
        select(request.meter, each.event, amount if each.event.id in covered else None) for each in left
    ]
    assert dict(buckets.excluded) == Counter(each.reason for each in judged if isinstance(each, Excluded))


def sum_request(field: str = "amount") -> UsageRequest:
    plain = Meter(
        key=MeterKey("m"), version=1, effective_from=Instant(0), definition="", owner="", event=TYPE,
        aggregation=Aggregation.SUM, field=field, unit="u", dimensions=(), filter=(), exclusions=(),
        digest="d",
    )  # fmt: skip
    span = ClippedSpan(SUBJECTS[0], Instant(0), Instant(END))
    return UsageRequest(
        plain, SubscriptionId("s"), CustomerId("c"), Period(Instant(0), Instant(END)), (span,)
    )


def amount_row(place: int, atoms: int) -> Row:
    event = MeterEvent(
        Position(1, place),
        SourceName("g"),
        str(place),
        TYPE,
        SUBJECTS[0],
        Instant(5),
        7,
        2**64 - 1,
        {"amount": atoms_text(atoms)},
    )
    return Row(2, event, {"amount": decimal_of(atoms)})


def both(stored: list[Row], folder: Path) -> tuple[list[Snapshot | QuantityOverflow], Snapshot]:
    manifest = manifest_of(folder, stored, sealed_batches=1, watermark=1)
    engine = DuckEngine().measure_each([sum_request()], manifest)
    return engine, measure(sum_request(), [each.event for each in stored], Watermark(1))


def test_a_magnitude_at_the_bound_overflows_in_both_and_one_atom_below_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10^26 needs 10^8 events of the largest value: the bound is lowered here, its real size tested below."""
    monkeypatch.setattr(sum_rule, "QUANTITY_TOTAL_MAX", 2)
    below = [amount_row(0, 10**12), amount_row(1, 1 - 10**12)]
    engine, definition = both(below, tmp_path)
    assert engine == [definition]
    assert str(definition.quantity) == "0.000000000001"
    at_bound = [*below, amount_row(2, 1)]
    manifest = manifest_of(tmp_path, at_bound, sealed_batches=1, watermark=1)
    with pytest.raises(QuantityOverflow):
        measure(sum_request(), [each.event for each in at_bound], Watermark(1))
    (overflow,) = DuckEngine().measure_each([sum_request()], manifest)
    assert isinstance(overflow, QuantityOverflow)
    with pytest.raises(QuantityOverflow):
        DuckEngine().measure([sum_request()], manifest)


@pytest.mark.parametrize(("copies", "overflows"), [(99_999_999, False), (100_000_001, True)])
def test_a_hundred_million_of_the_largest_values_stay_exact_up_to_ten_to_the_26(
    copies: int, overflows: bool
) -> None:
    """The same columns that `DuckEngine` asks for, over a generated relation instead of a file."""
    with duckdb_engine.connected(None) as connection:
        columns = duckdb_engine.COLUMNS[Aggregation.SUM]
        units, atoms = 10**18 - 1, 10**12 - 1
        row_ = connection.execute(
            f"SELECT {', '.join(expression for expression, _ in columns)} "
            f"FROM (SELECT -{units}::BIGINT AS units, -{atoms}::BIGINT AS atoms, "
            f"FALSE AS excluded, FALSE AS retracted FROM range({copies}))"
        ).fetchone()
        assert [str(column[1]) for column in connection.description] == [type_ for _, type_ in columns]
    assert row_ is not None
    total, magnitude = (row_[0] * 10**12 + row_[1]), (row_[2] * 10**12 + row_[3])
    assert total == -LARGEST * copies
    assert sum_rule.overflows(Quantity.from_atoms(magnitude)) is overflows


def test_an_overflowing_request_does_not_take_the_others_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sum_rule, "QUANTITY_TOTAL_MAX", 2)
    manifest = manifest_of(tmp_path, [amount_row(0, 3 * 10**12)], sealed_batches=1, watermark=1)
    spared = replace(sum_request(), subscription=SubscriptionId("spared"), spans=())
    first, second = DuckEngine().measure_each([sum_request(), spared], manifest)
    assert isinstance(first, QuantityOverflow)
    assert isinstance(second, Snapshot)
    assert second.event_count == 0
