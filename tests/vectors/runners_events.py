"""How a vector about events is put to ingest and aggregate: as JSON, decoded, judged and measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from tieout.aggregate.event import MeterEvent
from tieout.aggregate.measure import in_window, measure
from tieout.aggregate.retraction import Retraction
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.event_contract import ContractBook, EventContract, Field, FieldType, Use
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.predicate import Condition, Predicate
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event, canonical_of, tagged
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.ingest.verdict import Known, Verdict, judge
from tieout.kernel.calendar import local_midnight
from tieout.kernel.digest import content_digest, identity_key, lanes
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
from tieout.kernel.instant import DAY_MICROSECONDS, INSTANT_MIN, Instant, format_instant, parse_instant
from tieout.kernel.limits import FRACTION_DIGITS_MAX
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.zone import zone

Facts = Mapping[str, Any]

SECRET = bytes(32)
SUBJECT = Subject("acme")
RECEIVED_AT = parse_instant("2026-01-01T00:00:00Z")
MILLISECOND_US = 1_000
ALL_TIME = Period(parse_instant("2000-01-01T00:00:00Z"), RECEIVED_AT)
AGGREGATIONS = {
    "sum": Aggregation.SUM,
    "count": Aggregation.COUNT,
    "latest": Aggregation.LAST,
    "last": Aggregation.LAST,
    "min": Aggregation.MIN,
    "avg": Aggregation.AVERAGE,
    "unique": Aggregation.UNIQUE,
    "unique_count": Aggregation.UNIQUE,
}

DECIMAL_VALUE = Field("value", FieldType.DECIMAL, Use.CONTEXT)
UNIT = Field("unit", FieldType.STRING, Use.CONTEXT)


def decoded(given: Facts, expected: Facts) -> None:
    """One event's data under a contract with the meter's fields."""
    meter = given["meter"]
    value = meter.get("value_path", "").removeprefix("$.")
    groups = list(meter.get("group_by", {}))
    value_type = FieldType.STRING if meter["aggregation"] == "unique_count" else FieldType.DECIMAL
    fields = [Field(name, FieldType.STRING, Use.CONTEXT) for name in groups]
    if value:
        fields.append(Field(value, value_type, Use.BILLING))
    data = json.loads(given["data"]) if isinstance(given["data"], str) else given["data"]
    item = decode(data, fields)
    if "error" in expected:
        assert isinstance(item, Rejected)
        assert item.field == f"data.{value}"
        return
    assert isinstance(item, Event)
    if not value:
        assert (
            str(usage(Aggregation.COUNT, [stored_event(data, fields=fields)]).quantity) == expected["value"]
        )
        return
    assert str(item.fields[value]) == expected.get("value", expected.get("value_text"))
    assert {name: item.fields[name] for name in groups} == expected.get("group_by", {})


def future(given: Facts, expected: Facts) -> None:
    assert given["timestamp"] == "now + 1 day"
    item = decode({}, [], time=format_instant(Instant(RECEIVED_AT + DAY_MICROSECONDS)))
    assert isinstance(item, Rejected) != expected["accepted"]
    assert isinstance(item, Rejected) and item.reason is Reason.TIME_FUTURE


def aggregated(given: Facts, expected: Facts) -> None:
    events = [
        stored_event(
            {"value": cut(each["value"])}, row=row, time=format_instant(Instant(ALL_TIME.start + row))
        )
        for row, each in enumerate(given["events_in_time_order"])
    ]
    snapshot = usage(AGGREGATIONS[given["aggregation"]], events)
    if expected["value"] is None:
        assert (snapshot.quantity, snapshot.event_count) == (QUANTITY_ZERO, expected["rows"])
    else:
        assert str(snapshot.quantity) == cut(expected["value"])


def aggregated_by_creation(given: Facts, expected: Facts) -> None:
    events = [
        stored_event({"value": each["value"]}, time=each["time"], row=each["created"])
        for each in given["events"]
    ]
    for order in (events, events[::-1]):
        assert str(usage(AGGREGATIONS[given["aggregation"]], order).quantity) == expected["value"]


def windowed(given: Facts, expected: Facts) -> None:
    listed = [
        each if isinstance(each, dict) else {"time": each[0], "value": each[1]} for each in given["events"]
    ]
    listed += [given["extra_event"]] if "extra_event" in given else []
    events = [stored_event({"value": e["value"]}, time=e["time"], row=row) for row, e in enumerate(listed)]
    period = half_open(given)
    selected = in_window(request(Aggregation.SUM, period), events, Watermark(1)).selected
    found = {
        "value": str(usage(Aggregation.SUM, events, period).quantity),
        "sum": str(usage(Aggregation.SUM, events, period).quantity),
        "last": str(usage(Aggregation.LAST, events, period).quantity),
        "max": str(usage(Aggregation.MAX, events, period).quantity),
        "count": usage(Aggregation.COUNT, events, period).event_count,
        "values": [str(each.value) for each in selected],
    }
    assert expected.items() <= found.items()


def half_open(given: Facts) -> Period:
    """The period, where the peer includes the last millisecond of a day with that millisecond added."""
    if "to" in given:
        return Period(parse_instant(given["from"]), parse_instant(given["to"]))
    last = parse_instant(given.get("max_timestamp", given["period"]["to_inclusive"]))
    return Period(parse_instant(given["period"]["from"]), Instant(last + MILLISECOND_US))


def summable(given: Facts, expected: Facts) -> None:
    """Whether usage of two halves of a period adds up to that of the whole."""
    aggregation = AGGREGATIONS[given["aggregation"]]
    middle = parse_instant("2020-01-01T00:00:00Z")
    times = [ALL_TIME.start, Instant(middle - 1), middle, Instant(ALL_TIME.end - 1)]
    events = [
        stored_event({"value": "2.5"}, time=format_instant(at), row=row) for row, at in enumerate(times)
    ]
    halves = [usage(aggregation, events, half).quantity for half in ALL_TIME.split([middle])]
    assert (halves[0] + halves[1] == usage(aggregation, events).quantity) == expected["summable"]


def stored(given: Facts, expected: Facts) -> None:
    """Each arrival time is a batch; a bound on arrival is a watermark, an interval the difference of two."""
    arrivals = sorted({each[2] for each in given["events"]})
    events = [
        stored_event({"value": value}, time=at, batch=arrivals.index(arrival) + 1, row=row)
        for row, (at, value, arrival) in enumerate(given["events"])
    ]
    period = Period(parse_instant(given["from"]), parse_instant(given["to"]))

    def before(bound: str | None) -> Quantity:
        batches = sum(
            1 for arrival in arrivals if bound is None or parse_instant(arrival) < parse_instant(bound)
        )
        return usage(Aggregation.SUM, events, period, watermark=batches).quantity

    def holding(condition: Facts) -> Quantity:
        if "lt" in condition:
            return before(condition["lt"])
        if "gte" in condition:
            return before(None) - before(condition["gte"])
        if "or" in condition:
            return holding(condition["or"][0]) + holding(condition["or"][1])
        return before(condition["and"][1]["lt"]) - before(condition["and"][0]["gte"])

    assert str(holding(given["stored_at_filter"])) == expected["sum"]


def rolled_up(given: Facts, expected: Facts) -> None:
    """Sums per unit over the periods between transitions; days start at midnight in UTC."""
    events = [
        stored_event({"value": value, "unit": unit}, time=format_instant(midnight(day)), row=row)
        for row, (day, unit, value) in enumerate(given["records"])
    ]
    edges = [midnight(day) for day in given["transitions"]]
    found = [
        {unit: str(usage(Aggregation.SUM, events, period, unit=unit).quantity) for unit in given["units"]}
        for period in Period(edges[0], edges[-1]).split(edges)
    ]
    assert found == expected["intervals"]


def resent(given: Facts, expected: Facts) -> None:
    identities = [(event["subscription"], event["transaction_id"]) for event in given["events"]]
    assert [verdict is Verdict.ACCEPTED for verdict in verdicts(identities, set())] == expected["accepted"]


def batched(given: Facts, expected: Facts) -> None:
    ids = given.get("batch_transaction_ids", [str(n) for n in range(given.get("batch_size", 0))])
    known = {("gw", name) for name in given.get("already_stored", ())}
    judged = verdicts([("gw", name) for name in ids], known)
    repeats = [index for index, verdict in enumerate(judged) if verdict is Verdict.DUPLICATE]
    assert repeats == expected.get("error_indexes", [])
    assert judged.count(Verdict.ACCEPTED) == len(ids) - len(repeats)


def verdicts(identities: Sequence[tuple[str, str]], known: set[tuple[str, str]]) -> list[Verdict]:
    """Verdicts for events that differ in nothing but their identities."""
    keys = [identity_key(SECRET, source, id) for source, id in identities]
    content = np.array([lanes(content_digest(key, b"content")) for key in keys], dtype=np.uint64)
    found = np.array([identity in known for identity in identities])
    earlier = Known(found, np.zeros(len(keys), dtype=np.uint64), content[:, 0], content[:, 1])
    judged = judge(
        keys=np.frombuffer(b"".join(keys), dtype="<u8").reshape(-1, 2),
        content=content,
        rows=np.arange(len(keys), dtype=np.int32),
        batch=2,
        known=earlier,
    )
    return [Verdict(int(number)) for number in judged.verdict]


def contract(fields: Iterable[Field]) -> EventContract:
    ordered = tuple(sorted(fields, key=lambda field: field.name))
    return EventContract(EventType("usage"), 1, INSTANT_MIN, "", None, ordered, (), "")


def decode(
    data: object, fields: Iterable[Field], time: str = "2024-01-01T00:00:00Z", id: str = "1"
) -> Event | Rejected:
    item = {"source": "gw", "id": id, "type": "usage", "subject": SUBJECT, "time": time, "data": data}
    book = ContractBook([contract(fields)])
    return decode_item(json.dumps(item).encode(), book, received_at=RECEIVED_AT, default_source=None)


def stored_event(
    data: object,
    *,
    time: str = "2024-01-01T00:00:00Z",
    batch: int = 1,
    row: int = 0,
    fields: Sequence[Field] = (DECIMAL_VALUE, UNIT),
) -> MeterEvent:
    event = decode(data, fields, time, f"{batch}.{row}")
    assert isinstance(event, Event), event
    promise = contract(fields)
    digest = content_digest(identity_key(SECRET, event.source, event.id), canonical_of(event, promise))
    texts = {name: text[1:] for name, text in tagged(event, promise).items()}
    return MeterEvent(
        Position(batch, row),
        SourceName(event.source),
        event.id,
        event.type,
        event.subject,
        event.time,
        *lanes(digest),
        texts,
    )


def request(aggregation: Aggregation, period: Period, unit: str | None = None) -> UsageRequest:
    field = None if aggregation is Aggregation.COUNT else "value"
    chosen: Predicate = () if unit is None else (Condition("unit", (unit,)),)
    meter = Meter(
        MeterKey("m"),
        1,
        INSTANT_MIN,
        "",
        "",
        EventType("usage"),
        aggregation,
        field,
        "unit",
        (),
        chosen,
        (),
        "",
    )
    spans = (ClippedSpan(SUBJECT, period.start, period.end),)
    return UsageRequest(meter, SubscriptionId("s"), CustomerId("c"), period, spans)


def usage(
    aggregation: Aggregation,
    events: Iterable[MeterEvent],
    period: Period = ALL_TIME,
    *,
    unit: str | None = None,
    watermark: int = 1,
    retractions: Iterable[Retraction] = (),
) -> Snapshot:
    return measure(request(aggregation, period, unit), events, Watermark(watermark), retractions)


def cut(value: object) -> object:
    """A decimal text without the digits beyond the grammar; anything else as it is."""
    if not isinstance(value, str):
        return value
    whole, point, fraction = value.partition(".")
    return whole + point + fraction[:FRACTION_DIGITS_MAX]


def midnight(day: str) -> Instant:
    return local_midnight(date.fromisoformat(day), zone("UTC"))


RUNNERS: dict[str, Callable[[Facts, Facts], None]] = {
    "decoded": decoded,
    "future": future,
    "aggregated": aggregated,
    "aggregated_by_creation": aggregated_by_creation,
    "windowed": windowed,
    "summable": summable,
    "stored": stored,
    "rolled_up": rolled_up,
    "resent": resent,
    "batched": batched,
}
