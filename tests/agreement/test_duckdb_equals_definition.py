"""L8: DuckDB over segments and tail, the Python definition, the recount and a naive count agree."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.stored_events import (
    END,
    LARGEST,
    SUBJECTS,
    TYPE,
    Row,
    atoms_text,
    decimal_of,
    manifest_of,
    retractions,
    rows,
    usage_request,
)
from tieout.aggregate import sum as sum_rule
from tieout.aggregate.bucket import BucketRequest
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.measure import measure
from tieout.aggregate.retraction import Retraction
from tieout.aggregate.select import Excluded, select
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.predicate import Condition
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


def naive(
    request: UsageRequest, stored: list[Row], watermark: int, retractions: list[Retraction]
) -> tuple[Decimal, int, int, int, int, int]:
    """(quantity, counted, excluded, retracted, lane sums), written once more without a line of the
    definition.
    """
    meter_ = request.meter
    gone = {(r.source, r.target_id) for r in retractions if r.position.batch <= watermark}
    taken_back = 0
    kept: list[tuple[int, int, int, Decimal, int, int]] = []
    excluded = 0
    for each in stored:
        event = each.event
        texts = {**event.fields, "subject": event.subject, "source": event.source}

        def all_hold(conditions: tuple[Condition, ...], known: Mapping[str, str] = texts) -> bool:
            for condition in conditions:
                if condition.field not in known:
                    return False
                if condition.negated == (known[condition.field] in condition.values):
                    return False
            return True

        where = [
            s
            for s in request.spans
            if s.subject == event.subject and s.start <= event.time and event.time < s.end
        ]
        if event.type != meter_.event or event.position.batch > watermark or not where:
            continue
        if not all_hold(meter_.filter):
            continue
        missing = meter_.field is not None and meter_.field not in event.fields
        left_out = missing or any(all_hold(exclusion.where) for exclusion in meter_.exclusions)
        if (event.source, event.id) in gone:
            taken_back += not left_out
            continue
        if left_out:
            excluded += 1
            continue
        value = Decimal(1) if meter_.field is None else Decimal(event.fields[meter_.field])
        kept.append((event.time, event.position.batch, event.position.row, value, event.lane_a, event.lane_b))
    with localcontext() as context:
        context.prec = 80
        if meter_.aggregation is Aggregation.LAST:
            quantity = sorted(kept)[-1][3] if kept else Decimal(0)
        else:
            quantity = sum((item[3] for item in kept), Decimal(0))
    lane_a = sum(item[4] for item in kept) & (2**64 - 1)
    lane_b = sum(item[5] for item in kept) & (2**64 - 1)
    return quantity, len(kept), excluded, taken_back, lane_a, lane_b


@settings(max_examples=80, phases=(Phase.explicit, Phase.generate))
@given(stored=rows(), requests=st.lists(usage_request(), min_size=1, max_size=4), data=st.data())
def test_engine_definition_and_naive_count_agree(
    stored: list[Row], requests: list[UsageRequest], data: st.DataObject
) -> None:
    meters = [replace(each.meter, key=MeterKey(f"m{n}")) for n, each in enumerate(requests)]
    requests = [
        replace(each, subscription=SubscriptionId(f"s{n}"), meter=data.draw(st.sampled_from(meters)))
        for n, each in enumerate(requests)
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
        quantity, counted, excluded, gone, lane_a, lane_b = naive(request, stored, watermark, taken_back)
        assert Decimal(str(snapshot.quantity)) == quantity
        counts = (snapshot.event_count, snapshot.excluded_count, snapshot.retracted_count)
        assert counts == (counted, excluded, gone)
        assert (snapshot.fingerprint.a, snapshot.fingerprint.b) == (lane_a, lane_b)
        assert (second.quantity, second.event_count, second.fingerprint) == (
            snapshot.quantity,
            snapshot.event_count,
            snapshot.fingerprint,
        )


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
        asked = BucketRequest(request.meter, request.period, (*owned.spans, *request.spans), request.spans)
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
    judged = [select(request.meter, each.event) for each in left]
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
