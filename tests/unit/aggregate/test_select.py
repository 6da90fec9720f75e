"""Which events a meter counts, and what the three aggregations mean."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.records import CUSTOMER, JANUARY, SUBSCRIPTION
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.measure import measure
from tieout.aggregate.select import NO_VALUE, Excluded, NotMatched, Selected, select
from tieout.aggregate.window import ClippedSpan, UsageRequest, clip
from tieout.contract.meter import NON_PRODUCTION, Aggregation, Meter
from tieout.contract.predicate import Condition
from tieout.contract.subject import SubjectSpan
from tieout.kernel.ids import (
    CustomerId,
    EventType,
    MeterKey,
    Position,
    SourceName,
    Subject,
    Watermark,
)
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity

ANN = Subject("ann")


def meter(aggregation: Aggregation, field: str | None) -> Meter:
    return Meter(
        key=MeterKey("tokens"),
        version=1,
        effective_from=Instant(0),
        definition="tokens",
        owner="product",
        event=EventType("use"),
        aggregation=aggregation,
        field=field,
        unit="tokens",
        dimensions=(),
        filter=(Condition("model", ("big",)),),
        exclusions=(NON_PRODUCTION,),
        digest="d",
    )


SUM, COUNT, LAST = meter(Aggregation.SUM, "n"), meter(Aggregation.COUNT, None), meter(Aggregation.LAST, "n")


def event(
    fields: Mapping[str, str], *, time: int = JANUARY.start, batch: int = 1, row: int = 0, type_: str = "use"
) -> MeterEvent:
    where = Position(batch, row)
    known = {"model": "big", **fields}
    return MeterEvent(
        where, SourceName("s"), str(where), EventType(type_), ANN, Instant(time), 2**64 - 1, 1, known
    )


def request(of: Meter) -> UsageRequest:
    return UsageRequest(of, SUBSCRIPTION, CUSTOMER, JANUARY, (ClippedSpan(ANN, JANUARY.start, JANUARY.end),))


def test_selection_by_example() -> None:
    assert isinstance(select(SUM, event({"n": "5"})), Selected)
    assert select(SUM, event({"n": "5"}, type_="other")) == NotMatched()
    assert select(SUM, event({"n": "5", "model": "small"})) == NotMatched()
    assert select(SUM, event({"n": "5", "environment": "test"})) == Excluded("non-production")
    assert isinstance(select(SUM, event({"n": "5", "environment": "production"})), Selected)
    assert select(SUM, event({})) == Excluded(NO_VALUE)
    assert isinstance(select(COUNT, event({})), Selected)


def test_the_period_is_half_open_and_the_watermark_inclusive() -> None:
    events = [
        event({}, time=JANUARY.start - 1),
        event({}, time=JANUARY.start, batch=1),
        event({}, time=JANUARY.end - 1, batch=2),
        event({}, time=JANUARY.end),
        event({}, time=JANUARY.start, batch=3),
    ]
    assert measure(request(COUNT), events, Watermark(2)).event_count == 2
    assert measure(request(COUNT), events, Watermark(3)).event_count == 3


def test_last_goes_by_time_then_batch_then_row() -> None:
    at = JANUARY.start
    events = [
        event({"n": "1"}, time=at + 1, batch=9),
        event({"n": "2"}, time=at + 2, batch=1, row=7),
        event({"n": "3"}, time=at + 2, batch=2, row=0),
        event({"n": "4"}, time=at + 2, batch=2, row=1),
        event({}, time=at + 3),
    ]
    for order in (events, events[::-1]):
        snapshot = measure(request(LAST), order, Watermark(9))
        assert (snapshot.quantity, snapshot.event_count, snapshot.excluded_count) == (Quantity.of(4), 4, 1)


def test_an_empty_window_has_quantity_zero_and_count_zero() -> None:
    for each in (SUM, COUNT, LAST):
        snapshot = measure(request(each), [], Watermark(0))
        assert (str(snapshot.quantity), snapshot.event_count, str(snapshot.fingerprint)[:2]) == ("0", 0, "0:")


def test_sums_are_exact_and_negative_values_subtract() -> None:
    texts = ["0.1"] * 10 + ["-999999999999999999.999999999999", "999999999999999999.999999999999"]
    events = [event({"n": text}, row=row) for row, text in enumerate(texts)]
    snapshot = measure(request(SUM), events, Watermark(1))
    assert str(snapshot.quantity) == "1"
    assert snapshot.fingerprint.a == -12 % 2**64


def test_spans_are_clipped_to_the_customer_and_the_period() -> None:
    middle = Instant(JANUARY.start + 1000)
    spans = [
        SubjectSpan(ANN, CUSTOMER, Instant(0), middle),
        SubjectSpan(ANN, CustomerId("other"), middle, None),
        SubjectSpan(Subject("bob"), CUSTOMER, JANUARY.end, None),
    ]
    assert clip(spans, CUSTOMER, JANUARY) == (ClippedSpan(ANN, JANUARY.start, middle),)


def test_a_window_refuses_spans_that_overlap_or_leave_it() -> None:
    inside = ClippedSpan(ANN, JANUARY.start, JANUARY.end)
    for spans in ((inside, inside), (ClippedSpan(ANN, JANUARY.start, Instant(JANUARY.end + 1)),)):
        with pytest.raises(AssertionError):
            UsageRequest(COUNT, SUBSCRIPTION, CUSTOMER, JANUARY, spans)
